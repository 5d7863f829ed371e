"""The error tree: one root, facts as fields, and nothing lost on the way between processes."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage
from falusage import errors
from falusage.errors import FalUsageError, FalUsageWarning

TREE = {
    "ConfigError": "FalUsageError",
    "QueryError": "FalUsageError ValueError",
    "ApiError": "FalUsageError",
    "AuthenticationError": "ApiError",
    "PermissionDeniedError": "ApiError",
    "BadRequestError": "ApiError",
    "NotFoundError": "ApiError",
    "RateLimitError": "ApiError",
    "ServerError": "ApiError",
    "TransportError": "ApiError",
    "ProtocolError": "ApiError",
    "PaginationError": "ProtocolError",
    "SchemaError": "FalUsageError",
    "ReconciliationError": "FalUsageError",
    "MissingColumnError": "FalUsageError",
    "AlignmentError": "FalUsageError",
    "CoverageError": "FalUsageError",
    "MixedCurrencyError": "FalUsageError",
    "ShortHistoryError": "FalUsageError",
    "SnapshotError": "FalUsageError",
    "StoreError": "FalUsageError",
    "MissingExtraError": "FalUsageError ImportError",
    "FalUsageError": "Exception",
    "FalUsageWarning": "UserWarning",
    "UnknownFieldWarning": "FalUsageWarning",
    "UnknownProductWarning": "FalUsageWarning",
    "CostMismatchWarning": "FalUsageWarning",
    "QuarantineWarning": "FalUsageWarning",
    "ReconciliationWarning": "FalUsageWarning",
    "ClockSkewWarning": "FalUsageWarning",
    "IncompletePeriodWarning": "FalUsageWarning",
    "ShortHistoryWarning": "FalUsageWarning",
    "MissingGlyphWarning": "FalUsageWarning",
    "UnmatchedWarning": "FalUsageWarning",
}
FRAME = pl.DataFrame({"cost": [-1.0], "rules": [["cost: negative"]]})
FACTS: dict[str, Any] = {
    "status": 429,
    "type": "rate_limited",
    "request_id": "req-1",
    "cursor": "Mg==",
    "window": ("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"),
    "retry_after": 3.0,
}


def classes() -> dict[str, type[BaseException]]:
    """Return the classes of the room."""
    return {
        name: found
        for name, found in inspect.getmembers(errors, inspect.isclass)
        if found.__module__ == errors.__name__
    }


def examples() -> list[FalUsageError]:
    """Return one of each, with all the facts it can carry."""
    made: list[FalUsageError] = []
    for name, kind in classes().items():
        if issubclass(kind, errors.ApiError):
            made.append(kind("broken", **FACTS))
        elif issubclass(kind, errors.SchemaError | errors.ReconciliationError):
            made.append(kind("broken", failures=FRAME))
        elif name == "MissingColumnError":
            made.append(errors.MissingColumnError("csot", ["cost", "unit"], hint="Look."))
        elif name == "MissingExtraError":
            made.append(errors.MissingExtraError("store", need="a store"))
        elif issubclass(kind, FalUsageError):
            made.append(kind("broken"))
    return made


def test_the_tree_is_the_designs() -> None:
    """Each class has the parents that the design gives it; there are no others."""
    assert TREE == {
        name: " ".join(parent.__name__ for parent in kind.__bases__)
        for name, kind in classes().items()
    }


def test_every_class_is_exported() -> None:
    """What can be raised can be caught by its public name."""
    exported = {n: getattr(falusage, n) for n in TREE}
    assert classes() == exported
    assert set(TREE) <= set(falusage.__all__)


def test_the_rooms_docstring_draws_the_whole_tree() -> None:
    """Nobody has to read the code to know what to catch."""
    assert errors.__doc__ is not None
    drawn = [line for line in errors.__doc__.splitlines() if line.startswith(("├", "│", "└"))]
    names = {line.strip("│├└─ ").split()[0] for line in drawn}
    assert {n for n in TREE if n.endswith("Error")} - {"FalUsageError"} == names


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
def test_an_error_comes_whole_from_another_process(error: FalUsageError) -> None:
    """Pickled and copied, it keeps its type, its words and its facts."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own bytes
        assert (type(error), str(error), error.args) == (type(twin), str(twin), twin.args)
        assert vars(error).keys() == vars(twin).keys()
        for name, fact in vars(error).items():
            if isinstance(fact, pl.DataFrame):
                assert_frame_equal(fact, getattr(twin, name))
            else:
                assert fact == getattr(twin, name)


def test_facts_are_fields() -> None:
    """Programs read fields, not messages; people find the request id in the message, once."""
    error = errors.RateLimitError("slow down", **FACTS)
    assert FACTS == {name: getattr(error, name) for name in FACTS}
    assert {None} == {getattr(errors.ApiError("broken"), name) for name in FACTS}
    assert "slow down (request id req-1)" == str(error)
    assert "req-1: no" == str(errors.ApiError("req-1: no", request_id="req-1"))
    assert "broken" == str(errors.ApiError("broken"))


def test_a_missing_column_names_the_near_one() -> None:
    """A slip of the finger is guessed; a name like no other is not."""
    near = errors.MissingColumnError("user_name", ["username", "cost"], hint="Ask for it.")
    assert (
        "no column 'user_name'. Did you mean 'username'? Ask for it. There are: username, cost."
        == str(near)
    )
    assert ("user_name", ("username", "cost")) == (near.column, near.available)
    assert "no column 'zz'. There are: none." == str(errors.MissingColumnError("zz", []))


def test_a_missing_extra_says_what_to_install() -> None:
    """The words can be pasted."""
    error = errors.MissingExtraError("store", need="UsageStore")
    assert "UsageStore needs the extra 'store': pip install 'falusage[store]'" == str(error)
    assert "store" == error.extra


def test_warnings_are_silenced_by_one_root() -> None:
    """A filter on `FalUsageWarning` reaches them all."""
    told = [kind for name, kind in classes().items() if name.endswith("Warning")]
    assert all(issubclass(kind, FalUsageWarning) for kind in told)
