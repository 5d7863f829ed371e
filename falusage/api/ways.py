"""The ways out of a rejected load: what to do with invalid rows, and with a difference.

Messages name them as the caller types them: as keywords in Python, as options in a terminal.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal, get_args

from falusage.errors import QueryError
from falusage.schema.validation import IN_FAILURES

Invalid = Literal["raise", "quarantine"]
Reconcile = Literal["raise", "warn", "off"]


@dataclass(frozen=True, slots=True)
class Advice:
    """How messages end: where what was rejected is, and the way out."""

    rows: str = f"{IN_FAILURES}; invalid='quarantine' loads the other rows"
    keys: str = (
        "All are in this error's `failures`; try again, or look at both sides with reconcile='warn'"
    )


ADVICE: Final[ContextVar[Advice]] = ContextVar("falusage_ways", default=Advice())  # noqa: B039 - frozen
"""How messages end here."""


@contextmanager
def advising(*, rows: str, keys: str) -> Generator[None]:
    """End messages differently, as the command line does, whose users see no error's fields."""
    token = ADVICE.set(Advice(rows, keys))
    try:
        yield
    finally:
        ADVICE.reset(token)


def require_ways(invalid: str, reconcile: str) -> None:
    """Raise if `invalid` or `reconcile` has an unknown value.

    Raises:
        QueryError: The message lists the choices.
    """
    for name, value, choices in (
        ("invalid", invalid, get_args(Invalid)),
        ("reconcile", reconcile, get_args(Reconcile)),
    ):
        if value not in choices:
            raise QueryError(f"{name} is {value!r}; expected {' or '.join(map(repr, choices))}")
