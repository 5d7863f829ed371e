"""The lasting steps of prices: which links between runs are steps, and which are not.

A link is no step if another price shows that nothing moved: one that stays before and after it for
longer than the whole path of the link was shown, or one of the link's own prices that was shown
beside the other.
"""

from __future__ import annotations

import polars as pl

from falusage.transforms._core.price_links import HANDED_OVER, links, paths
from falusage.transforms._core.price_runs import END, LENGTH, START, Shown

_WEIGHT = pl.col("_weight")


def lasting_steps(shown: Shown) -> pl.DataFrame:
    """Return each lasting step: `_series`, `since`, `_item`, `previous_price` and `price`.

    `since` is the first bucket after the one in which the old price was last shown.
    """
    runs, rows = shown.runs(), shown.rows
    linked = links(runs)
    path = paths(linked, runs)
    linked = linked.join(path, on="_run").filter(
        # Of the paths that meet in a bucket, the one shown the most,
        _WEIGHT.max().over("_since") == _WEIGHT,
        # if its prices were there in most of the buckets from its first to its last.
        pl.col("_reach") < _WEIGHT * 2,
    )
    found = _not_beside(_not_outlasted(linked, rows, runs, path), rows, runs)
    return found.join(shown.buckets, left_on="_since", right_on="_at").select(
        "_series", "_item", since="bucket", previous_price="price_old", price="price"
    )


def _not_outlasted(
    linked: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame, path: pl.DataFrame
) -> pl.DataFrame:
    """Leave out links beside which another price was shown for longer than the link's path.

    The other price is one that stayed, in its run from before the link to after it, with the path
    that this run is a part of. A path that was shown with gaps but reaches as far counts too if
    more was sold at both its prices, none is free, and both are cheaper than the other, or both
    are more expensive than another that did not stay for the whole table.

    If the old price returns or the new one came before, the others are all that were shown next
    to the link, with all their buckets.
    """
    of_run = runs.select("_run", "_item", "price", "_rate", "_first", "_last", "_shown")
    linked = (
        linked.with_columns(_low=pl.col("_since") - 1 - HANDED_OVER)
        .join(of_run.rename(lambda name: f"{name}_old"), left_on="_run", right_on="_run_old")
        .join(of_run, left_on="_run_new", right_on="_run")
    )
    longer = pl.max_horizontal("_length", "_weight").alias("_length")
    stayed = _stayed(linked, rows, runs.join(path, on="_run", how="left").with_columns(longer))
    for_good = pl.col("_last_old") & pl.col("_first")
    lasts = (pl.col("_stayed") < _WEIGHT) | (for_good & _outreaches())
    linked = linked.join(stayed, on=["_since", "_low"], how="left").filter(
        lasts.fill_null(value=True)
    )
    returning = _more_than_neighbours(linked.filter(~for_good), rows, runs)
    return pl.concat([linked.filter(for_good), returning])


def _outreaches() -> pl.Expr:
    """Return whether a path with gaps is stronger than the price that stayed."""
    old, new, other = pl.col("price_old"), pl.col("price"), pl.col("price_stayed")
    return (
        (pl.col("_reach") >= pl.col("_stayed"))
        & (pl.min_horizontal(old, new) > 0)
        & ((old < other) == (new < other))
        # Two prices above one that never left are two surges of it.
        & ((old < other) | ~pl.col("_constant_stayed"))
        & (pl.min_horizontal("_rate_old", "_rate") > pl.col("_rate_stayed"))
    )


def _stayed(linked: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return what stayed for longest at each link; if several did, the one most was sold at."""
    place = ["_since", "_low"]
    return (
        rows.select("_run", _since="_at")
        .join(linked.select(place).unique(), on="_since")
        .join(runs.select("_run", "_start", "_length", "_rate", "price", "_constant"), on="_run")
        .filter(pl.col("_low") >= START)
        .filter(LENGTH.max().over(place) == LENGTH)
        .group_by(place)
        .agg(
            LENGTH.first().alias("_stayed"),
            pl.col("price", "_rate", "_constant")
            .get(pl.col("_rate").arg_max())
            .name.suffix("_stayed"),
        )
    )


def _more_than_neighbours(
    returning: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame
) -> pl.DataFrame:
    """Leave out links next to which another price was shown in more buckets than their path."""
    shown = runs.select("_run", "_shown")
    for at, own in (("_low", "_shown_old"), ("_since", "_shown")):
        most = (
            rows.join(returning.select(_at=at).unique(), on="_at", how="semi")
            .join(shown, on="_run")
            .group_by("_at")
            .agg(pl.col("_shown").top_k(2).sort(descending=True).alias("_most"))
        )
        first, second = (pl.col("_most").list.get(place, null_on_oob=True) for place in (0, 1))
        # The link's own price is one of those shown there.
        other = pl.when(first == pl.col(own)).then(second).otherwise(first)
        returning = (
            returning.join(most, left_on=at, right_on="_at")
            .filter((other <= _WEIGHT).fill_null(value=True))
            .drop("_most")
        )
    return returning


def _not_beside(linked: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Leave out links of two prices that shared a bucket, unless one took over from the other."""
    pair, at, several = ["_item_old", "_item"], pl.col("_at"), LENGTH > 1
    # Joined from the price with fewer buckets, which keeps the join small.
    rarer = pl.col("_shown_old") <= pl.col("_shown")
    pairs = linked.select(
        *pair,
        pl.when(rarer).then("_item_old").otherwise("_item").alias("_one"),
        pl.when(rarer).then("_item").otherwise("_item_old").alias("_two"),
    ).unique()
    items = pl.concat([pairs["_one"], pairs["_two"]]).unique()
    shown = (
        rows.filter(pl.col("_item").is_in(items.implode()))
        .join(runs.select("_run", "_start", "_end", "_length"), on="_run")
        .select("_item", at, _begins=several & (at == START), _ends=several & (at == END))
    )
    takes_over = (pl.col("_ends") & pl.col("_begins_two")) | (
        pl.col("_begins") & pl.col("_ends_two")
    )
    beside = (
        pairs.join(shown, left_on="_one", right_on="_item")
        .join(shown, left_on=["_two", "_at"], right_on=["_item", "_at"], suffix="_two")
        .filter(~takes_over)
    )
    return linked.join(beside, on=pair, how="anti")
