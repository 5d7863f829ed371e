"""The request's parameters: their form, their defaults, and how they become a question.

Both editions of the contract are typed models; FastAPI checks requests against them and writes
them into the OpenAPI document. What a form cannot say (ranges, zones, names with commas) is
resolved here against the table that is served.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.json_schema import SkipJsonSchema

from falusage import timeframes
from falusage.columns import Product
from falusage.emulator.ledger import Ledger, Question
from falusage.emulator.wire import page_number
from falusage.errors import QueryError

MOST_IDS: Final = 50
_SHOWN: Final = {
    "auth_method": ("auth_method",),
    "auth_method_structured": ("auth_detail", "api_key_id", "login_username"),
}
_EXPAND: Final = "Comma-separated or repeated; at least one of time_series and summary."
_Name = Annotated[str, Field(min_length=1)]
_Ids = Annotated[list[_Name], Field(min_length=1, max_length=MOST_IDS)]


class Parameters(BaseModel):
    """What both editions share."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1)] | SkipJsonSchema[None] = Field(
        None, description="The most line items on a page; the server may clamp it."
    )
    cursor: str | SkipJsonSchema[None] = Field(
        None, description="Where to go on: `next_cursor` of the page before."
    )
    start: str | SkipJsonSchema[None] = Field(
        None,
        description="ISO 8601 instant, or YYYY-MM-DD in `timezone`; inclusive. "
        "Default: 24 hours ago.",
    )
    end: str | SkipJsonSchema[None] = Field(None, description="The same; exclusive. Default: now.")
    timezone: str = Field("UTC", description="The IANA zone that decides bucket boundaries.")
    timeframe: timeframes.Timeframe | SkipJsonSchema[None] = Field(
        None,
        description="Default: by the range. minute under 2 hours, hour under 2 days, day under "
        "64 days, week under 183 days, else month.",
    )
    bound_to_timeframe: Literal["true", "false"] = Field(
        "true", description="Whether both ends are widened to whole buckets."
    )
    endpoint_id: _Ids = Field(
        default_factory=list,
        description="1 to 50 ids, comma-separated or repeated; default: all. A value that as a "
        "whole is an id in the table is not cut at its commas.",
    )
    product: list[Product] = Field(
        default_factory=list, description="Comma-separated or repeated; default: all three."
    )
    expand: list[Any]

    @field_validator("product", "expand", mode="before")
    @classmethod
    def _cut_at_commas(cls, values: list[str]) -> list[str]:
        return [part for value in values for part in value.split(",")]

    @field_validator("limit", mode="before")
    @classmethod
    def _plain_digits(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and value.isdigit()):
            raise ValueError("expected a whole number in plain digits")
        return value

    def wants(self, part: Literal["time_series", "summary"]) -> bool:
        """Say whether a part of the answer is asked for."""
        return part in self.expand

    def page_number(self) -> int:
        """Give the page that is asked for, from 1, or raise a `QueryError`."""
        try:
            return 1 if self.cursor is None else page_number(self.cursor)
        except ValueError as error:
            raise QueryError(str(error)) from error

    def names(self, ledger: Ledger) -> dict[str, tuple[str, ...]]:
        """Give the names to keep in each column, empty for all, or raise a `QueryError`."""
        return {
            "endpoint_id": _names("endpoint_id", self.endpoint_id, ledger, most=MOST_IDS),
            "product": tuple(self.product),
        }

    def question(self, ledger: Ledger, *, now: datetime) -> Question:
        """Resolve defaults, bounds and names into what is asked of the ledger.

        Raises:
            QueryError: If the parameters make no question; the message says why.
        """
        if not (self.wants("time_series") or self.wants("summary")):
            raise QueryError("expand must name at least one of time_series and summary")
        try:
            start, end, timeframe = self._range(now)
        except OverflowError as error:
            raise QueryError("start and end must lie between the years 1 and 9999") from error
        return Question(
            start=start,
            end=end,
            timeframe=timeframe,
            timezone=self.timezone,
            only=tuple(
                (name, tuple(sorted(set(kept))))
                for name, kept in self.names(ledger).items()
                if kept
            ),
            shown=tuple(
                column
                for field, shown in _SHOWN.items()
                if field in self.expand
                for column in shown
            ),
        )

    def _range(self, now: datetime) -> tuple[datetime, datetime, timeframes.Timeframe]:
        given = {"start": self.start, "end": self.end}
        usual = {"start": now - timedelta(hours=24), "end": now}
        # In UTC, because datetimes of one ZoneInfo are compared by their wall clocks.
        start, end = (
            timeframes.instant(
                usual[name] if text is None else text, timezone=self.timezone, name=name
            ).astimezone(UTC)
            for name, text in given.items()
        )
        if start >= end:
            raise QueryError(f"start {start.isoformat()} is not before end {end.isoformat()}")
        timeframe = self.timeframe or timeframes.auto_timeframe(start, end)
        if self.bound_to_timeframe == "true":
            every = timeframes.EVERY[timeframe]
            start = timeframes.floor(start, every=every, timezone=self.timezone).astimezone(UTC)
            end = timeframes.ceil(end, every=every, timezone=self.timezone).astimezone(UTC)
        return start, end, timeframe


class Edition2(Parameters):
    """The second edition of the contract: one team, no filter by key."""

    team_username: str | SkipJsonSchema[None] = Field(
        None, min_length=1, description="One team; default: all."
    )
    expand: list[Literal["time_series", "summary", "auth_method"]] = Field(
        ["time_series"], description=_EXPAND
    )

    def names(self, ledger: Ledger) -> dict[str, tuple[str, ...]]:
        """Give the names to keep in each column, empty for all, or raise a `QueryError`."""
        teams = [] if self.team_username is None else [self.team_username]
        return super().names(ledger) | {"username": _names("username", teams, ledger, most=1)}


class Edition3(Parameters):
    """Today's edition: several teams, a filter by key, and who called in fields of their own."""

    team_username: list[_Name] = Field(
        default_factory=list,
        description="One or more teams, comma-separated or repeated; default: all.",
    )
    api_key_id: _Ids = Field(
        default_factory=list, description=f"1 to {MOST_IDS} key ids; default: all."
    )
    expand: list[Literal["time_series", "summary", "auth_method", "auth_method_structured"]] = (
        Field(["time_series"], description=_EXPAND)
    )

    def names(self, ledger: Ledger) -> dict[str, tuple[str, ...]]:
        """Give the names to keep in each column, empty for all, or raise a `QueryError`."""
        return super().names(ledger) | {
            "username": _names("username", self.team_username, ledger),
            "api_key_id": _names("api_key_id", self.api_key_id, ledger, most=MOST_IDS),
        }


def _names(
    column: str, values: Iterable[str], ledger: Ledger, *, most: int | None = None
) -> tuple[str, ...]:
    """Cut values at their commas, but keep those whole that name something in the table."""
    names = tuple(
        name
        for value in values
        for name in ([value] if ledger.holds(column, value) else value.split(","))
    )
    if "" in names:
        raise QueryError(f"{column} has an empty name in it")
    if most is not None and len(names) > most:
        raise QueryError(f"{column} takes at most {most}, not {len(names)}")
    return names
