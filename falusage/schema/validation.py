"""Failed validation as data: valid rows, invalid rows, and the rules that each of these broke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from falusage.columns import PRODUCTS, widened
from falusage.errors import CostMismatchWarning, SchemaError, UnknownProductWarning, warn
from falusage.schema.rounding import parts_are_rounded, product, rounded_off
from falusage.schema.rules import USAGE_ROWS, Rows, keeps_every_rule, schema_of

RULES: Final = "rules"
RECEIVED: Final = "received"

FAULTS: Final = "_faults"
MARKS: Final = {
    FAULTS: pl.List(pl.Struct({"column": pl.String, "rule": pl.String})),
    "_received": pl.String(),
}
"""Two columns of rows as received: what was wrong with a row before it could be typed, and that
row as JSON text. Both are null for all other rows."""

_ROW: Final = "row"
_BROKEN: Final = {_ROW: pl.Int64(), "column": pl.String(), "rule": pl.String()}
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Validated:
    """A table, split by validity.

    Attributes:
        good: The rows that keep every rule, unchanged.
        bad: The other rows, followed by `rules`, a list of what each broke (`"cost: negative"`),
            and `received`, the row as JSON text.
        broken: What `bad` broke, as data: `row` (an index into `bad`), `column` and `rule`.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    broken: pl.DataFrame


def validate(table: pl.DataFrame, rows: Rows = USAGE_ROWS) -> Validated:
    """Split a table into valid and invalid rows.

    Args:
        table: An eager frame with the columns of such rows. Further columns may follow and are
            not checked.
        rows: Which rules apply.

    Raises:
        SchemaError: A column is missing or has another type, so that no row can be checked.
    """
    return _split(table, _broken_rules(table, rows))


def validate_received(table: pl.DataFrame, rows: Rows = USAGE_ROWS) -> Validated:
    """Split rows as received, like `validate`; rows with `MARKS` are invalid.

    Args:
        table: As for `validate`. It may have the columns of `MARKS`; the result has not.
        rows: Which rules apply.
    """
    if FAULTS not in table.columns:
        return validate(table, rows)
    bare = table.drop(*MARKS)
    faults = (
        table.select(pl.int_range(pl.len()).alias(_ROW), FAULTS)
        .explode(FAULTS, keep_nulls=False)
        .unnest(FAULTS)
        .select(*_BROKEN)
    )
    # A cell that could not be typed is null by now. Its fault says more than the rule on nulls.
    rules = _broken_rules(bare, rows).join(faults, on=[_ROW, "column"], how="anti")
    return _split(bare, pl.concat([faults, rules]), table["_received"])


