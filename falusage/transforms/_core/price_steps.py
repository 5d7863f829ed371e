"""Where a price took the place of another, found from neighbours in order, in linear time.

A price is shown in runs: buckets with usage that follow each other. Where one run ends and another
begins, the second may have taken the place of the first. Such places are linked into paths, and a
link counts as a step only if no other price says that nothing moved: one that stays on both sides
for longer than the whole path was shown, or one that is shown beside both.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_START, _END, _LENGTH = pl.col("_start"), pl.col("_end"), pl.col("_length")
_ON_BOTH_SIDES = pl.col("_handover").cast(pl.Int64)
"""A bucket in which one price ends and another begins counts for both."""


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
    def of(cls, prices: pl.DataFrame) -> Shown:
        """Number the rows of prices in order, from `_item`, `_series` and a list of buckets."""
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


def _without_constant(lists: pl.DataFrame) -> pl.DataFrame:
    """Leave out prices that every bucket of their series shows, but for the one most sold at.

    They neither begin nor end, and one that stays throughout says all that several do.
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


def lasting_steps(shown: Shown) -> pl.DataFrame:
    """Return each lasting step: `_series`, `since`, `_item`, `previous_price` and `price`.

    `since` is the first bucket after the one in which the old price was last shown.
    """
    runs, rows = _runs(shown), shown.rows
    links = _links(runs)
    paths = _paths(links, runs)
    links = links.join(paths, on="_run")
    weight = pl.col("_weight")
    links = links.filter(weight == weight.max().over("_since"), weight * 2 > pl.col("_reach"))
    links = _not_beside(_not_outlasted(links, rows, runs, paths), rows, runs)
    return links.join(shown.buckets, left_on="_since", right_on="_at").select(
        "_series", "_item", since="bucket", previous_price="price_old", price="price"
    )


def _runs(shown: Shown) -> pl.DataFrame:
    """Return one row per run, in order, with what is known of its price as a whole."""
    item, whole = pl.col("_item"), _LENGTH.sum().over("_item")
    first = (item != item.shift(1)).fill_null(value=True)
    last = (item != item.shift(-1)).fill_null(value=True)
    return (
        shown.rows.group_by("_run")
        .agg(
            item.first(),
            pl.col("_at").min().alias("_start"),
            pl.col("_at").max().alias("_end"),
            pl.len().cast(pl.Int64).alias("_length"),
        )
        .sort("_run")
        .join(shown.prices, on="_item", how="left", maintain_order="left")
        .with_columns(
            first.alias("_first"),
            last.alias("_last"),
            whole.alias("_shown"),
            (_END.max().over("_series") - _START.min().over("_series") + 1 == whole).alias(
                "_constant"
            ),
            (pl.col("_sold").cast(pl.Float64) / whole).alias("_rate"),
            # How many buckets showed the price until it left, and how many since it came.
            pl.when(last).then(whole).otherwise(_LENGTH).alias("_until"),
            pl.when(first).then(whole).otherwise(_LENGTH).alias("_from"),
            pl.when(last).then(_START.min().over("_item")).otherwise(_START).alias("_first_shown"),
            pl.when(first).then(_END.max().over("_item")).otherwise(_END).alias("_last_shown"),
        )
    )


def _links(runs: pl.DataFrame) -> pl.DataFrame:
    """Link the runs that begin in a bucket with those that have just ended there.

    First those of prices that end for good with those of prices that were never shown before, then
    all. Only those shown in the most buckets are linked, because all else comes and goes beside
    them; of several, the one that more was sold at with the one that more was sold at.
    """
    shared = _LENGTH > 1
    begun = runs.select(
        "_run", "_sold", "price", _at="_start", _shown="_from", _long=shared, _once="_first"
    )
    kept = ["_run", "_sold", "price"]
    ended = pl.concat(
        [
            runs.select(
                *kept, _at=_END + 1, _shown="_until", _handover=pl.lit(value=False), _once="_last"
            ),
            runs.filter(shared).select(
                *kept,
                _at="_end",
                _shown=pl.col("_until") - 1,
                _handover=pl.lit(value=True),
                _once="_last",
            ),
        ]
    )
    once = pl.col("_once")
    pairs = pl.concat([_paired(ended.filter(once), begun.filter(once)), _paired(ended, begun)])
    # A run ends once, but was offered where it was last shown and in the bucket after it.
    return (
        pairs.unique("_run", keep="first", maintain_order=True)
        .unique("_run_new", keep="first", maintain_order=True)
        .select("_run", "_run_new", "_handover", _since=pl.col("_at") + _ON_BOTH_SIDES)
    )


