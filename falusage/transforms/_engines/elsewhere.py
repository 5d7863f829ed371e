"""The rollup in DuckDB or Spark, through Narwhals.

Every other view is made from sums, so the rollup is the one step that must see each row. Here it
becomes a lazy plan of the engine. The sums are the same, because each number becomes the Decimal
that Polars makes of it. The periods are the same, because the plan contains Polars' calendar. The
errors are the same, too; the engine raises them when the plan runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl

from falusage._usage.periods import BUCKET, INDIVISIBLE
from falusage.columns import ABSURD, MONEY
from falusage.errors import QueryError
from falusage.transforms._engines.engines import (
    ENGINES,
    DuckRelation,
    Elsewhere,
    Engine,
    SparkFrame,
)
from falusage.transforms._engines.sql_periods import SINCE, UNTIL, to_number, to_start

if TYPE_CHECKING:
    import narwhals as nw

_LIMB: Final = 2.0**50
_WHOLE: Final = 2.0**52
"""From here on, a double is a whole number."""


def outline(usage: SparkFrame | DuckRelation) -> pl.Schema:
    """Return the columns of an engine's table with Polars' dtypes; no row is read."""
    import narwhals as nw

    schema = nw.from_native(cast("Any", usage)).collect_schema()
    return pl.Schema(
        {
            name: pl.Null() if dtype == nw.Unknown else nw.Schema({name: dtype}).to_polars()[name]
            for name, dtype in schema.items()
        }
    )


def sums_there(
    usage: Elsewhere,
    group: Sequence[str],
    *,
    every: str | None,
    timezone: str,
    values: Sequence[str],
) -> Elsewhere:
    """Return the rollup as a plan of the engine that has the rows.

    The arguments have been checked with the table's `outline`.

    Args:
        usage: A relation of DuckDB, or a DataFrame of Spark.
        group: The columns of the result's key, `period` among them with `every`.
        every: As in `rollup`.
        timezone: As in `rollup`.
        values: The columns to sum; Float64.
    """
    import narwhals as nw

    rows = nw.from_native(cast("Any", usage))
    engine = ENGINES[str(rows.implementation)]
    _require_doubles(rows, values)
    # Keys get numbered names, so that none has a name of the plan's, or one that SQL must quote.
    keys = {
        "period" if every and name == "period" else f"key_{number}": name
        for number, name in enumerate(group)
    }
    taken = {name: name for name in (*(BUCKET if every else ()), *values)} | keys
    taken.pop("period", None)
    named = {new: engine.name(name) for new, name in taken.items()}
    rows = nw.from_native(engine.select(usage, named))
    rows = _checked(rows, engine, values)
    if every:
        rows = _numbered(rows, engine, every=every, timezone=timezone)
    sums = (
        _decimals(rows, values)
        .group_by(*keys)
        .agg(nw.col(value).sum() for value in values)
        # By way of text: DuckDB before 2.0 does not return the nearest double for a Decimal.
        .with_columns(nw.col(value).cast(nw.String).cast(nw.Float64) for value in values)
    )
    if every:
        steps = [*to_start(every, timezone, item=engine.item), engine.instant]
        sums = _stepwise(sums, engine, ["period"], steps)
    return sums.select(*keys, *values).sort(*keys).rename(keys).to_native()


def _require_doubles(rows: nw.LazyFrame[Any], values: Sequence[str]) -> None:
    import narwhals as nw

    for value in values:
        dtype = rows.collect_schema()[value]
        if dtype != nw.Float64:
            raise QueryError(
                f"column {value!r} is {dtype}; expected Float64, as in the API, snapshots and "
                "stores; cast it to DOUBLE"
            )


def _checked(rows: nw.LazyFrame[Any], engine: Engine, values: Sequence[str]) -> nw.LazyFrame[Any]:
    """Make the engine fail at a number that is not finite or too large."""
    import narwhals as nw

    limited = {
        value: f"CASE WHEN {value} IS NULL OR abs({value}) < {ABSURD} THEN {value} ELSE "
        + engine.fail.format(
            f"concat('column ''{value}'' holds ', CAST({value} AS STRING), "
            f"'; expected a finite number below {ABSURD}')"
        )
        + " END"
        for value in values
    }
    return nw.from_native(engine.add(rows.to_native(), limited))


def _numbered(
    rows: nw.LazyFrame[Any], engine: Engine, *, every: str, timezone: str
) -> nw.LazyFrame[Any]:
    """Add the number of each row's period; make the engine fail at a bucket in no single period."""
    import narwhals as nw

    start, end = (engine.micros.format(column) for column in BUCKET)
    edges = {"period": start, "last": f"{end} - 1"}
    rows = nw.from_native(engine.add(rows.to_native(), edges))
    rows = _stepwise(rows, engine, [*edges], to_number(every, timezone, item=engine.item))
    since, until = (int(edge.timestamp()) * 1_000_000 for edge in (SINCE, UNTIL))
    bucket = [f"coalesce({engine.text.format(column)}, 'null')" for column in BUCKET]
    said = {
        f"NOT coalesce({start} < {end}, FALSE)": "does not start before it ends",
        f"{start} < {since} OR {end} > {until}": (
            f"lies outside of {SINCE:%Y} to {UNTIL.year - 1}, the years whose calendar the plan has"
        ),
        "period <> last": f"crosses a boundary of every='{every}' in {timezone}",
    }
    failures = " ".join(
        f"WHEN {fault} THEN "
        + engine.fail.format(
            f"concat('the bucket from ', {bucket[0]}, ' to ', {bucket[1]}, "
            f"{_quoted(f' {saying}. {INDIVISIBLE}')})"
        )
        for fault, saying in said.items()
    )
    number = f"CASE {failures} ELSE period END"
    return nw.from_native(engine.add(rows.to_native(), {"period": number}))


