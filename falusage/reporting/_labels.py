"""The display names of teams and keys, which a report shows before their ids.

Colours, filters and sums follow the ids, which never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import polars as pl

from falusage._usage.table import Arrow, lazy, require
from falusage.errors import QueryError

Labels: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each column, the display name of each of its names that has one."""

NO_LABELS: Final[Labels] = MappingProxyType({})


def read_labels(teams: pl.LazyFrame | Arrow | None, keys: pl.LazyFrame | Arrow | None) -> Labels:
    """Return the display names of what `load_teams` and `load_keys` returned.

    Raises:
        MissingColumnError: A frame lacks the id or the name.
        QueryError: One is not a frame, or an id is there twice.
    """
    given = {
        "username": (teams, "teams", "username", "name"),
        "api_key_id": (keys, "keys", "key_id", "alias"),
    }
    return {
        column: _read(frame, argument, name, label)
        for column, (frame, argument, name, label) in given.items()
        if frame is not None
    }


def _read(frame: pl.LazyFrame | Arrow, argument: str, name: str, label: str) -> Mapping[str, str]:
    table = lazy(frame, name=argument)
    require(table.collect_schema(), (name, label))
    pairs = table.select(pl.col(name, label).cast(pl.String)).drop_nulls(name).collect()
    if (twice := pairs.filter(pl.col(name).is_duplicated())).height:
        raise QueryError(f"{argument} has {twice[name][0]!r} twice; expected each {name} once")
    return {
        each: text for each, text in pairs.drop_nulls().iter_rows() if text.strip() and text != each
    }
