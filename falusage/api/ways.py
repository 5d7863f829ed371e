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

Invalid = Literal["raise", "quarantine"]
Reconcile = Literal["raise", "warn", "off"]


@dataclass(frozen=True, slots=True)
class Names:
    """How messages name the ways out."""

    quarantine: str = "invalid='quarantine'"
    warn: str = "reconcile='warn'"


NAMES: Final[ContextVar[Names]] = ContextVar("falusage_ways", default=Names())  # noqa: B039 - frozen
"""How messages name the ways out here."""


@contextmanager
def named(*, quarantine: str, warn: str) -> Generator[None]:
    """Name the ways out differently in messages, as the command line does."""
    token = NAMES.set(Names(quarantine, warn))
    try:
        yield
    finally:
        NAMES.reset(token)


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