def _broken_rules(table: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Return which rule is broken in which row and column."""
    if keeps_every_rule(table, rows):
        return pl.DataFrame(schema=_BROKEN)

    import pandera.polars as pa

    try:
        schema_of(rows).validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return pl.DataFrame(schema=_BROKEN)
    _reject_wrong_columns(table, cases, rows)
    return (
        cases.select(
            pl.col("index").cast(pl.Int64).alias(_ROW),
            "column",
            pl.col("check").replace("not_nullable", "null").alias("rule"),
        )
        .unique()
        .sort(pl.all())
    )


def _reject_wrong_columns(table: pl.DataFrame, cases: pl.DataFrame, rows: Rows) -> None:
    schema, needed = rows.schema, rows.required
    wrong = [
        f"{name} is {table.schema[name]}, not {dtype}" if name in table.schema else f"no {name}"
        for name, dtype in schema.items()
        if table.schema.get(name, None if name in needed else dtype) != dtype
    ]
    if wrong or cases["index"].null_count():
        raise SchemaError(
            f"not a {rows.name} table: {'; '.join(wrong) or 'see failures'}. Expected the columns "
            f"{', '.join(schema)}",
            failures=cases,
        )


def _split(
    table: pl.DataFrame, broken: pl.DataFrame, received: pl.Series | None = None
) -> Validated:
    """Split a table into rows that broke no rule and rows that did.

    Args:
        table: The table.
        broken: What was broken, with `row` as an index into `table`.
        received: The rows as JSON text, where that was kept.
    """
    if broken.is_empty():
        bad = table.clear().with_columns(
            pl.lit(None, pl.List(pl.String)).alias(RULES), pl.lit(None, pl.String).alias(RECEIVED)
        )
        return Validated(table, bad, broken)
    is_bad = pl.int_range(pl.len(), dtype=pl.Int64).is_in(broken[_ROW].implode())
    bad = table.filter(is_bad)
    as_json = pl.struct(name for name in table.columns if name != "bucket_end").struct.json_encode()
    if received is not None:
        kept = table.select(is_bad).to_series()
        as_json = pl.coalesce(pl.lit(received.filter(kept)), as_json)
    broken = broken.with_columns((pl.col(_ROW).rank("dense") - 1).cast(pl.Int64))
    rules = (
        broken.sort(_ROW, maintain_order=True)
        .group_by(_ROW, maintain_order=True)
        .agg(pl.format("{}: {}", "column", "rule").alias(RULES))
    )
    bad = bad.with_columns(rules[RULES], as_json.alias(RECEIVED))
    return Validated(table.filter(~is_bad), bad, broken)


IN_FAILURES: Final = "They are in this error's `failures`"


def require_valid(bad: pl.DataFrame, *, what: str, advice: str = IN_FAILURES) -> None:
    """Raise if there are invalid rows.

    Args:
        bad: The invalid rows, as in `Validated`.
        what: What was checked, for the message (`"9 rows"`).
        advice: Where the rows are and what to do, which ends the message.

    Raises:
        SchemaError: It has the rows, and names the most frequent rules.
    """
    if not bad.height:
        return
    counts = bad[RULES].explode().value_counts(sort=True).head(_SHOWN).rows()
    words = ", ".join(f"{rule} ({count:,})" for rule, count in counts)
    raise SchemaError(
        f"{bad.height:,} of the {what} break the table's rules: {words}. {advice}",
        failures=bad,
    )


def validate_usage(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Check any usage table as a load does, and split it into valid and invalid rows.

    Warns as a load does of costs that price and discount do not explain, and of unknown products.

    Args:
        frame: A usage table with the columns of `columns.USAGE`; those that may be null may also
            be missing. Further columns are kept and not checked.

    Returns:
        The valid rows, unchanged, and the invalid rows followed by `rules`, a list of what each
        broke (`"cost: negative"`), and `received`, the row as JSON text.

    Raises:
        SchemaError: `frame` is not a DataFrame, or a column is missing or has another type, so
            that no row can be checked.

    Example:
        >>> import falusage as fu
        >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage.head(3)
        >>> currency = pl.Series("currency", ["USD", "dollars", "USD"])
        >>> good, rejected = fu.validate_usage(usage.with_columns(currency))
        >>> good.height, rejected["rules"].to_list()
        (2, [['currency: not three letters']])
    """
    if not isinstance(frame, pl.DataFrame):
        raise SchemaError(
            f"frame is a {type(frame).__name__}; expected a Polars DataFrame: collect a LazyFrame, "
            "and wrap another library's table in pl.DataFrame()",
            failures=pl.DataFrame(),
        )
    checked = validate(frame)
    oddities(checked.good).warn()
    return checked.good, checked.bad


@dataclass(frozen=True, slots=True)
class Oddities:
    """What is valid but unusual, counted. The oddities of two tables can be added.

    Attributes:
        rows: The number of rows that were checked.
        unlike: The rows whose cost is not explained by price, discount and rounding.
        products: Unknown products.
    """

    rows: int = 0
    unlike: int = 0
    products: frozenset[str] = frozenset()

    def __add__(self, other: Oddities) -> Oddities:
        """Add the counts, and join the names."""
        return Oddities(
            self.rows + other.rows, self.unlike + other.unlike, self.products | other.products
        )

    def warn(self) -> None:
        """Warn of each kind once."""
        if self.unlike:
            warn(
                f"{self.unlike:,} of {self.rows:,} rows have a cost that quantity × unit_price, "
                "less the discount, does not explain; cost is what is charged, so it was kept",
                CostMismatchWarning,
            )
        if self.products:
            warn(
                f"unknown product {', '.join(map(repr, sorted(self.products)))}: kept as it is",
                UnknownProductWarning,
            )


def oddities(usage: pl.DataFrame) -> Oddities:
    """Count what is unusual in a validated usage table."""
    usage = widened(usage)
    parts = pl.col("cost_subtotal") - pl.col("cost_discount")
    unlike = usage.filter(_unlike(product()) | _unlike(parts))
    if unlike.height:  # rounding takes 20 times as long as the question whether it matters
        is_rounded, are_rounded = rounded_off(unlike) > 0.0, parts_are_rounded(unlike)
        unlike = unlike.filter((_unlike(product()) & ~is_rounded) | (_unlike(parts) & ~are_rounded))
    return Oddities(
        rows=usage.height,
        unlike=unlike.height,
        products=frozenset(usage["product"].unique()) - frozenset(PRODUCTS),
    )


def _unlike(expected: pl.Expr) -> pl.Expr:
    return (pl.col("cost") - expected).abs() > 1e-6 + 1e-6 * pl.max_horizontal("cost", expected)
