"""The request's parameters: their form, their defaults, and how they become a question.

Each edition of the contract is a typed model, made from its declaration. FastAPI checks requests
against it and writes it into the OpenAPI document. What a form cannot say (ranges, zones, names
with commas) is resolved here against the table that is served.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.json_schema import SkipJsonSchema

from falusage import timeframes
from falusage.contract import Endpoint, Parameter
from falusage.emulator._ledger import Ledger, Question
from falusage.emulator._wire import page_number
from falusage.errors import QueryError

_Name = Annotated[str, Field(min_length=1)]


def _cut_at_commas(values: list[str]) -> list[str]:
    return [part for value in values for part in value.split(",")]


def _plain_digits(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise ValueError("expected a whole number in plain digits")
    return value


class Parameters(BaseModel):
    """What a request asks for, checked as far as a form can be."""

    model_config = ConfigDict(extra="forbid")
    endpoint: ClassVar[Endpoint]

    def asked(self, name: str) -> Any:
        """Return a parameter's value, None if this edition does not have it."""
        return getattr(self, name, None)

    def wants(self, part: str) -> bool:
        """Return whether a part of the answer is asked for."""
        return part in (self.asked("expand") or ())

    def page_number(self) -> int:
        """Return the page that is asked for, from 1, or raise a `QueryError`."""
        cursor = self.asked("cursor")
        try:
            return 1 if cursor is None else page_number(cursor)
        except ValueError as error:
            raise QueryError(str(error)) from error

    def names(self, holds: Callable[[str, str], bool]) -> dict[str, tuple[str, ...]]:
        """Return the names to keep in each column, empty for all.

        Args:
            holds: Tells whether a column has a value, which is then not cut at its commas.

        Raises:
            QueryError: A name is empty, or there are too many.
        """
        found: dict[str, tuple[str, ...]] = {}
        for name, parameter in self.endpoint.asked.items():
            given = self.asked(name)
            if parameter.column is None or given is None:
                continue
            values = [given] if isinstance(given, str) else given
            most = 1 if isinstance(given, str) else parameter.most
            cut = _names(name, parameter.column, values, holds, most=most)
            found[parameter.column] = tuple(values) if parameter.choices else cut
        return found

    def question(self, ledger: Ledger, *, now: datetime) -> Question:
        """Resolve defaults, bounds and names into what is asked of the ledger.

        Raises:
            QueryError: If the parameters make no question; the message says why.
        """
        if not (self.wants("time_series") or self.wants("summary")):
            raise QueryError("expand must name at least one of time_series and summary")
        start, end, timeframe = self.buckets(now)
        return Question(
            start=start,
            end=end,
            timeframe=timeframe,
            timezone=self.asked("timezone"),
            only=tuple(
                (name, tuple(sorted(set(kept))))
                for name, kept in self.names(ledger.holds).items()
                if kept
            ),
            tags=tuple(sorted((key, tuple(sorted(kept))) for key, kept in self.tags().items())),
            search=(self.asked("search") or "").lower(),
            shown=self.shown(),
            tagged=self.asked("source") == "tagged-estimate",
        )

    def shown(self) -> tuple[str, ...]:
        """Return the fields that are asked for beside the usual ones."""
        return tuple(name for name in self.endpoint.asked if self.wants(name))

    def tags(self) -> dict[str, list[str]]:
        """Return the tags that are asked for: the values of each key."""
        found: dict[str, list[str]] = {}
        for tag in self.asked("tag") or ():
            key, is_tag, value = tag.partition("=")
            if not (key and is_tag and value):
                raise QueryError(f"tag is {tag!r}; expected key=value")
            found.setdefault(key, []).append(value)
        return found

    def buckets(self, now: datetime) -> tuple[datetime, datetime, timeframes.Timeframe]:
        """Return the range, widened to whole buckets if that is asked for, and their length.

        Raises:
            QueryError: The range is not one.
        """
        try:
            start, end = self.range(now)
            timeframe = self.asked("timeframe") or timeframes.auto_timeframe(start, end)
            if self.asked("bound_to_timeframe") == "true":
                every, timezone = timeframes.EVERY[timeframe], self.asked("timezone")
                start = timeframes.floor(start, every=every, timezone=timezone).astimezone(UTC)
                end = timeframes.ceil(end, every=every, timezone=timezone).astimezone(UTC)
        except OverflowError as error:
            raise QueryError("start and end must lie between the years 1 and 9999") from error
        return start, end, timeframe

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the range that is asked for, by default the last 24 hours.

        Raises:
            QueryError: The start is not before the end, or one is not an instant.
            OverflowError: One is in no year of the calendar.
        """
        given = {"start": self.asked("start"), "end": self.asked("end")}
        usual = {"start": now - timedelta(hours=24), "end": now}
        timezone = self.asked("timezone") or "UTC"
        # In UTC, because datetimes of one ZoneInfo are compared by their wall clocks.
        start, end = (
            timeframes.instant(
                usual[name] if text is None else text, timezone=timezone, name=name
            ).astimezone(UTC)
            for name, text in given.items()
        )
        if start >= end:
            raise QueryError(f"start {start.isoformat()} is not before end {end.isoformat()}")
        return start, end


@functools.cache
def parameters_model(endpoint: Endpoint, edition: int) -> type[Parameters]:
    """Return the model of an endpoint's parameters in an edition."""
    fields = {
        name: _field(name, parameter, endpoint, edition)
        for name, parameter in endpoint.parameters_in(edition).items()
        if parameter.kind != "expand" or name == "expand"
    }
    model = create_model(f"Edition{edition}", __base__=Parameters, **fields)  # type: ignore[call-overload]
    model.endpoint = endpoint
    return model


