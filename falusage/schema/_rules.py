"""The tables' rules as pandera schemas, derived from the contract.

Importing pandera takes more than a second, so the functions here import it when they are called.
The schemas check eager frames. pandera checks only the columns of a LazyFrame, not its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from falusage.columns import ABSURD
from falusage.contract import INSTANT, ORGANIZATION_USAGE, Field

if TYPE_CHECKING:
    import pandera.polars as pa


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
    return _schema(with_bucket=True, required=ORGANIZATION_USAGE.required())


def summary_schema() -> pa.DataFrameSchema:
    """Return the rules of the API's own summary as a pandera schema.

    A summary has no buckets, and it may lack a price, because no sum is made of prices.

    Returns:
        A `pandera.polars.DataFrameSchema` over `columns.SUMMARY`.
    """
    return _schema(with_bucket=False, required=ORGANIZATION_USAGE.required(in_summary=True))


def _schema(*, with_bucket: bool, required: tuple[str, ...]) -> pa.DataFrameSchema:
    import pandera.polars as pa

    columns: dict[str, pa.Column] = {}
    if with_bucket:

        def ends_after_it_starts(data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col("bucket_end") > pl.col("bucket"))

        after = pa.Check(ends_after_it_starts, error="not after bucket")
        columns = {
            "bucket": pa.Column(INSTANT),
            "bucket_end": pa.Column(INSTANT, [after]),
        }
    for field in ORGANIZATION_USAGE.fields:
        is_required = field.name in required
        columns[field.name] = pa.Column(
            field.dtype, _checks(field), nullable=not is_required, required=is_required
        )
    return pa.DataFrameSchema(columns)


def _checks(field: Field) -> list[Any]:
    import pandera.polars as pa

    checks: list[Any] = []
    if field.is_number:
        checks.append(pa.Check.ge(0, error="negative"))
        if field.at_most is None:
            checks.append(pa.Check.lt(ABSURD, error="not below 1e18"))
        else:
            checks.append(pa.Check.le(field.at_most, error=f"over {field.at_most:g}"))
    if field.letters is not None:
        pattern = rf"^[A-Za-z]{{{field.letters}}}$"
        checks.append(pa.Check.str_matches(pattern, error=f"not {_WORDS[field.letters]} letters"))
    return checks


_WORDS = {3: "three"}
