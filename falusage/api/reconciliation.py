"""The sum of what was loaded, held against the API's own summary of the same question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from falusage.columns import KEY, MONEY

RELATIVE: Final = 1e-9
ABSOLUTE: Final = 1e-6
"""Sums agree to `RELATIVE` of the sum plus `ABSOLUTE`: what adding doubles in another order may
change, and no more."""

_SUMS: Final = ("cost", "quantity")


def sums(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Sum cost and quantity by key, exactly; sums of sums are welcome.

    Gives `KEY`, `cost`, `quantity` with the sums in `Decimal(38, 12)`.
    """
    schema: dict[str, pl.DataType] = {name: pl.String() for name in KEY}
    schema |= dict.fromkeys(_SUMS, MONEY)
    parts = [table.select(*KEY, pl.col(_SUMS).cast(MONEY)) for table in tables]
    return pl.concat([pl.DataFrame(schema=schema), *parts]).group_by(KEY).sum()


def compare(loaded: pl.DataFrame, summary: pl.DataFrame | None) -> pl.DataFrame:
    """Lay both sides' sums beside each other, by key.

    Args:
        loaded: `sums` of the rows.
        summary: `sums` of the summary, or None where it was not asked for.

    Returns:
        `KEY`, then `cost_loaded`, `cost_summary`, `quantity_loaded`, `quantity_summary` as
        Float64, null where a side does not have the key; sorted by key.
    """
    other = summary if summary is not None else loaded.clear()
    return (
        loaded.join(other, on=KEY, how="full", suffix="_summary", coalesce=True, nulls_equal=True)
        .select(
            *KEY,
            *(
                pl.col(name).cast(pl.Float64).alias(alias)
                for value in _SUMS
                for name, alias in (
                    (value, f"{value}_loaded"),
                    (f"{value}_summary", f"{value}_summary"),
                )
            ),
        )
        .sort(KEY)
    )


def differences(compared: pl.DataFrame) -> pl.DataFrame:
    """Give the keys whose sides differ beyond the noise of adding doubles.

    One that only the summary has differs even at zero: a row was lost.
    """
    return compared.filter(
        pl.any_horizontal(
            pl.col("cost_loaded").is_null() & pl.col("cost_summary").is_not_null(),
            *(
                (loaded - summary).abs()
                > ABSOLUTE + RELATIVE * pl.max_horizontal(loaded.abs(), summary.abs())
                for value in _SUMS
                for loaded, summary in [
                    (
                        pl.col(f"{value}_loaded").fill_null(0.0),
                        pl.col(f"{value}_summary").fill_null(0.0),
                    )
                ]
            ),
        )
    )