def _field(name: str, parameter: Parameter, endpoint: Endpoint, edition: int) -> tuple[Any, Any]:
    """Return a parameter as pydantic takes it: its type, and its default with a description."""
    told: dict[str, Any] = {"description": parameter.help}
    match parameter.kind:
        case "count":
            digits = Annotated[int, Field(ge=1), BeforeValidator(_plain_digits)]
            return digits | SkipJsonSchema[None], Field(None, **told)
        case "switch":
            default = "true" if parameter.default else "false"
            return Literal["true", "false"], Field(default, **told)
        case "choice":
            one = Literal[parameter.choices]
            optional = one | SkipJsonSchema[None], Field(None, **told)
            return (one, Field(**told)) if parameter.required else optional
        case "names" if parameter.takes_one(edition):
            return str | SkipJsonSchema[None], Field(None, min_length=1, **told)
        case "names" | "expand":
            return _list_field(parameter, _choices(name, parameter, endpoint, edition), told)
        case _:
            kind = str if parameter.default is not None else str | SkipJsonSchema[None]
            return kind, Field(parameter.default, **told)


def _choices(name: str, parameter: Parameter, endpoint: Endpoint, edition: int) -> tuple[str, ...]:
    """Return the values that a list may have, empty for any; `expand` also has what it shows."""
    shown = (
        each
        for each, other in endpoint.parameters_in(edition).items()
        if other.kind == "expand" and each != "expand" and name == "expand"
    )
    return (*parameter.choices, *shown)


def _list_field(
    parameter: Parameter, choices: tuple[str, ...], told: dict[str, Any]
) -> tuple[Any, Any]:
    each = Literal[choices] if choices else _Name
    bounds = [Field(min_length=1, max_length=parameter.most)] if parameter.most else []
    cut = [BeforeValidator(_cut_at_commas)] if choices else []
    notes = (*bounds, *cut)
    kind = Annotated[list[each], *notes] if notes else list[each]  # type: ignore[valid-type]
    told["description"] += " Comma-separated or repeated."
    if not choices:
        told["description"] += " A value that as a whole is in the table is not cut at its commas."
    if parameter.required:
        return kind, Field(**told)
    if parameter.default:
        return kind, Field(list(parameter.default), **told)
    return kind, Field(default_factory=list[str], **told)  # an empty list would break its bounds


def _names(
    parameter: str,
    column: str,
    values: Iterable[str],
    holds: Callable[[str, str], bool],
    *,
    most: int | None,
) -> tuple[str, ...]:
    """Cut values at their commas, but keep those whole that name something in the table."""
    names = tuple(
        name for value in values for name in ([value] if holds(column, value) else value.split(","))
    )
    if "" in names:
        raise QueryError(f"{parameter} has an empty name in it")
    if most is not None and len(names) > most:
        raise QueryError(f"{parameter} takes at most {most}, not {len(names)}")
    return names
