"""What each version of a store holds, and which of them a number or an instant means."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final, cast

import polars as pl

from falusage.columns import INSTANT, MONEY, USAGE
from falusage.errors import QueryError, StoreError
from falusage.store._commits import EXACT
from falusage.store._finality import times
from falusage.store._log import Log, State
from falusage.timeframes import instant

_HISTORY: Final = {
    "version": pl.Int64(),
    "kind": pl.String(),
    "at": INSTANT,
    "start": INSTANT,
    "end": INSTANT,
    "settled_until": INSTANT,
    "currency": USAGE["currency"],
    "rows": pl.Int64(),
    "cost": MONEY,
    "change": MONEY,
    "restated": MONEY,
    "quarantined": pl.Int64(),
    "differing": pl.Int64(),
}


def history(log: Log) -> pl.DataFrame:
    """Return what each version holds, by currency; see `UsageStore.history`."""
    nothing = Decimal(0)
    lines: list[tuple[object, ...]] = []
    costs: dict[str, Decimal] = {}
    for version, commit, at in times(log.commits()):
        span = commit.span or (None, None)
        settled_until = commit.settled[0][1] if commit.settled else None
        common = (version, commit.kind, at, *span, settled_until)
        receipt = commit.receipt
        let_through = (
            (receipt["rows_quarantined"], receipt.get("keys_differing", 0))
            if receipt
            else (None, None)
        )
        had, costs = costs, {code: total.cost for code, total in commit.totals.items()}
        for code in sorted({*had, *costs}):
            total = commit.totals.get(code)
            cost = total.cost if total else nothing
            change = EXACT.subtract(cost, had.get(code, nothing))
            restated = commit.restated.get(code, nothing)
            rows = total.rows if total else 0
            lines.append((*common, code, rows, cost, change, restated, *let_through))
        if not had and not costs:
            lines.append((*common, None, 0, None, None, None, *let_through))
    return pl.DataFrame(lines, schema=_HISTORY, orient="row")


def state_at(log: Log, when: int | date | datetime | str | None) -> State:
    """Open the version of a number, the last one known at an instant, or the last of all.

    Raises:
        StoreError: There is no such version, or it cannot be trusted.
    """
    if when is None or type(when) is int:
        return log.state(when)
    log.last()
    timezone = log.commit(0).scope.timezone
    moment = instant(cast("date | str", when), timezone=timezone, name="as_of")
    known = [
        (version, at) for version, commit, at in times(log.commits()) if commit.kind != "create"
    ]
    then = [version for version, at in known if at <= moment]
    if not then:
        first = f"; its first sync was at {known[0][1].isoformat()}" if known else ""
        raise StoreError(f"{log.place} knew nothing yet at {moment.isoformat()}{first}")
    return log.state(then[-1])


def state_as(log: Log, version: int | None, as_of: date | datetime | str | None) -> State:
    """Open a version by its number or by an instant, or the last; see `UsageStore.scan`.

    Raises:
        QueryError: Both are given, or one is malformed.
        StoreError: As `state_at`.
    """
    if version is not None and as_of is not None:
        raise QueryError("version and as_of both say when; give one of them")
    if version is not None and type(version) is not int:
        raise QueryError(f"version is {version!r}; expected a number of `history`")
    if isinstance(as_of, int):
        raise QueryError(f"as_of is {as_of!r}; expected an instant: a number is a version")
    return state_at(log, version if as_of is None else as_of)
