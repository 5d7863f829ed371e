from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from falusage.emulator import ledger as room
from falusage.emulator.ledger import Ledger, Question

START = datetime(2025, 1, 1, tzinfo=UTC)
USAGE = pl.DataFrame(
    {
        "bucket": [START + timedelta(hours=hour) for hour in range(48)],
        "username": "acme",
        "product": "compute",
        "endpoint_id": "b",
        "unit": "second",
        "quantity": 1.0,
        "unit_price": 0.01,
        "cost": 0.01,
        "currency": "USD",
    }
)


def question(days: int) -> Question:
    """Ask for so many days."""
    return Question(start=START, end=START + timedelta(days=days), timeframe="day")


def test_a_question_is_worked_out_once() -> None:
    """A further page, or the same question again, is cut out of the same bytes."""
    ledger = Ledger(USAGE)
    assert ledger.time_series(question(1)) is ledger.time_series(question(1))
    assert ledger.summary(question(1)) is ledger.summary(question(1))
    assert ledger.time_series(question(1)).text != ledger.time_series(question(2)).text


def test_the_oldest_answers_are_forgotten_first(monkeypatch) -> None:
    """What is kept stays under a bound, and what was asked last is kept."""
    ledger = Ledger(USAGE)
    sizes = [len(ledger.time_series(question(days)).text) for days in (1, 2)]
    monkeypatch.setattr(room, "KEPT_BYTES", sum(sizes))
    one, two = (ledger.time_series(question(days)) for days in (1, 2))
    assert ledger.time_series(question(1)) is one
    ledger.summary(question(1))
    assert ledger.time_series(question(1)) is one
    assert ledger.time_series(question(2)) is not two
