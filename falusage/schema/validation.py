"""Failed validation as data: good rows, bad rows, and which rules each bad one broke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from falusage.columns import PRODUCTS, SUMMARY, USAGE, widened
from falusage.contract import ORGANIZATION_USAGE
from falusage.errors import CostMismatchWarning, SchemaError, UnknownProductWarning, warn
from falusage.schema.rounding import parts_are_rounded, product, rounded_off

RULES: Final = "rules"
RECEIVED: Final = "received"

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Validated:
    """A table, taken apart.

    Attributes:
        good: The rows that keep every rule, as they came.
        bad: The rows that do not, as received, followed by `rules`, a list of what each broke
            (`"cost: negative"`), and `received`, the row as JSON text.
    """

    good: pl.DataFrame
    bad: pl.DataFrame


def validate(
    table: pl.DataFrame,
    *,
    kind: Literal["usage", "summary"] = "usage",
    faults: str | None = None,
    received: str | None = None,
) -> Validated:
    """Split a table into the rows that keep the rules of its kind and those that do not.

    Args:
        table: An eager frame with the columns of `columns.USAGE` or `columns.SUMMARY`; others
            may follow and are not checked.
        kind: Whose rules.
        faults: A column, taken off again, that lists what was wrong with a row before it could
            be typed.
        received: A column, taken off again, that holds such a row as JSON text.

    Raises:
        SchemaError: A column is missing or of another type, so that no row can be judged.
    """
    import pandera.polars as pa

    from falusage.schema._rules import summary_schema, usage_schema

    internal = [name for name in (faults, received) if name is not None and name in table.columns]
    bare = table.drop(internal)
    schema = usage_schema() if kind == "usage" else summary_schema()
    try:
        schema.validate(bare, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        if not internal:
            return Validated(bare, _quarantine(bare.clear(), {}, None, None))
        cases = pl.DataFrame(schema={"index": pl.Int32, "column": pl.String, "check": pl.String})
    _refuse_wrong_columns(bare, cases, kind)
    broken: dict[int, list[str]] = {}
    early = table[faults].to_list() if faults in internal else []
    for at, rules in enumerate(early):
        if rules:
            broken[at] = list(rules)
    for at, column, check in (
        cases.select("index", "column", "check")
        .unique()
        .sort("index", "column", "check")
        .iter_rows()
    ):
        rules = broken.setdefault(at, [])
        # A cell that could not be typed is null by now; its own rule says more.
        if not any(rule.startswith(f"{column}: ") for rule in rules) or at not in range(len(early)):
            rules.append(f"{column}: {'null' if check == 'not_nullable' else check}")
    marked = pl.Series(sorted(broken), dtype=pl.Int64)
    is_bad = pl.int_range(pl.len(), dtype=pl.Int64).is_in(marked.implode())
    text = (
        table[received].filter(table.select(is_bad).to_series()) if received in internal else None
    )
    return Validated(bare.filter(~is_bad), _quarantine(bare.filter(is_bad), broken, marked, text))


def _refuse_wrong_columns(table: pl.DataFrame, cases: pl.DataFrame, kind: str) -> None:
    schema = USAGE if kind == "usage" else SUMMARY
    needed = {"bucket", "bucket_end", *ORGANIZATION_USAGE.required(in_summary=kind == "summary")}
    wrong = [
        f"{name} is {table.schema[name]}, not {dtype}" if name in table.schema else f"no {name}"
        for name, dtype in schema.items()
        if table.schema.get(name, None if name in needed else dtype) != dtype
    ]
    if wrong or cases["index"].null_count():
        raise SchemaError(
            f"not a {kind} table: {'; '.join(wrong) or 'see failures'}. Expected the columns "
            f"{', '.join(schema)}",
            failures=cases,
        )


def _quarantine(
    rows: pl.DataFrame,
    broken: dict[int, list[str]],
    marked: pl.Series | None,
    text: pl.Series | None,
) -> pl.DataFrame:
    rules = [broken[at] for at in marked] if marked is not None else []
    sent = [name for name in rows.columns if name != "bucket_end"]
    as_json = pl.struct(sent).struct.json_encode()
    if text is not None:
        as_json = pl.coalesce(pl.lit(text), as_json)
    return rows.with_columns(
        pl.Series(RULES, rules, dtype=pl.List(pl.String)), as_json.alias(RECEIVED)
    )


def refuse(bad: pl.DataFrame, *, what: str, mend: str = "") -> None:
    """Raise if there are bad rows, with what there is to do about them.

    Raises:
        SchemaError: With the rows, and the first few rules in words.
    """
    if not bad.height:
        return
    counts = bad[RULES].explode().value_counts(sort=True).head(_SHOWN).rows()
    words = ", ".join(f"{rule} ({count:,})" for rule, count in counts)
    raise SchemaError(
        f"{bad.height:,} of the {what} break the table's rules: {words}. They are in this error's "
        f"`failures`{mend}",
        failures=bad,
    )


def validate_usage(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Check any usage table as a load does, and split it.

    Warns as a load does of costs that price and discount do not explain, and of unknown products.

    Args:
        frame: A usage table with the columns of `columns.USAGE`; those that may be null may also
            be missing. Further columns are kept and not checked.

    Returns:
        The good rows as they came, and the rejected rows followed by `rules`, a list of what each
        broke (`"cost: negative"`), and `received`, the row as JSON text.

    Raises:
        SchemaError: `frame` is not a DataFrame, or a column is missing or has another type, so
            that no row can be judged.

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
            "and wrap another library's table in pl.DataFrame()"
        )
    checked = validate(frame)
    Oddities.of(checked.good).warn()
    return checked.good, checked.bad


@dataclass(frozen=True, slots=True)
class Oddities:
    """What is kept but worth a look, counted; those of two tables add up to those of both.

    Attributes:
        rows: The rows that were looked at.
        unlike: Those whose cost neither price, discount nor rounding explains.
        products: Products that nobody knows yet.
    """

    rows: int = 0
    unlike: int = 0
    products: frozenset[str] = frozenset()

    @classmethod
    def of(cls, usage: pl.DataFrame) -> Oddities:
        """Look a validated table through."""
        usage = widened(usage)
        parts = pl.col("cost_subtotal") - pl.col("cost_discount")
        unlike = (_unlike(product()) & (rounded_off() == 0.0)) | (
            _unlike(parts) & ~parts_are_rounded()
        ).fill_null(False)
        return cls(
            rows=usage.height,
            unlike=usage.select(unlike.sum()).item(),
            products=frozenset(usage["product"].unique()) - frozenset(PRODUCTS),
        )

    def __add__(self, other: Oddities) -> Oddities:
        """Add the counts, and join the names."""
        return Oddities(
            self.rows + other.rows, self.unlike + other.unlike, self.products | other.products
        )

    def warn(self) -> None:
        """Say what there is, each kind once."""
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


def _unlike(expected: pl.Expr) -> pl.Expr:
    return (pl.col("cost") - expected).abs() > 1e-6 + 1e-6 * pl.max_horizontal("cost", expected)
