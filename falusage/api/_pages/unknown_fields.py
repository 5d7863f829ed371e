"""Pages put together into one table, their unknown fields brought to one type each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl

from falusage.api._pages.answers import EXACT, FAULTS, KIND_DTYPES, RECEIVED, Kind
from falusage.api._pages.fast import Page
from falusage.columns import SUMMARY, USAGE
from falusage.errors import UnknownFieldWarning, warn


def assemble(pages: Sequence[Page], *, of: Literal["rows", "summary"] = "rows") -> pl.DataFrame:
    """Put the rows, or the summaries, of pages together: the known columns, then the new ones."""
    kinds = joint_kinds(pages, of=of)
    parts = [(getattr(page, of), page.kinds) for page in pages]
    tables = [_with_kinds(table, seen, kinds) for table, seen in parts if table is not None]
    empty = pl.DataFrame(schema=USAGE if of == "rows" else SUMMARY)
    return pl.concat([empty, *tables], how="diagonal")


def joint_kinds(
    pages: Sequence[Page], *, of: Literal["rows", "summary"] = "rows"
) -> dict[str, Kind]:
    """Give the kind that holds every page's values of each unknown field."""
    kinds: dict[str, Kind] = {}
    for page in pages:
        for name, kind in page.kinds.items():
            kinds[name] = _join(kinds.get(name, "null"), kind)
    for name, kind in kinds.items():
        if kind == "float" and any(_too_large(getattr(page, of), name) for page in pages):
            kinds[name] = "json"
    return kinds


def _join(one: Kind, other: Kind) -> Kind:
    if other in {one, "null"}:
        return one
    if one == "null":
        return other
    return "float" if {one, other} == {"int", "float"} else "json"


def _too_large(table: pl.DataFrame | None, name: str) -> bool:
    """Return whether a page's whole numbers are beyond what a double holds exactly."""
    if table is None or table.schema.get(name) != pl.Int64:
        return False
    return bool((table[name].abs() > int(EXACT)).any())


def _with_kinds(
    table: pl.DataFrame, kinds: Mapping[str, Kind], wanted: Mapping[str, Kind]
) -> pl.DataFrame:
    """Bring a page's unknown fields to the wanted kinds; those it lacks become null."""
    columns: list[pl.Series] = []
    for name, kind in wanted.items():
        if name not in table.columns:
            columns.append(pl.Series(name, [None] * table.height, KIND_DTYPES[kind]))
        elif kind == "json" and kinds[name] not in {"json", "null"}:
            texts = [None if v is None else json.dumps(v, ensure_ascii=False) for v in table[name]]
            columns.append(pl.Series(name, texts, pl.String))
        else:
            columns.append(table[name].cast(KIND_DTYPES[kind]))
    known = [name for name in USAGE if name in table.columns]
    internal = [name for name in (FAULTS, RECEIVED) if name in table.columns]
    return table.select(*dict.fromkeys(known), *columns, *internal)


def warn_of_unknown(kinds: Mapping[str, Kind], ignored: Sequence[str]) -> None:
    """Name the fields that the API sent and that this version does not know."""
    if kinds:
        warn(
            f"the API sent fields that are new: {', '.join(map(repr, kinds))}; they are kept as "
            "columns after the known ones",
            UnknownFieldWarning,
        )
    if ignored:
        warn(
            f"the API's answer has new fields beside its rows: {', '.join(map(repr, ignored))}; "
            "they belong to no row and are in no table",
            UnknownFieldWarning,
        )
