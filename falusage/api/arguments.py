"""How the arguments of a query are checked: its range, and each field by its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from falusage import timeframes
from falusage._suggestions import did_you_mean
from falusage.contract import Parameter
from falusage.errors import QueryError

Value = str | bool | int | tuple[str, ...] | None
"""A checked parameter."""


def checked_range(
    start: date | datetime | str, end: date | datetime | str, *, timezone: str
) -> tuple[datetime, datetime]:
    """Return the ends of a range, in UTC.

    Raises:
        QueryError: A datetime has no offset, or the start is not before the end.
    """
    first = timeframes.instant(start, timezone=timezone, name="start")
    last = timeframes.instant(end, timezone=timezone, name="end")
    if first >= last:
        raise QueryError(
            f"start {first.isoformat()} is not before end {last.isoformat()}; "
            "end is exclusive, so one day runs from its date to the next"
        )
    return first, last


def checked_fields(
    fields: Mapping[str, Any], declared: Mapping[str, Parameter]
) -> dict[str, Value]:
    """Return all fields, checked, in the order of their declaration.

    Raises:
        QueryError: A field is unknown, or has a value that its parameter does not take.
    """
    for name in fields:
        if name not in declared:
            raise QueryError(
                f"there is no argument {name!r}.{did_you_mean(name, sorted(declared))} "
                f"Expected {', '.join(sorted(declared))}"
            )
    return {
        name: _checked(name, fields.get(name, parameter.default), parameter)
        for name, parameter in declared.items()
    }


def _checked(name: str, value: Any, parameter: Parameter) -> Value:
    """Check one field by the kind that its parameter is declared with."""
    match parameter.kind:
        case "switch" | "expand":
            if type(value) is not bool:
                raise QueryError(f"{name} is {value!r}; expected True or False")
        case "count":
            if value is not None and (type(value) is not int or value < 1):
                raise QueryError(f"{name} is {value!r}; expected a whole number from 1 up, or None")
        case "choice":
            if value is not None:
                _one_of(name, value, parameter.choices)
        case "names":
            value = names(name, value, parameter)
        case _:
            pass  # a zone is checked together with the instants
    return value


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise QueryError(
            f"{name} {value!r} is not one of {', '.join(choices)}.{did_you_mean(value, choices)}"
        )


def names(field: str, value: str | Iterable[str], parameter: Parameter) -> tuple[str, ...]:
    """Return one name or several as a tuple, each name once, so that no row counts twice.

    Raises:
        QueryError: A name is empty or not one that the parameter takes, or there are too many.
    """
    if not isinstance(value, Iterable):
        raise QueryError(f"{field} is {value!r}; expected a name or several, or () for all")
    found = (value,) if isinstance(value, str) else tuple(value)
    for name in found:
        if type(name) is not str or not name.strip():
            raise QueryError(f"{field} has {name!r}; expected names that are not empty")
        if parameter.choices:
            _one_of(field, name, parameter.choices)
        if parameter.pattern and not re.fullmatch(parameter.pattern, name):
            raise QueryError(f"{field} is {name!r}; expected {parameter.metavar.lower()}")
    if not parameter.splits and parameter.most and len(found) > parameter.most:
        raise QueryError(f"{field} has {len(found)} values; expected {parameter.most} at most")
    return tuple(dict.fromkeys(found))
