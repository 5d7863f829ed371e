"""Line items as a table, beside the kinds of the fields that the contract does not declare.

One page cannot tell the type of an unknown field: a whole number here may be text on the next
page. So every table states the kind of each unknown field. The kinds of several tables have one
joint kind that keeps all values, and a table can be brought to it at any time, also after it was
written to a file.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from falusage.errors import UnknownFieldWarning, warn
from falusage.schema.validation import MARKS

Kind = Literal["null", "bool", "int", "long", "float", "string", "json"]
"""`long` is a whole number beyond 2**53, up to which a double holds every whole number."""

Kinds = Mapping[str, Kind]
"""The kind of each unknown field, in the order in which they came."""

KIND_DTYPES: Final[dict[Kind, pl.DataType]] = {
    "null": pl.String(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "long": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
}
EXACT: Final = 2.0**53
"""Up to here a double holds every whole number."""

INT64: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class LineItems:
    """A table of line items.

    Attributes:
        table: The known columns, then the unknown fields, then the `MARKS` of rows that could not
            be typed, if there are any.
        kinds: The kinds of the unknown fields.
    """

    table: pl.DataFrame
    kinds: Kinds

    def with_kinds(self, kinds: Kinds) -> pl.DataFrame:
        """Return the table with the unknown fields of `kinds`; those that it lacks are null.

        Args:
            kinds: At least the fields of this table, each of its own kind or a joint one.
        """
        if not kinds:
            return self.table
        columns: list[pl.Series] = []
        for name, kind in kinds.items():
            if name not in self.kinds:
                columns.append(pl.Series(name, [None] * self.table.height, KIND_DTYPES[kind]))
            elif kind == "json" and self.kinds[name] not in {"json", "null"}:
                columns.append(pl.Series(name, json_texts(self.table[name]), pl.String))
            else:
                columns.append(self.table[name].cast(KIND_DTYPES[kind]))
        taken = {*kinds, *MARKS}
        known = (name for name in self.table.columns if name not in taken)
        marks = (name for name in MARKS if name in self.table.columns)
        return self.table.select(*known, *columns, *marks)


def concat(parts: Sequence[LineItems], columns: Mapping[str, pl.DataType]) -> LineItems:
    """Concatenate tables, in order.

    Args:
        parts: The tables.
        columns: The known columns, which the result has even without a part.
    """
    kinds = joint_kinds(part.kinds for part in parts)
    tables = [part.with_kinds(kinds) for part in parts]
    table = pl.concat([pl.DataFrame(schema=columns), *tables], how="diagonal")
    last = {*kinds, *MARKS}
    first = [name for name in table.columns if name not in last]
    return LineItems(table.select(*first, *(name for name in table.columns if name in last)), kinds)


def joint_kinds(several: Iterable[Kinds]) -> Kinds:
    """Return the kinds that keep every value of each field."""
    joint: dict[str, Kind] = {}
    for kinds in several:
        for name, kind in kinds.items():
            joint[name] = _joint(joint.get(name, "null"), kind)
    return joint


def _joint(one: Kind, other: Kind) -> Kind:
    if other in {one, "null"}:
        return one
    if one == "null":
        return other
    if {one, other} == {"int", "long"}:
        return "long"
    return "float" if {one, other} == {"int", "float"} else "json"


def kind_of_values(values: Sequence[Any]) -> Kind:
    """Return the kind that keeps parsed JSON values as they are; `json` keeps them as text."""
    types = {type(value) for value in values if value is not None}
    whole = [value for value in values if type(value) is int]
    is_exact = all(abs(value) <= EXACT for value in whole)
    if not types:
        return "null"
    if types == {bool}:
        return "bool"
    if types == {str}:
        return "string"
    if types == {int} and all(value in INT64 for value in whole):
        return "int" if is_exact else "long"
    return "float" if types <= {int, float} and is_exact else "json"


def json_texts(values: Iterable[Any]) -> list[str | None]:
    """Return values as JSON text, equal values as equal text; null stays null."""
    return [
        None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
        for value in values
    ]


def warn_of_unknown(kinds: Kinds, ignored: Iterable[str], *, known: Container[str] = ()) -> None:
    """Warn of the fields that the API sent and that this version does not know.

    Args:
        kinds: The unknown fields of the rows.
        ignored: Names of unknown fields that belong to no row.
        known: Names of fields that are known, although only some answers have them.
    """
    if unknown := [name for name in kinds if name not in known]:
        warn(
            f"the API sent unknown fields: {', '.join(map(repr, unknown))}. They are kept as "
            "columns after the known ones",
            UnknownFieldWarning,
        )
    if ignored := sorted(name for name in set(ignored) if name not in known):
        warn(
            f"the API's answer has unknown fields beside its rows: {', '.join(map(repr, ignored))}."
            " They belong to no row and are in no table",
            UnknownFieldWarning,
        )
