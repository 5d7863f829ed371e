"""One answer as both readers return it, before the checks that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from falusage.api.line_items import LineItems

AGREE: Final = 1e-9
"""Two names of one number may differ by this part of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The contents of one answer.

    Attributes:
        rows: The line items of `time_series`, without their buckets, or None.
        summary: The line items of `summary`, or None if there is none.
        next_cursor: The cursor of the next page, or None at the end.
        has_more: What the answer says about a next page.
        buckets: The buckets of `time_series` as text, each with the number of its rows.
        ignored: Names of unknown fields outside the line items; they belong to no row.
    """

    rows: LineItems | None
    summary: LineItems | None
    next_cursor: str | None
    has_more: bool
    buckets: list[tuple[str, int]]
    ignored: tuple[str, ...] = ()
