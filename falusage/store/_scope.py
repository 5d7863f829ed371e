"""What a store asks, but for the range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from falusage._version import __version__
from falusage.api.client import UsageClient
from falusage.api.query import UsageQuery
from falusage.api.workspace import read_name
from falusage.contract import ASKED, UsageFields
from falusage.errors import QueryError, StoreError
from falusage.timeframes import EVERY, Every, Timeframe, instant

_ASKED: Final = {
    name: parameter
    for name, parameter in ASKED.items()
    if not parameter.per_page and name != "bound_to_timeframe"
}
"""What a store may ask. Its buckets are always whole."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a store asks, but for the range: the same in every sync, so that rows are comparable.

    Attributes:
        asked: The value of each parameter, in the order of the contract.
        workspace: The name of the workspace, if the store asks for one: the rows of another would
            replace its own.
    """

    asked: tuple[tuple[str, Any], ...]
    workspace: str | None = None

    @classmethod
    def of(cls, query: UsageQuery, workspace: str | None = None) -> Scope:
        """Return the scope of a query; the order of its filters does not matter."""
        taken = {name: getattr(query, name) for name in _ASKED} | {"workspace": workspace}
        return cls.read({k: sorted(v) if type(v) is tuple else v for k, v in taken.items()})

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Scope:
        """Read a scope as a document has it; a parameter that it lacks has its default.

        Raises:
            StoreError: It has a parameter that this version does not know.
        """
        if unknown := [name for name in said if name not in {"workspace", *_ASKED}]:
            raise StoreError(
                f"it asks for {', '.join(unknown)}, which falusage {__version__} does not know; "
                "upgrade it"
            )
        restored: dict[str, Any] = {k: tuple(v) if type(v) is list else v for k, v in said.items()}
        return cls(
            tuple((name, restored.get(name, asked.default)) for name, asked in _ASKED.items()),
            said.get("workspace"),
        )

    def fields(self) -> dict[str, Any]:
        """Return what is asked, by parameter, and the workspace if there is one."""
        return dict(self.asked) | ({"workspace": self.workspace} if self.workspace else {})

    def query(self, start: datetime, end: datetime, *, limit: int | None = None) -> UsageQuery:
        """Return the question for a range."""
        return UsageQuery(start, end, limit=limit, **dict(self.asked))

    def difference(self, other: Scope) -> str:
        """Name what another scope has otherwise; empty where they are equal."""
        sides = {"workspace": None, **self.fields()}, {"workspace": None, **other.fields()}
        return "; ".join(
            f"{name} is {had!r} there and {sides[1][name]!r} here"
            for name, had in sides[0].items()
            if had != sides[1][name]
        )

    @property
    def timezone(self) -> str:
        """The zone that buckets are cut in."""
        return self.fields()["timezone"]

    @property
    def timeframe(self) -> Timeframe:
        """The length of a bucket, by name."""
        return self.fields()["timeframe"]

    @property
    def every(self) -> Every:
        """The length of a bucket."""
        return EVERY[self.timeframe]

    @property
    def unit(self) -> Every:
        """What is read again and replaced as a whole: a local day, or a longer bucket."""
        return self.every if self.timeframe in {"week", "month"} else "1d"


def question(
    start: date | datetime | str, end: date | datetime | str | None, query: UsageFields
) -> tuple[datetime, datetime | None, UsageQuery]:
    """Return the range of a sync, and what it asks for, of days unless it says otherwise.

    Raises:
        QueryError: An argument is malformed, or asks for parts of buckets.
    """
    if query.get("bound_to_timeframe", True) is not True:
        raise QueryError("bound_to_timeframe is False; a store's buckets are always whole")
    zone = query.get("timezone", "UTC")
    first = instant(start, timezone=zone, name="start")
    last = None if end is None else instant(end, timezone=zone, name="end")
    by_day = query | {"timeframe": query.get("timeframe") or "day"}
    return first, last, UsageQuery(first, last or first + timedelta(days=1), **by_day)


def named(client: UsageClient) -> str:
    """Return the name of the client's workspace, by which a store knows its own.

    Raises:
        StoreError: The key may not read it.
    """
    name = read_name(client.exchange())
    if name is None:
        raise StoreError(
            "the key may not read the name of its workspace, so the store could not tell it from "
            "another one; use a key that may read billing"
        )
    return name
