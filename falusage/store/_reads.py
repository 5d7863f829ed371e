"""What a store read and when, from the last read back; and what its files cost, by bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from falusage._clocks import TOLERANCE
from falusage._spans import Spans
from falusage.columns import INSTANT, MONEY, USAGE, exact
from falusage.errors import StoreError
from falusage.store._commits import Commit, seal
from falusage.store._finality import ended, read_time
from falusage.store._log import Log, State
from falusage.store._object_store import each
from falusage.store._parts import Part, read_part

_COSTS: Final = {
    "bucket": INSTANT,
    "bucket_end": INSTANT,
    "currency": USAGE["currency"],
    "cost": MONEY,
}


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a range, which made a version.

    Attributes:
        version: The version.
        at: When it began, by the earlier of two clocks.
        closed: The buckets of its range that had ended then.
        restated: Whether a row of a bucket that had ended before was another one.
    """

    version: int
    at: datetime
    closed: Spans
    restated: bool


def reads_of(log: Log, state: State, *, back: timedelta | None = None) -> list[Read]:
    """Return the reads that a version knows, the last first.

    A read that claims a later time than one after it had a wrong clock, and is left out.

    Args:
        log: The store's log.
        state: The version.
        back: How long before the last one they may be; by default all of them.

    Raises:
        StoreError: A version before it cannot be trusted.
    """
    found: list[Read] = []
    limit: datetime | None = None
    for version, commit in _commits(log, state):
        if commit.kind != "sync" or commit.span is None:
            continue
        at = read_time(commit)
        if limit is not None and at > limit + TOLERANCE:
            continue
        limit = at if limit is None else min(limit, at)
        if back is not None and found and at < found[0].at - back:
            break
        closed = ended(commit.span, at, commit.scope)
        found.append(Read(version, at, closed, bool(commit.restated)))
    return found


def files_at(log: Log, state: State, *, oldest: int) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """Yield each version from the given one back, with the files that it had.

    Raises:
        StoreError: They are not those that the version was written with.
    """
    parts, schema = {part.path: part for part in state.parts}, state.schema
    yield state.version, tuple(parts.values())
    numbers = range(state.version, oldest, -1)
    for version, (actions, commit) in zip(
        numbers,
        each(
            log.place.is_remote,
            lambda number: (log.entry(number)[1], log.commit(number - 1)),
            numbers,
        ),
        strict=True,
    ):
        for action in actions:
            if "add" in action:
                parts.pop(action["add"]["path"], None)
        for action in actions:
            if "remove" in action:
                path = action["remove"]["path"]
                parts[path] = Part.named(path)
            if "metaData" in action:  # that version has other columns than the one before
                schema = log.state(version - 1).schema
        if seal(parts, schema) != commit.files:
            raise StoreError(
                f"the log of {log.place} is damaged: the files of version {version - 1} are not "
                "those that it was written with; restore a copy"
            )
        yield version - 1, tuple(parts.values())


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of files, by bucket and currency."""

    log: Log
    _known: dict[str, pl.DataFrame | StoreError] = field(
        default_factory=dict[str, "pl.DataFrame | StoreError"]
    )

    def read(self, parts: Iterable[Part]) -> None:
        """Read files that were not read before."""
        new = {part.path: part for part in parts if part.path not in self._known}
        self._known.update(
            zip(new, each(self.log.place.is_remote, self._costs, list(new.values())), strict=True)
        )

    def lacks(self, parts: Sequence[Part], *, since: int) -> bool:
        """Return whether a file is missing because a vacuum let it go after a version.

        Raises:
            StoreError: A file is missing, and no vacuum let it go.
        """
        for part in parts:
            if isinstance(error := self._known[part.path], StoreError):
                later = range(since + 1, self.log.last() + 1)
                if not any(self.log.commit(version).kind == "vacuum" for version in later):
                    raise error
                return True
        return False

    def of(self, parts: Sequence[Part]) -> pl.DataFrame:
        """Return `bucket`, `bucket_end`, `currency` and `cost` of files that were read.

        Raises:
            StoreError: One of them is missing.
        """
        tables = [pl.DataFrame(schema=_COSTS)]
        for part in parts:
            found = self._known[part.path]
            if isinstance(found, StoreError):
                raise found
            tables.append(found)
        return pl.concat(tables)

    def _costs(self, part: Part) -> pl.DataFrame | StoreError:
        try:
            content = read_part(self.log.place, part)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return error
            raise
        rows = pl.read_parquet(content, columns=list(_COSTS))
        found = rows.group_by("bucket", "bucket_end", "currency").agg(exact("cost").sum())
        return found.select(*_COSTS)


def _commits(log: Log, state: State) -> Iterator[tuple[int, Commit]]:
    """Read what a version says of itself, then the one before it, to the first."""
    yield state.version, state.commit
    numbers = range(state.version - 1, -1, -1)
    yield from zip(numbers, each(log.place.is_remote, log.commit, numbers), strict=True)