def _paired(ended: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Pair those shown the most in each bucket, the pair that was shown the most first."""
    shown = pl.col("_shown")
    ended, begun = (
        one.join(other.select("_at").unique(), on="_at", how="semi")
        .filter(shown == shown.max().over("_at"))
        .sort("_at", "_sold", "price", descending=[False, True, False])
        .with_columns(pl.int_range(pl.len()).over("_at").alias("_rank"))
        for one, other in ((ended, begun), (begun, ended))
    )
    longest = shown + pl.col("_shown_new") - _ON_BOTH_SIDES
    return (
        ended.join(begun, on=["_at", "_rank"], suffix="_new")
        .filter(~pl.col("_handover") | pl.col("_long"))
        .sort(longest, "_sold_new", "_at", descending=True)
        .select("_run", "_run_new", "_handover", "_at")
    )


def _paths(links: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return of each linked run in how many buckets its path was shown, and how many it spans."""
    linked = pl.concat([links["_run"], links["_run_new"]]).unique().sort()
    runs = runs[linked]
    old, new = (linked.search_sorted(links[name]).cast(pl.Int64) for name in ("_run", "_run_new"))
    none = pl.repeat(runs.height, runs.height + 1, dtype=pl.Int64, eager=True)
    twice = pl.zeros(runs.height + 1, dtype=pl.Int64, eager=True)
    twice = twice.scatter(new, links["_handover"].cast(pl.Int64))
    own = runs["_length"].extend_constant(0, 1) - twice
    after, tail = _followed(none.clone().scatter(old, new), own)
    before, head = _followed(none.clone().scatter(new, old), own)
    heads, tails = runs[head.head(-1)], runs[tail.head(-1)]
    shown = (after + before - own).head(-1)
    longer = heads["_until"] - heads["_length"] + tails["_from"] - tails["_length"]
    return pl.DataFrame(
        {
            "_run": linked,
            "_weight": shown + longer,
            "_reach": tails["_last_shown"] - heads["_first_shown"] + 1,
        }
    )


def _followed(following: pl.Series, own: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Sum `own` from each run to the end of its path, and find that end, by doubled strides."""
    none = len(following) - 1
    here = pl.int_range(none + 1, eager=True)
    end = following.zip_with(following != none, here)
    while (following != none).any():
        own = own + own.gather(following)
        following, end = following.gather(following), end.gather(end)
    return own, end


def _not_outlasted(
    links: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame, paths: pl.DataFrame
) -> pl.DataFrame:
    """Leave out links beside which another price was shown for longer than the link's path.

    The other price is one that stayed, in its run from before the link to after it, with the path
    that this run is a part of. A path that was shown with gaps but reaches as far counts too if
    more was sold at both its prices, none is free, and both are cheaper than the other, or both
    are dearer than another that did not stay for the whole table.

    If the old price returns or the new one came before, the others are all that were shown next
    to the link, with all their buckets.
    """
    links = links.with_columns(_low=pl.col("_since") - 1 - _ON_BOTH_SIDES)
    of_run = runs.select("_run", "_item", "price", "_rate", "_first", "_last", "_shown")
    path = pl.max_horizontal("_length", "_weight").alias("_length")
    lasted = runs.join(paths, on="_run", how="left").with_columns(path)
    old, new, other = pl.col("price_old"), pl.col("price"), pl.col("price_stayed")
    weight, alone = pl.col("_weight"), {"_low": "_shown_old", "_since": "_shown"}
    usual = (
        (pl.col("_reach") >= pl.col("_stayed"))
        & (pl.min_horizontal(old, new) > 0)
        & ((old < other) == (new < other))
        # Two prices above one that never left are two surges of it.
        & ((old < other) | ~pl.col("_constant_stayed"))
        & (pl.min_horizontal("_rate_old", "_rate") > pl.col("_rate_stayed"))
    )
    for_good = pl.col("_last_old") & pl.col("_first")
    lasts = (weight > pl.col("_stayed")) | (for_good & usual)
    links = (
        links.join(of_run.rename(lambda name: f"{name}_old"), left_on="_run", right_on="_run_old")
        .join(of_run, left_on="_run_new", right_on="_run")
        .join(_stayed(links, rows, lasted), on=["_since", "_low"], how="left")
        .filter(lasts.fill_null(value=True))
    )
    returning = links.filter(~for_good)
    shown = runs.select("_run", "_shown")
    for at, own in alone.items():
        most = (
            rows.join(returning.select(_at=at).unique(), on="_at", how="semi")
            .join(shown, on="_run")
            .group_by("_at")
            .agg(pl.col("_shown").top_k(2).sort(descending=True).alias("_most"))
        )
        first, second = (pl.col("_most").list.get(place, null_on_oob=True) for place in (0, 1))
        beyond = pl.when(first == pl.col(own)).then(second).otherwise(first)
        returning = (
            returning.join(most, left_on=at, right_on="_at")
            .filter((weight >= beyond).fill_null(value=True))
            .drop("_most")
        )
    return pl.concat([links.filter(for_good), returning])


def _stayed(links: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return what stayed for longest at each link; of several, what most was sold at."""
    place = ["_since", "_low"]
    return (
        rows.select("_run", _since="_at")
        .join(links.select(place).unique(), on="_since")
        .join(runs.select("_run", "_start", "_length", "_rate", "price", "_constant"), on="_run")
        .filter(pl.col("_start") <= pl.col("_low"))
        .filter(_LENGTH.max().over(place) == _LENGTH)
        .group_by(place)
        .agg(
            _LENGTH.first().alias("_stayed"),
            pl.col("price", "_rate", "_constant")
            .get(pl.col("_rate").arg_max())
            .name.suffix("_stayed"),
        )
    )


def _not_beside(links: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Leave out links of two prices that shared a bucket, unless one took over from the other."""
    pair, at, several = ["_item_old", "_item"], pl.col("_at"), _LENGTH > 1
    rarer = pl.col("_shown_old") <= pl.col("_shown")
    pairs = links.select(
        *pair,
        pl.when(rarer).then("_item_old").otherwise("_item").alias("_one"),
        pl.when(rarer).then("_item").otherwise("_item_old").alias("_two"),
    ).unique()
    linked = pl.concat([pairs["_one"], pairs["_two"]]).unique()
    shown = (
        rows.filter(pl.col("_item").is_in(linked.implode()))
        .join(runs.select("_run", "_start", "_end", "_length"), on="_run")
        .select("_item", at, _begins=several & (at == _START), _ends=several & (at == _END))
    )
    takes_over = (pl.col("_ends") & pl.col("_begins_two")) | (
        pl.col("_begins") & pl.col("_ends_two")
    )
    beside = (
        pairs.join(shown, left_on="_one", right_on="_item")
        .join(shown, left_on=["_two", "_at"], right_on=["_item", "_at"], suffix="_two")
        .filter(~takes_over)
    )
    return links.join(beside, on=pair, how="anti")
