"""What is asked of one answer, and the answer as both readers return it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from falusage.api.line_items import LineItems
from falusage.contract import Endpoint

AGREE: Final = 1e-9
"""Two names of one number may differ by this part of it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must have.

    Attributes:
        endpoint: The endpoint that answers.
        expand: What was asked to be added to every item.
        rows: Whether its items were asked for.
        summary: Whether the summary of the whole range was asked for.
    """

    endpoint: Endpoint
    expand: tuple[str, ...] = ()
    rows: bool = True
    summary: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The contents of one answer.

    Attributes:
        rows: The items that the endpoint lists, without their buckets, or None.
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

    @property
    def row_count(self) -> int:
        """How many items the answer lists."""
        return 0 if self.rows is None else self.rows.table.height
