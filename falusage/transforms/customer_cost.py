"""What each customer cost: billing events joined with your own log of requests.

Every event and every logged request is in exactly one part. So the parts sum to what was billed,
and what the log or the bill lacks is visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl
import polars.selectors as cs

from falusage._usage.arguments import free, names
from falusage._usage.table import Arrow, collected, lazy, require
from falusage.columns import exact_nano
from falusage.errors import QueryError

_RESULT: Final = ("currency", "part", "requests", "cost", "differing", "request_ids")
_OWN: Final = ("request_id", "quantity", "unit")
_PART: Final = pl.Enum(["billed", "not logged", "not billed"])
_AGREE: Final = 1e-9
_NAMED: Final = 3


def customer_cost(
    events: pl.LazyFrame | Arrow,
    requests: pl.LazyFrame | Arrow,
    *,
    by: str | Sequence[str],
) -> pl.DataFrame:
    """Sum the cost of billed requests by the customers of your own request log.

    Events and log are joined by `request_id`. The costs of all rows sum to that of all events.

    Args:
        events: Billing events, as from `load_events`. An event that has the request of another one
            counts to the same customer.
        requests: Your log: `request_id` (String) and the columns of `by`, a row for each request.
            If it has `quantity` or `unit`, they are compared with those of the events; a null is
            not compared. A request that is logged twice with the same values counts once. A row
            without an id is not billed.
        by: The columns of the log to sum by, such as `"customer"`.

    Returns:
        *by*, `currency`, `part` (Enum), `requests` (how many), `cost` (Decimal(38, 12), summed
        from nano dollars), `differing` (how many of these requests have another quantity or unit in
        the log than on the bill; null if the log has neither), and `request_ids`, the ids to look
        at. The part is `billed` for what both have, with the ids that differ; `not logged` for
        events that no log knows, with null for *by*; or `not billed` for what was logged and has
        no event, with a null `currency` and no cost. Sorted by *by*, `currency` and `part`.

    Raises:
        MissingColumnError: One of the tables lacks a column.
        QueryError: A request is logged twice with different values, so that its cost belongs to
            two customers; an argument is invalid; or a column has the wrong dtype.

    Source: account reconciliation, as of a ledger with its bank statement.

    >>> events = pl.DataFrame({
    ...     "request_id": ["r1", "r2", "r3"], "quantity": [1.0, 8.0, 1.0], "unit": "image",
    ...     "cost_nano": [25_000_000, 200_000_000, 30_000_000], "currency": "USD",
    ... })
    >>> log = pl.DataFrame({
    ...     "request_id": ["r1", "r2", "r4"], "customer": ["globex", "initech", "globex"],
    ...     "quantity": [1.0, 5.0, 1.0],
    ... })
    >>> found = customer_cost(events, log, by="customer").cast({"cost": pl.Float64})
    >>> found.select("customer", "part", "requests", "cost", "request_ids").rows()
    [('globex', 'billed', 1, 0.025, []), ('globex', 'not billed', 1, 0.0, ['r4']), \
('initech', 'billed', 1, 0.2, ['r2']), (None, 'not logged', 1, 0.03, ['r3'])]
    """
    by = names(by, argument="by")
    if not by:
        raise QueryError("by is empty; expected the columns of your log to sum by")
    free(by, reserved=(*_RESULT, *_OWN))
    billed = lazy(events, name="events").with_columns(_as_text())
    logged = lazy(requests, name="requests", amounts=()).with_columns(_as_text())
    logged = logged.with_columns(cs.float().fill_nan(None))  # a missing number, as in pandas
    compared = _check(billed.collect_schema(), logged.collect_schema(), by)
    log = _once(collected(logged.select("request_id", *by, *compared)), by)
    bill = _by_request(billed, compared)
    known = log.filter(pl.col("request_id").is_not_null())
    known = known.rename({name: f"_{name}" for name in compared})
    both = bill.join(known, on="request_id", how="inner")
    unknown = bill.join(known, on="request_id", how="anti")
    unbilled = log.join(bill, on="request_id", how="anti")
    nothing = [pl.lit(None, log.schema[name]).alias(name) for name in by]
    parts = [
        _part(both.with_columns(_differs=_differs(compared)), "billed"),
        _part(unknown.with_columns(*nothing, _differs=pl.lit(True)), "not logged"),
        _part(
            unbilled.with_columns(
                pl.lit(None, pl.String).alias("currency"),
                pl.lit(0, bill.schema["cost"]).alias("cost"),
                _differs=pl.lit(True),
            ),
            "not billed",
        ),
    ]
    key = (*by, "currency", "part")
    is_billed = pl.col("part") == "billed"
    differing = pl.col("_differs").sum() if compared else pl.lit(None, pl.UInt32)
    return (
        pl.concat(part.select(*key, "request_id", "cost", "_differs") for part in parts)
        .group_by(key)
        .agg(
            pl.len().cast(pl.Int64).alias("requests"),
            pl.col("cost").sum(),
            pl.when(is_billed.first()).then(differing).cast(pl.Int64).alias("differing"),
            pl.col("request_id")
            .filter("_differs")
            .drop_nulls()
            .unique()
            .sort()
            .alias("request_ids"),
        )
        .select(*by, *_RESULT)
        .sort(key, nulls_last=True)
    )


def _as_text() -> pl.Expr:
    return pl.col(pl.Categorical, pl.Enum).cast(pl.String)


def _check(events: pl.Schema, log: pl.Schema, by: Sequence[str]) -> tuple[str, ...]:
    """Check the columns, and return those of quantity and unit that both have."""
    require(events, ("request_id", "cost_nano", "currency"))
    require(log, ("request_id", *by))
    for name, schema in (("events", events), ("requests", log)):
        if schema["request_id"] != pl.String:
            raise QueryError(
                f"column 'request_id' of {name} is {schema['request_id']}; expected String"
            )
    if not events["cost_nano"].is_integer():
        raise QueryError(
            f"column 'cost_nano' of events is {events['cost_nano']}; expected Int64, as from "
            "load_events"
        )
    if "quantity" in log and not log["quantity"].is_numeric():
        raise QueryError(f"column 'quantity' of requests is {log['quantity']}; expected a number")
    return tuple(name for name in ("quantity", "unit") if name in events and name in log)


def _once(log: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return each logged request once.

    Raises:
        QueryError: A request is logged twice with different values.
    """
    known = log.filter(pl.col("request_id").is_not_null()).unique(maintain_order=True)
    twice = known.filter(pl.col("request_id").is_duplicated())
    if twice.height:
        ids = twice["request_id"].unique(maintain_order=True)
        first = twice.filter(pl.col("request_id") == ids[0]).select(*by).rows()
        told = " and ".join(str(row[0] if len(row) == 1 else row) for row in first[:_NAMED])
        raise QueryError(
            f"requests has {ids.len():,} ids that are logged more than once with different "
            f"values: {', '.join(map(repr, ids.head(_NAMED)))}; {ids[0]!r} is of {told}. The cost "
            "of a request has one customer: keep one row of each"
        )
    return pl.concat([known, log.filter(pl.col("request_id").is_null())])


