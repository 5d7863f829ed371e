"""Rows of a range in place of those that the store has of it, in one commit.

Only units (local days, or longer buckets) in which something differs are written: where nothing
changed nothing is committed, and a new day costs a day. Days that are settled share a file with
others of their month; each that is not has one of its own, so that replacing it moves no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import polars as pl

from falusage import _spans as spans
from falusage._spans import Span, Spans
from falusage._usage.pieces import EACH_BUCKET, of_piece, pieces
from falusage.api.receipt import Receipt
from falusage.columns import INSTANT, USAGE, exact
from falusage.errors import StoreError
from falusage.store._commits import EDITION, LetThrough, moved, said_of, seal, totals_of
from falusage.store._committing import OvertakenError, append, widen
from falusage.store._finality import ended, finality
from falusage.store._log import STORED, Log, State
from falusage.store._parts import MOST_ROWS, Written, write_part
from falusage.store._place import Place
from falusage.store._scanning import read_parts
from falusage.store._scope import Scope
from falusage.timeframes import period_end, period_start, zone
from falusage.transforms.restatements import restatements

_EXACT: Final = 2**53
"""Up to here a double holds every whole number."""

_UNIT, _PART = "_unit", "_part"
_OWN: Final = {name.lower() for name in STORED}
_HOW_FINAL: Final = ("read_at", "settled")


@dataclass(slots=True)
class Outcome:
    """What a range came to.

    Attributes:
        commits: The versions that were made.
        changed: How many rows appeared, vanished or changed.
        restated: By how much the cost of buckets changed that had ended before, by currency.
    """

    commits: list[int] = field(default_factory=list[int])
    changed: int = 0
    restated: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


def commit_rows(
    log: Log,
    state: State,
    usage: pl.DataFrame,
    *,
    span: Span,
    read_at: datetime,
    settle: timedelta,
    receipt: Receipt | None = None,
    allow_empty: bool = False,
) -> Outcome:
    """Commit what a range holds now, in place of what the store has of it.

    Args:
        log: The store's log.
        state: The version that was the last one before the rows were read.
        usage: All rows of the range.
        span: The range.
        read_at: When they were read, by the earlier of two clocks.
        settle: How old a bucket is to be to count as settled.
        receipt: That of the load.
        allow_empty: Believe it where a unit with spend comes back without any.

    Raises:
        OvertakenError: `state` is no longer the last version.
        StoreError: The rows cannot be kept, as where their buckets are not those that were asked
            for, or the commit cannot be written.
    """
    was, scope = state.commit, state.commit.scope
    unit = period_start(pl.col("bucket"), every=scope.unit, timezone=scope.timezone)
    in_unit = unit.dt.convert_time_zone("UTC").alias(_UNIT)
    latest = read_at if receipt is None else max(receipt.server_time or read_at, receipt.started_at)
    had = finality(log, state, now=read_at, latest=latest)
    closed = spans.union(had.closed, ended(span, read_at, scope))
    settled = spans.union(had.settled, ended(span, read_at - settle, scope))

    touched = [part for part in state.parts if spans.meet([(part.start, part.end)], [span])]
    held = pl.concat(
        [
            state.columns.to_frame().with_columns(pl.lit(0, pl.UInt32).alias(_PART)),
            *(
                read_parts(log.place, [part], state.schema).with_columns(
                    pl.lit(number, pl.UInt32).alias(_PART)
                )
                for number, part in enumerate(touched)
            ),
        ]
    ).with_columns(in_unit)
    inside = spans.holds([span])
    old = held.filter(inside)
    new = _storable(usage, state.schema).with_columns(in_unit)
    _refuse_other_calendar(log.place, new, scope)
    if not allow_empty:
        _refuse_vanished(log.place, old, new, scope)

    let_through = tuple(left for each in was.let_through for left in each.without(span))
    let_through += LetThrough.of(receipt, span)
    changes = _changes(old, new, in_unit, had.closed)
    flipped = old.filter(pl.col("settled") != spans.holds(settled))
    units = pl.concat([changes.units, flipped[_UNIT]]).unique().implode()
    as_before = (settled, closed, let_through) == (was.settled, was.closed, was.let_through)
    if not changes.rows and flipped.is_empty() and as_before:
        return Outcome()

    is_stale = inside & pl.col(_UNIT).is_in(units)
    stale = held.filter(is_stale)
    numbers = stale[_PART].unique()
    carried = held.filter(pl.col(_PART).is_in(numbers.implode()) & ~is_stale)
    fresh = new.filter(pl.col(_UNIT).is_in(units)).with_columns(
        read_at=pl.lit(read_at, INSTANT), settled=spans.holds(settled)
    )
    outcome = Outcome(changed=changes.rows, restated=changes.restated)
    added = pl.Schema({k: v for k, v in fresh.schema.items() if k not in {*state.schema, _UNIT}})
    if added:
        state = widen(log, state, added)
        outcome.commits.append(state.version)
    rows = pl.concat([carried.drop(_PART), fresh], how="diagonal")
    come = _write(log.place, rows.select(*state.schema, _UNIT), settled, scope)
    gone = [touched[number] for number in numbers]
    stay = {part.path for part in state.parts} - {part.path for part in gone}
    commit = was.then(
        "sync",
        edition=EDITION,
        at=read_at if had.at > latest else max(had.at, read_at),
        span=span,
        settle=settle,
        totals=moved(was.totals, gone=totals_of(stale), come=totals_of(fresh)),
        restated=outcome.restated,
        settled=settled,
        closed=closed,
        let_through=let_through,
        files=seal(stay | {one.part.path for one in come}, state.schema),
        receipt=None if receipt is None else said_of(receipt),
    )
    try:
        outcome.commits.append(append(log, state, commit, come=come, gone=gone))
    except OvertakenError as error:
        error.commits = tuple(outcome.commits)
        raise
    return outcome


def _storable(usage: pl.DataFrame, had: pl.Schema) -> pl.DataFrame:
    """Return rows in the types that the store has or will have.

    A further column of numbers is kept as doubles, because a field that says 10 today says 12.5
    tomorrow; one of whole numbers that doubles do not hold stays one of whole numbers. A column
    of nulls alone says nothing, and is left out. To the Delta library capitals make no difference
    in names.
    """
    taken = {name.lower(): name for name in had}
    columns = [pl.col(name).cast(dtype) for name, dtype in USAGE.items()]
    for name in usage.columns:
        if name in USAGE or usage[name].null_count() == usage.height:
            continue
        if name.lower() in _OWN or name.startswith("_"):
            raise StoreError(
                f"the API sends a field {name!r}, a name that the store needs itself; rows with "
                "it cannot be kept: write a snapshot instead"
            )
        if (other := taken.setdefault(name.lower(), name)) != name:
            raise StoreError(
                f"the API sends a field {name!r}, which but for capitals is {other!r}; a store "
                "cannot tell them apart: write a snapshot instead"
            )
        columns.append(_typed(usage[name], had.get(name)))
    return usage.select(columns)


def _typed(values: pl.Series, had: pl.DataType | None) -> pl.Expr:
    dtype = values.dtype
    if dtype.is_numeric():
        whole = dtype.is_integer() or (had == pl.Int64() and values.eq(values.round()).all())
        too_large = bool((values.abs() > _EXACT).any())
        dtype = pl.Int64() if whole and (too_large or had == pl.Int64()) else pl.Float64()
    elif isinstance(dtype, pl.Categorical | pl.Enum):
        dtype = pl.String()
    if dtype not in {pl.Int64(), pl.Float64(), pl.String(), pl.Boolean()} or had not in {
        None,
        dtype,
    }:
        raise StoreError(
            f"the field {values.name!r} is {dtype} now, and "
            + (f"{had} in the store" if had else "of no kind that a store keeps")
            + "; nothing was written. Keep it in a store in another folder"
        )
    return pl.col(values.name).cast(dtype)


def _refuse_other_calendar(place: Place, new: pl.DataFrame, scope: Scope) -> None:
    """Raise if a bucket is not one of the store's calendar.

    One that lies in two windows would belong to neither, and never be replaced.
    """
    start, end = (
        made(pl.col("bucket"), every=scope.every, timezone=scope.timezone).dt.convert_time_zone(
            "UTC"
        )
        for made in (period_start, period_end)
    )
    foreign = (pl.col("bucket") != start) | (pl.col("bucket_end") != end)
    others = new.select("bucket", "bucket_end").unique().filter(foreign).sort("bucket")
    for first, last in others.head(1).iter_rows():
        raise StoreError(
            f"the API has a bucket from {first.isoformat()} to {last.isoformat()}, which is no "
            f"{scope.timeframe} of {scope.timezone}; nothing of this piece was written to {place}. "
            "Keep a store in the time zone that the API cuts its buckets in, as timezone='UTC', "
            "or one by hour"
        )


def _refuse_vanished(place: Place, old: pl.DataFrame, new: pl.DataFrame, scope: Scope) -> None:
    spent = old.filter(pl.col("cost") > 0).group_by(_UNIT, "currency").agg(exact("cost").sum())
    empty = spent.join(new.select(_UNIT), on=_UNIT, how="anti").sort(_UNIT, "currency")
    for start, currency, cost in empty.head(1).iter_rows():
        local = start.astimezone(zone(scope.timezone))
        raise StoreError(
            f"{empty[_UNIT].n_unique()} windows of {place} came back empty that had spend, the "
            f"first, from {local.isoformat()}, {cost.normalize():f} {currency}; nothing of this "
            "piece was written. Ask again later; if it is true, sync with allow_empty=True "
            "(--allow-empty)"
        )


class _Changes(NamedTuple):
    """How the rows of a range differ from those that the store has.

    Attributes:
        rows: How many appeared, vanished or changed.
        units: The units that have one.
        restated: By how much the cost of closed buckets changed, by currency.
    """

    rows: int
    units: pl.Series
    restated: Mapping[str, Decimal]


def _changes(old: pl.DataFrame, new: pl.DataFrame, in_unit: pl.Expr, closed: Spans) -> _Changes:
    """Compare rows, some buckets at a time: a comparison needs much more memory than the rows."""
    sides = old.drop(_UNIT, _PART, *_HOW_FINAL), new.drop(_UNIT)
    both = pl.concat([side.lazy().select("bucket") for side in sides])
    rows = 0
    units, sums = [new[_UNIT].clear()], list[pl.DataFrame]()
    for piece in pieces(both, every=EACH_BUCKET):
        found = restatements(*(side.filter(of_piece(piece)) for side in sides))
        rows += found.height
        units.append(found.select(in_unit.unique()).to_series())
        restated = found.filter(spans.holds(closed)).group_by("currency")
        sums.append(restated.agg(pl.col("cost_delta").sum()))
    whole = pl.concat(sums).group_by("currency").agg(pl.col("cost_delta").sum())
    return _Changes(rows, pl.concat(units), dict(whole.sort("currency").iter_rows()))


def _write(place: Place, rows: pl.DataFrame, settled: Spans, scope: Scope) -> list[Written]:
    """Write rows to parts: one for each month of settled units, and for each other unit."""
    end, month = (
        maker(pl.col(_UNIT), every=every, timezone=scope.timezone).dt.convert_time_zone("UTC")
        for maker, every in ((period_end, scope.unit), (period_start, "1mo"))
    )
    is_final = pl.any_horizontal(
        pl.lit(False),
        *(
            (pl.col(_UNIT) >= pl.lit(first, INSTANT)) & (end <= pl.lit(last, INSTANT))
            for first, last in settled
        ),
    )
    marked = rows.with_columns(pl.when(is_final).then(month).otherwise(_UNIT).alias(_PART))
    marked = marked.with_columns(_final=is_final).sort("bucket", maintain_order=True)
    return [
        write_part(place, piece, timezone=scope.timezone)
        for group in marked.partition_by("_final", _PART, maintain_order=True)
        for piece in group.drop("_final", _PART, _UNIT).iter_slices(MOST_ROWS)
    ]
