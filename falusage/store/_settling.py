"""How much of a window's final cost was known at which age, from what each version had read.

A version says which range it read, and when. So what a window had cost at a read is in the files
that the version had of it, and those of a window that was read once are never opened. Windows are
local days, or longer buckets: what a store replaces as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import polars as pl

from falusage import _spans as spans
from falusage._spans import Span, Spans
from falusage._usage.settling import Settling
from falusage.columns import INSTANT, MONEY, USAGE
from falusage.store._finality import finality
from falusage.store._log import Log, State
from falusage.store._reads import Costs, Read, files_at, reads_of
from falusage.store._scope import Scope
from falusage.timeframes import boundaries, ceil, floor, period_end, period_start

_LOOK_BACK: Final = timedelta(days=90)
"""How far back an outlook looks for restatements: the API's habits change, and reading has a cost.
"""

_DAY: Final = timedelta(days=1)
_OBSERVED: Final = {
    "start": INSTANT,
    "until": INSTANT,
    "read_at": INSTANT,
    "currency": USAGE["currency"],
    "cost": MONEY,
    "final": MONEY,
}


def settling(log: Log) -> pl.DataFrame:
    """Return how much of their final cost windows had at which age; see `UsageStore.settling`."""
    state = log.state()
    seen = _observed(log, state, reads_of(log, state)).with_columns(age=_age().floor())
    last = pl.col("read_at") == pl.col("read_at").max().over("start", "age")
    share = pl.col("cost").cast(pl.Float64) / pl.col("final").cast(pl.Float64)
    has_cost = pl.col("final") != 0
    return (
        seen.filter(pl.col("age") >= 0)
        .filter(last)
        .group_by(pl.col("age").cast(pl.Int64), "currency")
        .agg(
            pl.len().cast(pl.Int64).alias("windows"),
            pl.col("cost", "final").sum(),
            *(
                share.filter(has_cost).quantile(tail, "linear").alias(name)
                for name, tail in (("lo_80", 0.1), ("hi_80", 0.9))
            ),
        )
        .select(
            *("age", "currency", "windows", "cost", "final"),
            pl.when(has_cost).then(share).alias("known"),
            *("lo_80", "hi_80"),
        )
        .sort("age", "currency")
    )


def settles(log: Log, state: State) -> Settling | None:
    """Return how a version settled; None if it has seen no restatement for 90 days."""
    reads = reads_of(log, state, back=_LOOK_BACK)
    if not any(read.restated for read in reads):
        return None
    seen = _observed(log, state, reads)
    if seen.filter(pl.col("cost") != pl.col("final")).is_empty():
        return None
    return Settling(
        seen.select("start", _age(), "currency", pl.col("cost", "final").cast(pl.Float64)),
        _young(log, state, reads),
    )


def _age() -> pl.Expr:
    """Return the age of a window when it was read, in days of 24 hours."""
    return ((pl.col("read_at") - pl.col("until")) / _DAY).alias("age")


def _observed(log: Log, state: State, reads: Sequence[Read]) -> pl.DataFrame:
    """Return what settled windows had cost at each read but their last, and what they cost now.

    Windows without cost then and now are left out. Of one that had not ended, the buckets that had
    count.
    """
    scope = state.commit.scope
    final = _whole(finality(log, state).settled, scope)
    later: Spans = ()
    again: dict[int, Spans] = {}
    for read in reads:
        if both := _both(_both(read.closed, later), final):
            again[read.version] = both
        later = spans.union(later, read.closed)
    if not again:
        return pl.DataFrame(schema=_OBSERVED)
    files = {
        version: [part for part in parts if spans.meet([(part.start, part.end)], again[version])]
        for version, parts in files_at(log, state, oldest=min(again))
        if version in again
    }
    wanted = spans.union([span for each in again.values() for span in each], ())
    now = [part for part in state.parts if spans.meet([(part.start, part.end)], wanted)]
    costs = Costs(log)
    costs.read([*now, *(part for each in files.values() for part in each)])
    last = costs.of(now)
    at = {read.version: read.at for read in reads}
    nothing = pl.lit(0, MONEY)
    tables: list[pl.DataFrame] = []
    for version, ranges in again.items():
        inside, read_at = spans.holds(ranges), pl.lit(at[version], INSTANT).alias("read_at")
        if costs.lacks(files[version], since=version):
            continue
        then = costs.of(files[version]).filter(inside).with_columns(read_at, final=nothing)
        tables += [
            then,
            last.filter(inside)
            .rename({"cost": "final"})
            .with_columns(read_at, cost=nothing)
            .select(then.columns),
        ]
    return _by_window(pl.concat(tables), scope) if tables else pl.DataFrame(schema=_OBSERVED)


def _by_window(rows: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    start, until = (
        made(pl.col("bucket"), every=scope.unit, timezone=scope.timezone).dt.convert_time_zone(
            "UTC"
        )
        for made in (period_start, period_end)
    )
    return (
        rows.with_columns(start=start, until=until)
        .group_by("start", "until", "read_at", "currency")
        .agg(pl.col("cost", "final").sum())
        .filter((pl.col("cost") != 0) | (pl.col("final") != 0))
        .select(*_OBSERVED)
        .sort("read_at", "start", "currency")
    )


def _young(log: Log, state: State, reads: Sequence[Read]) -> pl.DataFrame:
    """Return the time that had ended and is not settled, by window, with its age at its last read.

    Time that no known read has is left out.
    """
    known, scope = finality(log, state), state.commit.scope
    left = spans.without(known.closed, known.settled)
    found: list[tuple[datetime, datetime, float]] = []
    for read in reads:
        for span in _both(read.closed, left):
            for start, until in _windows(span, scope):
                age = (read.at - until) / _DAY
                found.append((max(start, span[0]), min(until, span[1]), age))
        left = spans.without(left, read.closed)
    schema = {"start": INSTANT, "end": INSTANT, "age": pl.Float64()}
    return pl.DataFrame(found, schema=schema, orient="row").sort("start")


def _windows(span: Span, scope: Scope) -> list[Span]:
    """Return the windows that a range touches."""
    first, last = (
        edge(moment, every=scope.unit, timezone=scope.timezone)
        for edge, moment in zip((floor, ceil), span, strict=True)
    )
    edges = boundaries(first, last, every=scope.unit, timezone=scope.timezone).to_list()
    return list(pairwise(edges))


def _whole(ranges: Spans, scope: Scope) -> Spans:
    """Return the whole windows of a set of time."""
    cut = [
        (
            ceil(start, every=scope.unit, timezone=scope.timezone),
            floor(end, every=scope.unit, timezone=scope.timezone),
        )
        for start, end in ranges
    ]
    return spans.union(cut, ())


def _both(one: Spans, other: Spans) -> Spans:
    """Return the time that is in both sets."""
    return spans.without(one, spans.without(one, other))