def _by_request(events: pl.LazyFrame, compared: Sequence[str]) -> pl.DataFrame:
    """Return the cost of each request and currency, with its quantity and unit to compare."""
    told = {
        "quantity": pl.when(pl.col("quantity").null_count() == 0).then(pl.col("quantity").sum()),
        "unit": pl.when(pl.col("unit").n_unique() == 1).then(pl.col("unit").first()),
    }
    return collected(
        events.group_by("request_id", "currency").agg(
            exact_nano("cost_nano").alias("cost"), *(told[name].alias(name) for name in compared)
        )
    )


def _differs(compared: Sequence[str]) -> pl.Expr:
    """Return whether a request has another quantity or unit in the log than on the bill."""
    ours = {name: pl.col(f"_{name}") for name in compared}
    noise = _AGREE * pl.col("quantity").abs() if "quantity" in compared else pl.lit(0.0)
    told = {
        "quantity": lambda: (pl.col("quantity") - ours["quantity"]).abs() > noise,
        "unit": lambda: pl.col("unit") != ours["unit"],
    }
    return pl.any_horizontal(pl.lit(False), *(told[name]().fill_null(False) for name in compared))


def _part(rows: pl.DataFrame, part: str) -> pl.DataFrame:
    return rows.with_columns(pl.lit(part, _PART).alias("part"))
