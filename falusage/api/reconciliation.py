"""The sums of what was loaded, compared with the API's own summary of the same question.

Sums agree up to the noise of adding doubles. If one side was visibly rounded, they may also
differ by what that rounding explains, and by no more: a lost row is still seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from falusage.columns import AUTH, FURTHER, KEY, LABELS, MONEY, RATES, SUMMARY, widened
from falusage.schema.rounding import FEWEST, MOST, has_places, product, rounded_off
from falusage.schema.validation import Validated

RELATIVE: Final = 1e-9
ABSOLUTE: Final = 1e-6
"""Sums agree to `RELATIVE` of the sum plus `ABSOLUTE`: what adding doubles in another order may
change, and no more."""

_SUMS: Final = ("cost", "quantity")
_TOTALS: Final = (*_SUMS, "off", "unrounded")
_LINE: Final = (*KEY, *RATES, *LABELS, *AUTH)
"""The columns that distinguish the summary's line items."""

SIDES: Final = tuple(f"{name}_{side}" for name in _SUMS for side in ("loaded", "summary"))
ROUNDING: Final = tuple(f"{name}_rounding" for name in _SUMS)


def sums(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Sum the rows of usage tables exactly, line item by line item.

    Returns:
        The columns that distinguish line items, `cost` and `quantity` as Decimal(38, 12), `off`:
        how much of a difference the rounding of the rows' own costs explains, and `unrounded`:
        the cost before that rounding.
    """
    empty = pl.DataFrame(schema={name: SUMMARY[name] for name in _LINE})
    none = empty.with_columns(pl.lit(None, MONEY).alias(name) for name in _TOTALS)
    parts = [
        # Sums may be summed again; a usage table's costs are doubles.
        table if table.schema["cost"] == MONEY else _with_rounding(table).select(none.columns)
        for table in tables
    ]
    rows = pl.concat([none, *parts])
    # A column of nulls alone, as of callers that were not asked for, tells no line apart.
    told = [name for name in _LINE if rows[name].null_count() < rows.height]
    if not told:
        return none
    found = rows.group_by(told).agg(pl.col(_TOTALS).sum())
    return pl.concat([none, found], how="diagonal")


def _with_rounding(table: pl.DataFrame) -> pl.DataFrame:
    table = widened(table)
    off = rounded_off(table)
    sums = table.with_columns(pl.col(_SUMS).cast(MONEY), off.cast(MONEY).alias("off"))
    if not (off > 0.0).any():
        return sums.with_columns(unrounded="cost")
    unrounded = pl.when(off > 0.0).then(product()).otherwise("cost").cast(MONEY)
    return sums.with_columns(table.select(unrounded.alias("unrounded")))


def compare(loaded: pl.DataFrame, summary: pl.DataFrame | None) -> pl.DataFrame:
    """Join the sums of both sides, by key.

    Args:
        loaded: `sums` of the rows.
        summary: The rows of the API's summary, or None if it was not asked for.

    Returns:
        `KEY`, then `cost_loaded`, `cost_summary`, `quantity_loaded`, `quantity_summary` as
        Float64, null where a side does not have the key, and `cost_rounding`,
        `quantity_rounding`: what rounding allows the sides to differ by. Sorted by key.
    """
    places = {name: None if summary is None else _places(summary[name]) for name in _SUMS}
    finer = {
        "cost": _is_finer("cost", places["cost"]) | _is_finer("unrounded", places["cost"]),
        "quantity": _is_finer("quantity", places["quantity"]),
    }
    ours = loaded.group_by(KEY).agg(
        pl.col(*_SUMS, "off").sum(),
        *(expr.any().alias(f"{name}_finer") for name, expr in finer.items()),
    )
    theirs = (
        (loaded.clear() if summary is None else summary)
        .group_by(KEY)
        .agg(
            *(pl.col(name).cast(MONEY).sum().alias(f"{name}_summary") for name in _SUMS),
            pl.len().alias("lines"),
        )
    )
    return (
        ours.join(theirs, on=KEY, how="full", coalesce=True, nulls_equal=True)
        .rename({name: f"{name}_loaded" for name in _SUMS})
        .with_columns(
            (
                pl.when(f"{name}_finer").then(pl.col("lines") * _half(places[name])).otherwise(0.0)
                + (pl.col("off").cast(pl.Float64) if name == "cost" else 0.0)
            )
            .fill_null(0.0)
            .alias(f"{name}_rounding")
            for name in _SUMS
        )
        .select(*KEY, pl.col(SIDES).cast(pl.Float64), *ROUNDING)
        .sort(KEY)
    )


def _places(numbers: pl.Series) -> int | None:
    """Return the most decimals of any number, at least `FEWEST`; None if they were not rounded."""
    found = numbers.cast(pl.Float64).to_numpy()
    return next((n for n in range(FEWEST, MOST) if has_places(found, n).all()), None)


def _half(places: int | None) -> float:
    return 0.0 if places is None else 0.5 * 10.0**-places


def _is_finer(name: str, places: int | None) -> pl.Expr:
    """Return whether a line item's sum has more decimals than the summary has."""
    if places is None:
        return pl.lit(False).first()
    return ~has_places(pl.col(name).cast(pl.Float64), places)


def differences(compared: pl.DataFrame) -> pl.DataFrame:
    """Return the keys whose sides differ by more than noise and visible rounding explain.

    A key that only the summary has differs even at zero: a row was lost.
    """
    return compared.filter(
        pl.any_horizontal(
            pl.col("cost_loaded").is_null() & pl.col("cost_summary").is_not_null(),
            *(
                _difference(name).abs()
                > ABSOLUTE
                + RELATIVE * pl.max_horizontal(f"{name}_loaded", f"{name}_summary").abs()
                + pl.col(f"{name}_rounding")
                for name in _SUMS
            ),
        )
    )


def suspect_keys(checked: Validated) -> pl.DataFrame:
    """Return the keys that invalid rows may belong to.

    Returns:
        `KEY`; a part that is itself broken is null, because it may have been anything.
    """
    columns = pl.col("column")
    columns = columns.replace(dict.fromkeys(FURTHER, "endpoint_id"))  # which it was made of
    broken = dict(
        checked.broken.group_by(columns.alias("column")).agg(pl.col("row").unique()).iter_rows()
    )
    at = pl.int_range(pl.len(), dtype=pl.Int64)
    return checked.bad.select(
        pl.when(at.is_in(broken[name])).then(None).otherwise(name).alias(name)
        if name in broken
        else name
        for name in KEY
    ).unique()


def matching(keys: pl.DataFrame, suspects: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the keys that match a suspect one, in which a null matches any value."""
    parts = [keys.clear()]
    empty = pl.DataFrame(schema=dict.fromkeys(KEY, pl.String))
    for pattern, suspect in pl.concat([empty, *suspects]).group_by(
        pl.col(name).is_null() for name in KEY
    ):
        known = [name for name, is_null in zip(KEY, pattern, strict=True) if not is_null]
        parts.append(keys.join(suspect, on=known, how="semi") if known else keys)
    return pl.concat(parts).unique()


def rounding(compared: pl.DataFrame) -> pl.DataFrame:
    """Return the keys that rounding has an allowance for, and how much of it was used.

    Returns:
        `KEY`, then for cost and quantity the allowance (`cost_rounding`) and the difference of
        the sides (`cost_difference`, loaded minus summary), as Float64.
    """
    return compared.filter(pl.any_horizontal(pl.col(ROUNDING) > 0)).select(
        *KEY,
        *(
            expr
            for name in _SUMS
            for expr in (f"{name}_rounding", _difference(name).alias(f"{name}_difference"))
        ),
    )


def _difference(name: str) -> pl.Expr:
    loaded, summary = (pl.col(f"{name}_{side}").fill_null(0.0) for side in ("loaded", "summary"))
    return loaded - summary
