"""Known costs of the future, such as a launch or a planned job: added to what is forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from falusage._usage.arguments import amounts
from falusage._usage.table import Arrow, lazy
from falusage.columns import INSTANT, total
from falusage.errors import MissingColumnError, QueryError, UnmatchedWarning, warn
from falusage.forecasting._history import History
from falusage.forecasting._past import Floats
from falusage.timeframes import instant
from falusage.transforms.budgets import named_lost

_WHEN: Final = "period"


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """Known costs ahead.

    Attributes:
        costs: For each key, the known cost of each period; absent without any.
        keys: The keys, as the rows of a frame.
        periods: How many periods are ahead.
    """

    periods: int
    keys: pl.DataFrame = field(default_factory=pl.DataFrame)
    costs: Mapping[tuple[Any, ...], Floats] = field(default_factory=dict[tuple[Any, ...], Floats])

    def of(self, key: tuple[Any, ...]) -> Floats:
        """Return the known cost of each period of a series."""
        return self.costs.get(key, np.zeros(self.periods))

    def included(self, parts: History, whole: History) -> tuple[History, History]:
        """Return the histories with the series that only have known costs."""
        if not self.keys.height:
            return parts, whole
        return parts.including(self.keys), whole.including(self.keys.select("currency").unique())


def read_planned(
    known: object,
    history: History,
    *,
    usage: pl.Schema,
    group: Sequence[str],
    horizon: int,
) -> Planned:
    """Return known costs by key and period.

    Costs after the last period of the horizon belong to later forecasts.

    Warns:
        UnmatchedWarning: A key is not in the table; the message names the closest one.

    Raises:
        MissingColumnError: A column is missing.
        QueryError: It is not a frame, a time has no zone, a cost is not a number from 0, a key and
            period is there twice, or a period is before the first one ahead.
    """
    if known is None:
        return Planned(horizon)
    if not isinstance(known, pl.LazyFrame | Arrow):
        raise QueryError(
            f"known is {known!r}; expected a frame of {', '.join((_WHEN, *group, 'cost'))}"
        )
    table = lazy(known, name="known", amounts=["cost"])
    schema = table.collect_schema()
    if _WHEN not in schema:
        raise MissingColumnError(_WHEN, schema.names(), hint="It is the day of a known cost.")
    instants = _instants(schema[_WHEN], history.timezone)
    read = amounts(
        table.with_columns(instants),
        usage=pl.Schema({**usage, _WHEN: INSTANT}),
        keys=[*group, _WHEN],
        value="cost",
        argument="known",
    ).sort(_WHEN, *group)
    for row in read.filter(pl.col(_WHEN).is_null()).head(1).rows():
        raise QueryError(f"known has a cost of {row[-1]:,} without a {_WHEN}; expected its day")
    for at in read.filter(pl.col(_WHEN) < history.until)[_WHEN].head(1):
        raise QueryError(
            f"known has a cost at {at}; expected days from {history.until.isoformat()} on, where "
            "the forecast begins"
        )
    _warn_of_new(read.select(group).unique(maintain_order=True), history.keys, group)
    ahead = history.ahead(horizon).with_row_index("place")
    placed = (
        read.join_where(
            ahead.select("place", "until", begins=pl.col("period").dt.convert_time_zone("UTC")),
            pl.col(_WHEN) >= pl.col("begins"),
            pl.col(_WHEN) < pl.col("until"),
        )
        .group_by(*group, "place")
        .agg(total("cost"))
        .sort(*group, "place")
    )
    costs: dict[tuple[Any, ...], Floats] = {}
    for *key, place, cost in placed.select(*group, "place", "cost").iter_rows():
        costs.setdefault(tuple(key), np.zeros(horizon))[place] += cost
    return Planned(horizon, placed.select(group).unique(maintain_order=True), costs)


def _warn_of_new(keys: pl.DataFrame, there: pl.DataFrame, group: Sequence[str]) -> None:
    new = keys.join(there, on=list(group), how="anti", nulls_equal=True).rows()
    if new:
        warn(
            f"known has {len(new):,} that the table lacks, and each is a series of its own: "
            f"{named_lost(new, there, group)}. If that is a name misspelled, correct it",
            UnmatchedWarning,
        )


def _instants(dtype: pl.DataType, timezone: str) -> pl.Expr:
    """Return the time of known costs in UTC; a date means its first instant in the zone."""
    when = pl.col(_WHEN)
    if dtype == pl.Date:
        # Day by day: in some zones, a day of a clock change does not begin at midnight.
        return when.map_elements(partial(instant, timezone=timezone), return_dtype=INSTANT)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return when.dt.convert_time_zone("UTC").cast(INSTANT)
    raise QueryError(
        f"known has {_WHEN} of dtype {dtype}; expected Date, or Datetime with a time zone"
    )
