from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from falusage.contract import ORGANIZATION_USAGE
from falusage.emulator import _ledger as room
from falusage.emulator._books import Books
from falusage.emulator._ledger import Question
from falusage.emulator._wire import page

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
    ledger = Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE)
    assert ledger.time_series(question(1)) is ledger.time_series(question(1))
    assert ledger.summary(question(1)) is ledger.summary(question(1))
    assert ledger.time_series(question(1)).text != ledger.time_series(question(2)).text


def test_a_window_of_a_question_is_cut_out_of_its_answer() -> None:
    """Whole buckets of what was asked before are not worked out again, and are the same bytes."""
    ledger, fresh = (
        Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE),
        Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE),
    )
    whole = replace(question(2), timeframe="hour")
    ledger.time_series(whole)
    for first, last in ((0, 48), (0, 1), (5, 30), (47, 48)):
        window = replace(
            whole, start=START + timedelta(hours=first), end=START + timedelta(hours=last)
        )
        cut, made = ledger.time_series(window), fresh.time_series(window)
        for number in (1, 2, 3):
            expected = page(made, None, number=number, limit=10)
            assert expected == page(cut, None, number=number, limit=10)
    inside = replace(whole, start=START + timedelta(minutes=30))
    assert len(ledger.time_series(inside)) == 47


def test_the_oldest_answers_are_forgotten_first(monkeypatch) -> None:
    """What is kept stays under a bound, and what was asked last is kept."""
    ledger = Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE)
    here, there = question(1), replace(question(1), timezone="Asia/Tokyo")
    sizes = [len(ledger.time_series(asked).text) for asked in (here, there)]
    monkeypatch.setattr(room, "KEPT_BYTES", sum(sizes))
    one, two = (ledger.time_series(asked) for asked in (here, there))
    assert ledger.time_series(here) is one
    ledger.summary(here)
    assert ledger.time_series(here) is one
    assert ledger.time_series(there) is not two


def test_a_loose_window_keeps_the_bucket_that_it_begins_inside() -> None:
    """The first bucket is named by its start, which lies before the range and the window."""
    loose = replace(question(2), start=START + timedelta(hours=7))
    window = replace(loose, end=START + timedelta(days=1))
    ledger = Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE)
    ledger.time_series(loose)
    cut, fresh = (
        ledger.time_series(window),
        Books(USAGE, edition=4).ledger(ORGANIZATION_USAGE).time_series(window),
    )
    assert (1, page(fresh, None, number=1, limit=9)) == (
        len(cut),
        page(cut, None, number=1, limit=9),
    )


def test_further_columns_may_have_any_name() -> None:
    """Also those that the work itself uses; each is served under its own."""
    further = {"period": "a", "part": 1, "nth": 2.5, "label": None, "period_end": "b"}
    wider = USAGE.with_columns(**{name: pl.lit(value) for name, value in further.items()})
    ledger = Books(wider, edition=4).ledger(ORGANIZATION_USAGE)
    (item,) = json.loads(ledger.summary(question(1)))
    assert further == {name: item[name] for name in further}
    assert b'"period":"a"' in bytes(ledger.time_series(question(1)).text)


def test_what_a_row_says_of_its_discount_is_completed() -> None:
    """A missing subtotal or discount follows from the others; without either there is none."""
    said = pl.DataFrame(
        {
            "endpoint_id": ["both", "neither", "no discount", "no subtotal"],
            "cost_subtotal": [0.02, None, 0.02, None],
            "cost_discount": [0.01, None, None, 0.01],
        }
    )
    rows = USAGE.head(1).drop("endpoint_id").join(said, how="cross")
    items = json.loads(Books(rows, edition=4).ledger(ORGANIZATION_USAGE).summary(question(1)))
    found = {item["endpoint_id"]: (item["cost_subtotal"], item["cost_discount"]) for item in items}
    discounted, plain = (0.02, 0.01), (0.01, 0.0)
    assert found.pop("neither") == plain
    assert dict.fromkeys(["both", "no discount", "no subtotal"], discounted) == found


def test_a_discount_in_percent_alone_has_its_subtotal() -> None:
    """The cost before 75 % off is quantity × unit_price, and not the cost again."""
    rows = USAGE.head(1).with_columns(unit_price=0.04, percent_discount=75.0)
    (item,) = json.loads(Books(rows, edition=4).ledger(ORGANIZATION_USAGE).summary(question(1)))
    assert (0.04, 0.03, 0.01) == tuple(
        item[name] for name in ("cost_subtotal", "cost_discount", "cost_total")
    )


def test_an_edition_without_discounts_has_the_price_that_is_paid() -> None:
    """There cost is quantity × unit_price; with discounts, unit_price is before them."""
    rows = USAGE.head(1).with_columns(
        unit_price=0.04,
        percent_discount=75.0,
        cost_subtotal=0.04,
        cost_discount=0.03,
    )
    for edition, price in ((2, 0.01), (3, 0.01), (4, 0.04)):
        (item,) = json.loads(
            Books(rows, edition=edition).ledger(ORGANIZATION_USAGE).summary(question(1))
        )
        assert (price, 0.01) == (item["unit_price"], item["cost"])
