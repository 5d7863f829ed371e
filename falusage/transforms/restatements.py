"""What changed between two tables of the same usage: rows that appeared, vanished or changed.

Rows have no id, and equal rows are legal, so tables are compared as bags of rows: rows that both
have are removed, copy by copy, and the rest is paired by who used what when. A row without a
partner appeared or vanished.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from falusage._usage.table import require
from falusage.columns import (
    AUTH,
    BUCKET,
    KEY,
    LABELS,
    MONEY,
    NUMBERS,
    RATES,
    REQUIRED,
    USAGE,
    exact,
    widened,
)

_SIDES = ("old", "new")
_WHO = (*BUCKET, *KEY, *LABELS, *AUTH)
_NTH, _SIDE = "_nth", "_side"


def restatements(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which two usage tables differ, and by how much.

    Rows that differ are paired if only their numbers differ, or fields that the usage table does
    not define: first those at the same price, then the others, in order of price and cost. The old
    table without the old sides and with the new ones is the new table.

    Args:
        old: The columns of `columns.USAGE`, and any further ones. Columns that may be null may
            also be missing.
        new: The same; a further column that one side lacks is null there.

    Returns:
        `change` (`appeared`, `vanished` or `changed`), the columns of `columns.USAGE` without its
        numbers, then each of its numbers and each further column as it was (`_old`) and is
        (`_new`), null on the side that has no such row; `quantity_delta` and `cost_delta`, exact,
        in Decimal(38, 12). Sorted by bucket and line item.

    Raises:
        MissingColumnError: A column of the usage table is missing.

    >>> from datetime import UTC, datetime
    >>> day = {"bucket": datetime(2025, 3, 1, tzinfo=UTC), "bucket_end": datetime(2025, 3, 2,
    ...        tzinfo=UTC), "username": "acme", "product": "model_apis", "endpoint_id": "flux",
    ...        "unit": "image", "unit_price": 0.1, "currency": "USD"}
    >>> def table(*quantities):
    ...     return pl.DataFrame([{**day, "quantity": q, "cost": q / 10} for q in quantities],
    ...                         schema=USAGE)
    >>> found = restatements(table(4.0, 4.0, 7.0), table(4.0, 9.0, 4.0))
    >>> found.select("change", "cost_old", "cost_new", "cost_delta").row(0)
    ('changed', 0.7, 0.9, Decimal('0.200000000000'))
    """
    for table in (old, new):
        require(table.schema, (*BUCKET, *REQUIRED))
    old, new = widened(old), widened(new)
    further = [name for name in dict.fromkeys((*old.columns, *new.columns)) if name not in USAGE]
    values = (*NUMBERS, *further)
    both = pl.concat(
        [
            table.with_columns(pl.lit(side).alias(_SIDE))
            for side, table in zip(_SIDES, (old, new), strict=True)
        ],
        how="diagonal_relaxed",
    )
    left = _unlike(both, (*USAGE, *further)).sort(*values, nulls_last=True, maintain_order=True)
    found: list[pl.DataFrame] = []
    for key in ((*_WHO, *RATES), _WHO):
        if _has_both_sides(left):
            paired, left = _paired(left, key, values)
            found.append(paired.with_columns(change=pl.lit("changed")))
    for side, change in zip(_SIDES, ("vanished", "appeared"), strict=True):
        alone = left.filter(pl.col(_SIDE) == side)
        other = next(name for name in _SIDES if name != side)
        found.append(
            alone.select(
                *_WHO,
                *(pl.col(name).alias(f"{name}_{side}") for name in values),
                *(pl.lit(None, both.schema[name]).alias(f"{name}_{other}") for name in values),
                change=pl.lit(change),
            )
        )
    order = [f"{name}_{side}" for name in values for side in _SIDES]
    return (
        pl.concat([frame.select("change", *_WHO, *order) for frame in found])
        .with_columns(_delta("quantity"), _delta("cost"))
        .sort(
            *_WHO, "unit_price_old", "unit_price_new", "cost_old", "cost_new", maintain_order=True
        )
    )


def _has_both_sides(rows: pl.DataFrame) -> bool:
    """Return whether there is anything to compare: there is not where all rows are new."""
    return rows[_SIDE].n_unique() == len(_SIDES)


def _unlike(both: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return the rows of each side that the other lacks, as many times as it lacks them."""
    if not _has_both_sides(both):
        return both
    copies = both.with_columns(pl.int_range(pl.len()).over(*columns, _SIDE).alias(_NTH))
    one_sided = pl.len().over(*columns, _NTH) == 1
    return copies.filter(one_sided).drop(_NTH)


def _paired(
    rows: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair rows of both sides that share a key, in order; return the pairs, and what is left."""
    numbered = rows.with_columns(pl.int_range(pl.len()).over(*key, _SIDE).alias(_NTH))
    sides = [numbered.filter(pl.col(_SIDE) == side) for side in _SIDES]
    on = (*key, _NTH)
    old, new = (
        table.select(
            *on,
            *(pl.col(name).alias(f"{name}_{side}") for name in values),
        )
        for side, table in zip(_SIDES, sides, strict=True)
    )
    paired = old.join(new, on=on, how="inner", nulls_equal=True).select(
        *_WHO, *(f"{name}_{side}" for name in values for side in _SIDES)
    )
    one_sided = pl.len().over(*on) == 1
    return paired, numbered.filter(one_sided).drop(_NTH)


def _delta(column: str) -> pl.Expr:
    new, old = (exact(f"{column}_{side}").fill_null(0) for side in ("new", "old"))
    return (new - old).cast(MONEY).alias(f"{column}_delta")