def _stepwise(
    rows: nw.LazyFrame[Any], engine: Engine, columns: Sequence[str], steps: Sequence[str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    native = rows.to_native()
    for step in steps:
        native = engine.add(native, {name: step.format(name) for name in columns})
    return nw.from_native(native)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _decimals(rows: nw.LazyFrame[Any], values: Sequence[str]) -> nw.LazyFrame[Any]:
    """Replace doubles by the Decimals with twelve places that `columns.exact` returns.

    From 2^53 on, that is the whole number that the double is. Below, it is the double product with
    10^12, rounded to the nearest whole number, half to even. The product may have a hundred binary
    digits, so it is passed on as two numbers of at most fifty: a cast of a double to a Decimal
    would use the shortest text of the double.
    """
    import narwhals as nw

    scale = 10**MONEY.scale
    high = nw.lit(Decimal(int(_LIMB)) / scale)
    low = nw.lit(Decimal(1) / scale)
    whole = nw.Decimal(20, 0)
    one = nw.lit(Decimal("1.000000000000"))
    for value in values:
        number = nw.col(value)
        rows = rows.with_columns(number.abs().alias("given"), (number < 0).alias("minus"))
        rows = rows.with_columns((number * float(scale)).alias(value))
        rows = rows.with_columns(number.abs().alias(value))
        # Adding 2^52 leaves no bits for a fraction, and rounds to even.
        nearest = nw.when(number < _WHOLE).then(number + _WHOLE - _WHOLE).otherwise(number)
        rows = rows.with_columns(nearest.alias(value))
        rows = rows.with_columns((number / _LIMB).floor().alias("high"))
        rows = rows.with_columns((number - nw.col("high") * _LIMB).alias("low"))
        exact = (
            nw.col("high").cast(nw.Int64).cast(whole) * high
            + nw.col("low").cast(nw.Int64).cast(whole) * low
        )
        large = nw.col("given") >= 2 * _WHOLE
        integer = nw.col("given").cast(nw.Int64).cast(whole) * one
        rows = rows.with_columns(nw.when(large).then(integer).otherwise(exact).alias(value))
        rows = rows.with_columns(
            nw.when(nw.col("minus")).then(-number).otherwise(number).alias(value)
        )
    return rows
