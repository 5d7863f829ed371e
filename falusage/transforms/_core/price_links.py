"""Where one price may have taken the place of another: links between runs, and paths of links.

A link joins the run of a price that ends with the run of a price that begins there. A path follows
links from run to run, as when a price rises every month. Both take linear time.
"""

from __future__ import annotations

import polars as pl

from falusage.transforms._core.price_runs import END, LENGTH

HANDED_OVER = pl.col("_handover").cast(pl.Int64)
"""1 if a link's old price ends in the bucket in which its new one begins; it counts for both."""


def links(runs: pl.DataFrame) -> pl.DataFrame:
    """Link the runs that begin in a bucket with those that have just ended there.

    First those of prices that end for good with those of prices that were never shown before, then
    all. Only the prices shown in the most buckets are linked, because all others come and go
    beside them. If there are several, they are linked in order of what was sold at them.

    Returns:
        `_run` and `_run_new`, each at most once; `_handover`, whether they share a bucket; and
        `_since`, the first bucket that is the new price's alone.
    """
    shared = LENGTH > 1
    begun = runs.select(
        "_run", "_sold", "price", _at="_start", _shown="_from", _long=shared, _once="_first"
    )
    kept = ["_run", "_sold", "price"]
    ended = pl.concat(
        [
            # In the bucket after its last one,
            runs.select(
                *kept, _at=END + 1, _shown="_until", _handover=pl.lit(value=False), _once="_last"
            ),
            # or in its last one, which it then shares with the new price.
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
    # A run ends once, but was offered in two buckets.
    return (
        pairs.unique("_run", keep="first", maintain_order=True)
        .unique("_run_new", keep="first", maintain_order=True)
        .select("_run", "_run_new", "_handover", _since=pl.col("_at") + HANDED_OVER)
    )


def _paired(ended: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Pair the runs shown the most in each bucket, the pair that was shown the most first."""
    shown = pl.col("_shown")
    ended, begun = (
        one.join(other.select("_at").unique(), on="_at", how="semi")
        .filter(shown == shown.max().over("_at"))
        .sort("_at", "_sold", "price", descending=[False, True, False])
        .with_columns(pl.int_range(pl.len()).over("_at").alias("_rank"))
        for one, other in ((ended, begun), (begun, ended))
    )
    longest = shown + pl.col("_shown_new") - HANDED_OVER
    return (
        ended.join(begun, on=["_at", "_rank"], suffix="_new")
        .filter(~pl.col("_handover") | pl.col("_long"))
        .sort(longest, "_sold_new", "_at", descending=True)
        .select("_run", "_run_new", "_handover", "_at")
    )


def paths(found: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return what is known of the path of each linked run.

    Args:
        found: The links.
        runs: The runs.

    Returns:
        `_run`; `_weight`, in how many buckets the prices of its path were shown; and `_reach`, how
        many buckets lie between the first and the last of them.
    """
    linked = pl.concat([found["_run"], found["_run_new"]]).unique().sort()
    runs = runs[linked]
    old, new = (linked.search_sorted(found[name]).cast(pl.Int64) for name in ("_run", "_run_new"))
    # The number after the last run means that no run follows.
    nothing = pl.repeat(runs.height, runs.height + 1, dtype=pl.Int64, eager=True)
    twice = pl.zeros(runs.height + 1, dtype=pl.Int64, eager=True)
    twice = twice.scatter(new, found["_handover"].cast(pl.Int64))
    own = runs["_length"].extend_constant(0, 1) - twice
    after, tail = _followed(nothing.clone().scatter(old, new), own)
    before, head = _followed(nothing.clone().scatter(new, old), own)
    heads, tails = runs[head.head(-1)], runs[tail.head(-1)]
    shown = (after + before - own).head(-1)
    # The first price of the path may have been shown before its run, and the last one after it.
    further = heads["_until"] - heads["_length"] + tails["_from"] - tails["_length"]
    return pl.DataFrame(
        {
            "_run": linked,
            "_weight": shown + further,
            "_reach": tails["_last_shown"] - heads["_first_shown"] + 1,
        }
    )


def _followed(following: pl.Series, own: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Sum `own` from each run to the end of its path, and find that end.

    Each turn doubles how far a run looks ahead, so a path of n runs takes log n turns.
    """
    nothing = len(following) - 1
    here = pl.int_range(nothing + 1, eager=True)
    end = following.zip_with(following != nothing, here)
    while (following != nothing).any():
        own = own + own.gather(following)
        following, end = following.gather(following), end.gather(end)
    return own, end
