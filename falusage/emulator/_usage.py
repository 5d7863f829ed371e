"""What the endpoints of usage answer: those of an organization, and those of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from falusage.emulator import _wire as wire

if TYPE_CHECKING:
    from falusage.emulator._app import Served
    from falusage.emulator._parameters import Parameters


def answer(asked: Parameters, served: Served) -> bytes:
    """Return a page of line items and, if asked for, the summary."""
    ledger = served.books.ledger(asked.endpoint)
    question = asked.question(ledger, now=served.clock())
    most = min(asked.asked("limit") or served.page_size, served.page_size)
    return wire.page(
        ledger.time_series(question) if asked.wants("time_series") else None,
        ledger.summary(question) if asked.wants("summary") else None,
        number=asked.page_number(),
        limit=most,
    )
