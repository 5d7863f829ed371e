"""Billing events compared with usage, bucket by bucket.

That the events of a bucket sum to its usage is nowhere promised. So differences are returned, not
raised. Events are summed in whole nano dollars, and usage in Decimal.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage._usage.periods import require_instants
from falusage._usage.table import Arrow, Eager, Lazy, collected, lazy, require, take
from falusage.columns import INSTANT, MONEY, exact, exact_nano
from falusage.coverage import Coverage
from falusage.errors import AlignmentError, QueryError
from falusage.timeframes import EVERY, period_end, period_start

_BUCKET: Final = ("bucket", "bucket_end")
_KEY: Final = (*_BUCKET, "username", "endpoint_id", "currency")
_EVENT: Final = ("timestamp", "username", "endpoint_id", "currency", "cost_nano")
_PART: Final = pl.Enum(["agree", "only in events", "only in usage", "different"])
_HALF_A_NANO: Final = 0.5e-9
_NOISE: Final = 1e-15
_MODELS: Final = "model_apis"


def tie_out_events(
    usage: Lazy | Eager, events: pl.LazyFrame | Arrow, *, coverage: Coverage | None = None
) -> pl.DataFrame:
    """Compare billing events with the usage of the model APIs, and explain the gap.

    An event belongs to the bucket that its timestamp is in. Each bucket, team, endpoint and
    currency is one row and in one part, so the parts' gaps sum to the whole gap. Both tables must
    be of the same range and the same teams: what only one of them was asked for is only in that.
    Events are charged in US dollars, so usage in another currency is only in usage.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Other products than
            `model_apis` are left out, because they have no events.
        events: Billing events, as from `load_events`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `bucket`, `bucket_end`, `username`, `endpoint_id`, `currency`; `usage_cost` and
        `events_cost` (zero where a side has nothing), `gap` (events − usage), in
        Decimal(38, 12); `events`, their number; `part` (Enum). The part is `agree` if the gap is
        at most half a nano dollar for each event, to which its cost is rounded, and the noise of
        doubles; else `only in events`, `only in usage`, or `different` if both have a cost.
        Sorted by its key. The bucket of an event is null if usage has none at that time, unless
        the coverage knows the calendar of the buckets.

    Raises:
        AlignmentError: Buckets of the usage overlap, so that an event is in two.
        CoverageError: A part of the usage table's range was never read.
        MissingColumnError: One of the tables lacks a column.
        QueryError: A column of one of the tables has the wrong dtype.

    Source: account reconciliation, as on a bank statement.

    >>> from datetime import UTC, datetime
    >>> day = {"bucket": datetime(2025, 1, 1, tzinfo=UTC), "bucket_end": datetime(2025, 1, 2,
    ...        tzinfo=UTC), "username": "ads", "product": "model_apis", "currency": "USD"}
    >>> usage = pl.DataFrame([{**day, "endpoint_id": "flux", "cost": 0.5},
    ...                       {**day, "endpoint_id": "veo", "cost": 2.0}])
    >>> events = pl.DataFrame({
    ...     "timestamp": [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (3, 9, 12)],
    ...     "username": "ads", "endpoint_id": ["flux", "flux", "veo"], "currency": "USD",
    ...     "cost_nano": [200_000_000, 300_000_000, 1_500_000_000],
    ... })
    >>> found = tie_out_events(usage, events).cast({pl.Decimal: pl.Float64})
    >>> found.select("endpoint_id", "usage_cost", "events_cost", "gap", "events", "part").rows()
    [('flux', 0.5, 0.5, 0.0, 2, 'agree'), ('veo', 2.0, 1.5, -0.5, 1, 'different')]
    """
    table = take(usage, coverage).as_text()
    table.require((*_BUCKET, "username", "product", "endpoint_id", "cost", "currency"))
    table.require_covered()
    require_instants(table.schema, _BUCKET)
    happened = lazy(events, name="events")
    _check_events(happened.collect_schema())
    happened = happened.select(_EVENT).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    rows = table.rows.with_columns(pl.col(_BUCKET).dt.convert_time_zone("UTC").cast(INSTANT))
    used = collected(
        rows.filter(pl.col("product") == _MODELS)
        .group_by(_KEY)
        .agg(exact("cost").sum().alias("usage_cost"))
    )
    buckets = _distinct(rows)
    charged = collected(
        _in_buckets(happened, buckets, table.coverage)
        .group_by(_KEY)
        .agg(exact_nano("cost_nano").alias("events_cost"), pl.len().cast(pl.Int64).alias("events"))
    )
    return (
        used.join(charged, on=_KEY, how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col("usage_cost", "events_cost", "events").fill_null(0))
        .with_columns(gap=pl.col("events_cost") - pl.col("usage_cost"))
        .with_columns(part=_part())
        .select(*_KEY, "usage_cost", "events_cost", "gap", "events", "part")
        .sort(_KEY)
    )


def _check_events(schema: pl.Schema) -> None:
    require(schema, _EVENT)
    require_instants(schema, ("timestamp",))
    if not schema["cost_nano"].is_integer():
        raise QueryError(
            f"column 'cost_nano' of events is {schema['cost_nano']}; expected Int64, as from "
            "load_events"
        )


def _distinct(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the buckets of usage, in order.

    Raises:
        AlignmentError: Two of them overlap.
    """
    found = rows.select(_BUCKET).unique().sort(_BUCKET).collect()
    ends = pl.col("bucket_end").cum_max().shift(1)
    for start, end in found.filter(pl.col("bucket") < ends).head(1).iter_rows():
        raise AlignmentError(
            f"the bucket from {start.isoformat()} to {end.isoformat()} overlaps the one before, "
            "so an event belongs to both; load usage with one timeframe and time zone"
        )
    return found


def _in_buckets(
    events: pl.LazyFrame, buckets: pl.DataFrame, coverage: Coverage | None
) -> pl.LazyFrame:
    """Return the events with the bucket that each is in, or null."""
    placed = (
        events.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC").cast(INSTANT))
        .sort("timestamp")
        .join_asof(buckets.lazy(), left_on="timestamp", right_on="bucket", coalesce=False)
    )
    inside = pl.col("timestamp") < pl.col("bucket_end")
    ends: dict[str, pl.Expr] = {name: pl.when(inside).then(name) for name in _BUCKET}
    if coverage is not None and coverage.timeframe is not None:
        known = pl.col("timestamp").is_between(coverage.start, coverage.end, closed="left")
        calendar = {"every": EVERY[coverage.timeframe], "timezone": coverage.timezone}
        for name, end in (("bucket", period_start), ("bucket_end", period_end)):
            there = end(pl.col("timestamp"), **calendar).dt.convert_time_zone("UTC")
            ends[name] = pl.coalesce(
                ends[name], pl.when(known & ~inside.fill_null(False)).then(there)
            )
    return placed.with_columns(**ends)


def _part() -> pl.Expr:
    """Return the part of a row, from its costs."""
    costs = pl.max_horizontal("usage_cost", "events_cost").cast(pl.Float64)
    allowed = pl.col("events") * _HALF_A_NANO + costs * _NOISE
    zero = pl.lit(0, MONEY)
    return (
        pl.when(pl.col("gap").cast(pl.Float64).abs() <= allowed)
        .then(pl.lit("agree"))
        .when(pl.col("usage_cost") == zero)
        .then(pl.lit("only in events"))
        .when(pl.col("events_cost") == zero)
        .then(pl.lit("only in usage"))
        .otherwise(pl.lit("different"))
        .cast(_PART)
    )
