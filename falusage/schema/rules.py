"""The tables' rules, derived from the contract: one question, and pandera schemas.

Importing pandera takes more than a second, so the functions here import it when they are called.
The schemas check eager frames. pandera checks only the columns of a LazyFrame, not its values.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage.columns import ABSURD
from falusage.contract import ORGANIZATION_USAGE, Endpoint, Field
from falusage.contract.dtypes import INSTANT

if TYPE_CHECKING:
    import pandera.polars as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """What rows are checked as.

    Attributes:
        name: What to call them in messages.
        endpoint: The endpoint whose fields they have.
        in_buckets: Whether each has a bucket.
        in_summary: Whether they may lack prices, because they are sums.
    """

    name: str
    endpoint: Endpoint
    in_buckets: bool = False
    in_summary: bool = False

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns with their types."""
        buckets = {"bucket": INSTANT, "bucket_end": INSTANT} if self.in_buckets else {}
        return {**buckets, **self.endpoint.columns}

    @property
    def required(self) -> set[str]:
        """The columns that every row must have."""
        buckets = {"bucket", "bucket_end"} if self.in_buckets else set[str]()
        return buckets | set(self.endpoint.required(in_summary=self.in_summary))


USAGE_ROWS: Final = Rows("usage", ORGANIZATION_USAGE, in_buckets=True)
SUMMARY_ROWS: Final = Rows("summary", ORGANIZATION_USAGE, in_summary=True)


def usage_schema() -> pa.DataFrameSchema:
    """Return the rules of a usage table as a pandera schema, to use in your own checks.

    Columns that may be null may also be missing. Further columns are allowed and not checked.

    Returns:
        A `pandera.polars.DataFrameSchema` over `columns.USAGE`. Each check's `error` names the
        rule, as in the `rules` of a rejected row.

    Example:
        >>> import falusage as fu
        >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
        >>> fu.usage_schema().validate(usage).height == usage.height
        True
    """
    return schema_of(USAGE_ROWS)


def summary_schema() -> pa.DataFrameSchema:
    """Return the rules of the API's own summary as a pandera schema.

    A summary has no buckets, and it may lack a price, because no sum is made of prices.

    Returns:
        A `pandera.polars.DataFrameSchema` over `columns.SUMMARY`.
    """
    return schema_of(SUMMARY_ROWS)


def keeps_every_rule(table: pl.DataFrame, rows: Rows) -> bool:
    """Return whether a table has the columns of such rows and breaks no rule.

    Valid tables need no pandera, whose import takes more than a second. For 9,000 rows this takes
    2 ms, and pandera 22.
    """
    columns = _columns(rows)
    present = {
        name for name, column in columns.items() if name in table.columns or column.is_required
    }
    if any(table.schema.get(name) != columns[name].dtype for name in present):
        return False
    return all(table.select(_answers(rows, frozenset(present))).row(0))


@functools.cache
def _answers(rows: Rows, present: frozenset[str]) -> list[pl.Expr]:
    """Return for each rule on the columns that are present whether no row breaks it."""
    kept: list[pl.Expr] = []
    for name, column in _columns(rows).items():
        if name in present:
            kept += [pl.col(name).null_count() == 0] if column.is_required else []
            kept += [rule.holds.all() for rule in column.rules]
    return [answer.alias(str(at)) for at, answer in enumerate(kept)]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule on the values of a column: its words, and an expression that is true or null."""

    words: str
    holds: pl.Expr

    def check(self, data: pa.PolarsData) -> pl.LazyFrame:
        """Return where the rule holds, as pandera asks for it."""
        return data.lazyframe.select(self.holds)


@dataclass(frozen=True, slots=True)
class _Column:
    """The type of a column, its rules, and whether every row must have a value."""

    dtype: pl.DataType
    is_required: bool
    rules: list[_Rule]


def schema_of(rows: Rows) -> pa.DataFrameSchema:
    """Return the rules of rows as a pandera schema."""
    import pandera.polars as pa

    return pa.DataFrameSchema(
        {
            name: pa.Column(
                column.dtype,
                [pa.Check(rule.check, error=rule.words) for rule in column.rules],
                nullable=not column.is_required,
                required=column.is_required,
            )
            for name, column in _columns(rows).items()
        }
    )


@functools.cache
def _columns(rows: Rows) -> dict[str, _Column]:
    fields = {field.name: field for field in rows.endpoint.fields}
    return {
        name: _Column(
            dtype,
            name in rows.required,
            [*(_rules(fields[name]) if name in fields else ()), *_RELATED.get(name, ())],
        )
        for name, dtype in rows.schema.items()
    }


def _rules(field: Field) -> list[_Rule]:
    values = pl.col(field.name)
    rules: list[_Rule] = []
    if field.is_number:
        rules.append(_Rule("negative", values >= 0))
        if field.at_most is None:
            rules.append(_Rule("not below 1e18", values.cast(pl.Float64) < ABSURD))
        else:
            rules.append(_Rule(f"over {field.at_most:g}", values <= field.at_most))
    if field.letters is not None:
        pattern = rf"^[A-Za-z]{{{field.letters}}}$"
        words = f"not {_WORDS[field.letters]} letters"
        rules.append(_Rule(words, values.str.contains(pattern)))
    return rules


_WORDS = {3: "three"}
_NANO: Final = 1e9
_NOISE: Final = 1e-15
"""What a double may differ by, as a part of its value."""

_RELATED: Final = {
    "bucket_end": [_Rule("not after bucket", pl.col("bucket_end") > pl.col("bucket"))],
    "cost_nano": [
        _Rule(
            "not cost in nano dollars",
            (pl.col("cost") * _NANO - pl.col("cost_nano")).abs()
            <= 0.5 + _NOISE * (1 + pl.col("cost_nano")),
        )
    ],
}
"""The rules on a column that compare it with another."""
