"""Where each price was shown: the buckets, and the runs of buckets that follow each other.

The buckets with usage of a series are counted one by one, so that a run does not end where nothing
was used.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

START, END, LENGTH = pl.col("_start"), pl.col("_end"), pl.col("_length")


@dataclass(frozen=True, slots=True)
class Shown:
    """Where each price was shown.

    Attributes:
        prices: One row per price of a series, by its number `_item`: `_series`, `price`, `_sold`.
        buckets: The `bucket` of each `_at`, which counts the buckets of a series one by one and
            leaves a gap before those of the next series.
        rows: `_item`, `_at` and `_run`, in order. Runs are numbered from 0.
    """

    prices: pl.DataFrame
    buckets: pl.DataFrame
    rows: pl.DataFrame

    @classmethod
    def from_prices(cls, prices: pl.DataFrame) -> Shown:
        """Number the buckets and runs of prices, from `_item`, `_series` and a list of buckets."""
        lists = prices.select(
            "_item", "_series", "_sold", pl.col("bucket").list.unique().list.sort()
        )
        rows = (
            _without_constant(lists)
            .select("_item", "_series", "bucket")
            .explode("bucket", empty_as_null=False)
        )
        buckets = rows.select("_series", "bucket").unique().sort("_series", "bucket")
        # A series begins two places after the one before it ended, and so follows none.
        buckets = buckets.with_columns(pl.int_range(pl.len()).alias("_at") + pl.col("_series"))
        rows = rows.join(
            buckets, on=["_series", "bucket"], how="left", maintain_order="left"
        ).select("_item", "_at")
        follows = (pl.col("_item") == pl.col("_item").shift(1)) & (pl.col("_at").diff() == 1)
        rows = rows.with_columns((~follows).fill_null(value=False).cum_sum().alias("_run"))
        return cls(prices.select("_item", "_series", "price", "_sold"), buckets, rows)

    def runs(self) -> pl.DataFrame:
        """Return one row per run, in order of `_run`.

        Of the run: `_start`, `_end` (its first and last `_at`), `_length` in buckets, and whether
        it is the `_first` or the `_last` of its price. Of its price: the columns of `prices`,
        `_shown` (in how many buckets), `_constant` (whether in all of its series), `_rate` (sold
        per bucket). For a price that left with this run, in how many buckets it was shown
        (`_until`) and since when (`_first_shown`); for one that came with it, `_from` and
        `_last_shown`. A price that comes back is judged by this run alone.
        """
        item, whole = pl.col("_item"), LENGTH.sum().over("_item")
        first = (item != item.shift(1)).fill_null(value=True)
        last = (item != item.shift(-1)).fill_null(value=True)
        buckets_of_series = END.max().over("_series") - START.min().over("_series") + 1
        return (
            self.rows.group_by("_run")
            .agg(
                item.first(),
                pl.col("_at").min().alias("_start"),
                pl.col("_at").max().alias("_end"),
                pl.len().cast(pl.Int64).alias("_length"),
            )
            .sort("_run")
            .join(self.prices, on="_item", how="left", maintain_order="left")
            .with_columns(
                first.alias("_first"),
                last.alias("_last"),
                whole.alias("_shown"),
                (buckets_of_series == whole).alias("_constant"),
                (pl.col("_sold").cast(pl.Float64) / whole).alias("_rate"),
                pl.when(last).then(whole).otherwise(LENGTH).alias("_until"),
                pl.when(last)
                .then(START.min().over("_item"))
                .otherwise(START)
                .alias("_first_shown"),
                pl.when(first).then(whole).otherwise(LENGTH).alias("_from"),
                pl.when(first).then(END.max().over("_item")).otherwise(END).alias("_last_shown"),
            )
        )


def _without_constant(lists: pl.DataFrame) -> pl.DataFrame:
    """Leave out prices that every bucket of their series shows, except the one most sold at.

    They do not begin or end, and one price that stays throughout proves as much as several.
    """
    several = pl.col("bucket").list.explode(empty_as_null=False).n_unique().alias("_buckets")
    lists = lists.join(lists.group_by("_series").agg(several), on="_series")
    constant = pl.col("bucket").list.len() == pl.col("_buckets")
    most_sold = (
        lists.filter(constant)
        .sort("_series", "_sold", "_item")
        .unique("_series", keep="last", maintain_order=True)
    )
    return pl.concat([lists.filter(~constant), most_sold]).sort("_item")
