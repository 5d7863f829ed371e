"""The first screen answers what was asked, in numbers that add up, or says what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import polars as pl
import pytest

import falusage as fu
from falusage import Coverage
from falusage.reporting import summary, summary_json
from falusage.reporting._answer import Ahead, answers
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Table
from falusage.reporting._outlook import Outlook
from falusage.reporting._sections.why import moved
from falusage.reporting._sentences import screen


def at(*day: int) -> datetime:
    """Return an instant of 2025 in UTC."""
    return datetime(2025, *day, tzinfo=UTC)


READ = Coverage(
    start=at(5, 1),
    end=at(6, 11),
    settled_until=at(6, 8),
    read_at=at(6, 11, 2, 10),
    reconciled=True,
)


def first_screen(usage: pl.DataFrame, coverage: Coverage = READ, **options: Any) -> list[str]:
    """Return its lines, without an outlook."""
    bill = Bill.from_usage(usage, coverage=coverage, **options)
    return screen(bill, answers(bill), Outlook()).lines


@pytest.fixture(scope="module")
def history() -> fu.Sample:
    """The sample from April on, by day."""
    return fu.sample_usage(start="2025-04-01", end="2025-06-24", every="1d")


@pytest.fixture(scope="module")
def told(history: fu.Sample) -> Coverage:
    """What a load of it knows."""
    return Coverage(start=at(4, 1), end=at(6, 24), reconciled=True)


def test_the_month_so_far_is_the_first_number(usage: pl.DataFrame) -> None:
    """June alone, not May plus June; each currency for itself; what is final, with dates."""
    assert [
        "June 2025 so far: 60.00 USD",
        "50.0% more than 1 – 10 May 2025 (40.00 USD).",
        "Why +20.00 USD: ads uses more, mostly fal-ai/ads/model (+10.00 USD); labs uses more, "
        "mostly fal-ai/labs/model (+10.00 USD).",
        "Final up to 7 Jun 2025; the 18.00 USD spent after that may still be corrected.",
        "June 2025 so far: 30.00 EUR",
        "50.0% more than 1 – 10 May 2025 (20.00 EUR).",
        "Why +10.00 EUR: paris uses more, mostly fal-ai/paris/model (+10.00 EUR).",
        "Final up to 7 Jun 2025; the 9.00 EUR spent after that may still be corrected.",
        "Fetched on 11 Jun 2025, 02:10 UTC.",
        "1 – 10 Jun 2025, UTC",
    ] == first_screen(usage)


def test_what_is_shown_adds_up(history: fu.Sample, told: Coverage) -> None:
    """To the cent: the two totals, the change between them, and its reasons."""
    for month in ("2025-05", "2025-06"):
        lines = first_screen(history.usage, told, month=month)
        for place, line in enumerate(lines):
            if not line.startswith("Why "):
                continue
            cost, before = (amounts(text)[0] for text in (lines[place - 2], lines[place - 1]))
            whole, *parts = amounts(line)
            assert cost - before == whole == sum(parts)


def test_every_table_has_the_change_that_was_read_first(history: fu.Sample, told: Coverage) -> None:
    """Of a team whose exact change, 194.794 USD, is a cent below that of the amounts shown."""
    growth = history.usage.filter(username="acme-growth")
    bill = Bill.from_usage(growth, coverage=told, month="2025-05")
    (line,) = (one for one in first_screen(growth, told, month="2025-05") if "Why" in one)
    (table,) = (
        one for one in moved(bill).blocks if isinstance(one, Table) and "Why" in one.caption
    )
    assert [amounts(line)[0]] == amounts(table.totals[-1]) == [Decimal("194.80")]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (0.83, "1,200 USD, with 80% probability between 1,100 and 1,300."),
        (0.66, "1,200 USD, probably between 1,100 and 1,300; such bands held 66% of the days be"),
        (None, "1,200 USD, with 80% probability between 1,100 and 1,300."),
    ],
)
def test_a_band_that_was_too_narrow_is_no_probability(
    usage: pl.DataFrame, held: float | None, said: str
) -> None:
    """The first screen does not promise what the same bands did not hold before."""
    bill = Bill.from_usage(usage, coverage=READ)
    ends = Ahead(1200.0, 1100.0, 1300.0, held=held)
    found = [replace(one, ahead=ends) for one in answers(bill)]

    text = "\n".join(screen(bill, found, Outlook()).lines)

    assert f"Expected for all of June 2025: {said}" in text


def amounts(text: str) -> list[Decimal]:
    """Return the amounts in a sentence."""
    found = re.findall(r"[+-]?[\d,]+\.\d\d(?= [A-Z]{3})", text)
    return [Decimal(one.replace(",", "")) for one in found]


def test_what_is_final_is_said_of_each_currency(usage: pl.DataFrame) -> None:
    """All of it, none of it, or up to a day."""
    assert "All of it is final." in first_screen(usage, month="2025-05")
    nothing = Coverage(start=at(5, 1), end=at(6, 11), settled_until=at(5, 20))
    said = "Nothing of it is final yet: the API may still correct it."
    assert said in first_screen(usage, nothing)


def test_a_whole_month_is_compared_whole_and_per_day(history: fu.Sample, told: Coverage) -> None:
    """May has a day more than April, and the page says what that day did."""
    lines = first_screen(history.usage, told, month="2025-05")
    sums = dict(
        fu.rollup(history.usage, every="1mo")
        .filter(pl.col("currency") == "USD")
        .select("period", "cost")
        .iter_rows()
    )
    april, may = (sums[at(month, 1)] for month in (4, 5))
    assert f"May 2025: {may:,.2f} USD" == lines[0]
    assert lines[1] == (
        f"{may / april - 1:.1%} more than Apr 2025 ({april:,.2f} USD). Per day: {may / 31:,.2f} "
        f"USD, {may / 31 / (april / 30) - 1:.1%} more than {april / 30:,.2f} USD."
    )
    assert f"Why +{may - april:,.2f} USD: 31 days instead of 30 (+" in lines[2]
    assert "1 – 31 May 2025, the whole month, UTC" == lines[-1]


def test_the_reasons_name_what_was_planted(history: fu.Sample, told: Coverage) -> None:
    """A launch, a runaway day with its endpoint, and a price rise, among the reasons."""
    bill = Bill.from_usage(history.usage, coverage=told)
    (usd, _) = answers(bill)
    assert usd.change is not None
    texts = " ".join(reason.text for reason in usd.change.reasons)
    (runaway,) = history.truth.anomalies
    assert f"({runaway.start.day} Jun) of {runaway.endpoint_id} at {runaway.username}" in texts
    found = sum((reason.amount for reason in usd.change.reasons), usd.change.rest)
    assert usd.change.cost - usd.change.before == pytest.approx(found, abs=Decimal("1e-9"))


@pytest.mark.parametrize("month", ["2025-05", "2025-06"])
def test_reasons_and_the_rest_sum_to_the_change(
    history: fu.Sample, told: Coverage, month: str
) -> None:
    """In Decimal, to what the bridge rounds away."""
    for answer in answers(Bill.from_usage(history.usage, coverage=told, month=month)):
        assert answer.change is not None
        found = sum((reason.amount for reason in answer.change.reasons), answer.change.rest)
        assert abs(answer.change.cost - answer.change.before - found) < Decimal("1e-9")


def test_the_open_day_is_in_the_total_and_not_compared(usage: pl.DataFrame) -> None:
    """The total has every row of the month; the comparison has days that are over."""
    opened = Coverage(start=at(5, 1), end=at(6, 11), closed_until=at(6, 10))
    lines = first_screen(usage, opened)
    assert "June 2025 so far: 60.00 USD" == lines[0]
    assert "1 – 9 Jun 2025: 54.00 USD, 50.0% more than 1 – 9 May 2025 (36.00 USD)." == lines[1]
    assert (
        "Not known: when this was fetched. Buckets from 2025-06-10 00:00 on had not ended"
        in (lines[-2])
    )


def test_a_range_is_reported_like_a_month(usage: pl.DataFrame) -> None:
    """The 31st of May cost a hundred a team, and the day before it two."""
    lines = first_screen(usage, comparison=("2025-05-31", "2025-06-01"))
    assert "31 May 2025: 200.00 USD" == lines[0]
    assert "4,900.0% more than 30 May 2025 (4.00 USD)." == lines[1]


def test_no_change_and_no_cost_before_are_words(usage: pl.DataFrame) -> None:
    """Neither 0.0% nor a division by zero."""
    same = first_screen(usage, comparison=("2025-05-03", "2025-05-04"))
    assert "As much as 2 May 2025." == same[1]
    june = usage.filter(pl.col("bucket") >= at(6, 1))
    assert "Nothing was spent on 1 – 10 May 2025." == first_screen(june)[1]
    nothing = first_screen(usage.clear())
    assert ["June 2025 so far: nothing was spent", nothing[-2], nothing[-1]] == nothing


def test_a_currency_that_ended_is_not_forgotten(usage: pl.DataFrame) -> None:
    """What was spent in May and no more in June is a fall to zero."""
    ended = usage.filter((pl.col("currency") == "USD") | (pl.col("bucket") < at(6, 1)))
    lines = first_screen(ended)
    assert "June 2025 so far: 0.00 EUR" in lines
    assert "100.0% less than 1 – 10 May 2025 (20.00 EUR)." in lines
    assert any(
        "fal-ai/paris/model is no longer used at paris (-20.00 EUR)" in line for line in lines
    )


def test_what_is_missing_is_said_with_the_way_to_it(usage: pl.DataFrame) -> None:
    """An earlier month, the coverage, or a part of the month itself."""
    assert (
        "No comparison of May 2025 with Apr 2025: Apr 2025 was not read. Load it as well"
        in (first_screen(usage, month="2025-05")[1])
    )
    assert "The table came without its coverage" in summary(usage)
    days = at(6, 3), at(6, 5)
    read = usage.filter(~pl.col("bucket").is_between(*days, closed="left"))
    whole = Coverage(start=at(5, 1), end=at(6, 11), gaps=[days])
    lines = first_screen(read, whole)
    assert lines[0].startswith("Not whole: 3 – 4 Jun 2025 was never read, so the total of June")
    assert [] == json.loads(summary_json(read, coverage=whole))["currencies"]
    assert "48.00" not in summary(read, coverage=whole)
    may = first_screen(read, whole, month="2025-05")
    assert "May 2025: 320.00 USD" == may[0]


def test_what_was_let_through_is_on_the_first_screen(usage: pl.DataFrame) -> None:
    """A total without some rows, or that differs from the API's, is not read as whole."""
    doubtful = attrs.evolve(READ, quarantined=3, differing=2)
    said = first_screen(usage, doubtful)[-2]
    assert "3 invalid rows are left out of every total." in said
    assert "2 keys differ from the API's own totals." in said
    assert "rows" not in first_screen(usage)[-2]


def test_a_range_that_splits_a_bucket_is_an_error_whichever_it_is(usage: pl.DataFrame) -> None:
    """A day is one number: half of it is in neither range."""
    noon = ("2025-05-01T12:00:00Z", "2025-05-11")
    with pytest.raises(fu.AlignmentError):
        first_screen(usage, baseline=noon)
    with pytest.raises(fu.AlignmentError):
        first_screen(usage, comparison=noon)


def test_a_bucket_is_final_once_all_of_it_is(usage: pl.DataFrame) -> None:
    """A week that ends after the settled day may still be corrected, all of it."""
    weekly = usage.filter(pl.col("bucket").dt.weekday() == 5).with_columns(
        bucket_end=pl.col("bucket") + pl.duration(days=7)
    )
    whole = Coverage(start=at(5, 2), end=at(6, 13), settled_until=at(6, 8))
    said = "Final up to 7 Jun 2025; the 6.00 USD spent after that may still be corrected."
    assert said in first_screen(weekly, whole)


def test_a_short_history_has_no_band(usage: pl.DataFrame) -> None:
    """A band that is a guess would be read as one that was measured."""
    late = usage.filter(pl.col("bucket") >= at(5, 26))
    lines = summary(late, coverage=attrs.evolve(READ, start=at(5, 26))).splitlines()
    expected = [line for line in lines if "Expected for all of June 2025" in line]
    assert 2 == len(expected)
    assert all("the history is too short to say how sure that is" in line for line in expected)


def test_a_table_of_a_part_says_so(usage: pl.DataFrame) -> None:
    """The total of one team is not taken for that of all."""
    with fu.Emulator(usage) as api, fu.UsageClient(api.api_key, base_url=api.base_url) as client:
        query = fu.UsageQuery("2025-05-01", "2025-06-11", timeframe="day", team_username="ads")
        load = client.load(query)
    assert ("username: ads",) == load.coverage.filters
    lines = summary(load).splitlines()
    assert "June 2025 so far: 30.00 USD" == lines[0]
    assert "1 – 10 Jun 2025, UTC; only team ads" in lines


def test_weeks_are_not_cut_into_months(usage: pl.DataFrame) -> None:
    """The whole table is reported, and why; a month that is asked for is an error."""
    weekly = usage.filter(pl.col("bucket").dt.weekday() == 5).with_columns(
        bucket_end=pl.col("bucket") + pl.duration(days=7)
    )
    whole = Coverage(start=at(5, 2), end=at(6, 13))
    lines = first_screen(weekly, whole)
    assert "2 May – 12 Jun 2025: 26.00 USD" == lines[0]
    assert "there is no comparison: the bucket from" in lines[1]
    with pytest.raises(fu.AlignmentError):
        summary(weekly, coverage=whole, month="2025-05")


@pytest.mark.parametrize("cost", [1e13, 1e15, 1e16, 9.99e17])
def test_large_totals_are_exact(usage: pl.DataFrame, cost: float) -> None:
    """The headline is the sum of the costs that the API sent, to the last cent."""
    days = usage.filter(pl.col("username") == "ads").head(21)
    large = days.with_columns(cost=pl.Series([cost] * 20 + [0.01]))
    lines = first_screen(large, month="2025-05")
    assert f"May 2025: {Decimal(repr(cost)) * 20 + Decimal('0.01'):,.2f} USD" == lines[0]


@pytest.mark.slow
def test_the_terminal_says_it_and_where_the_month_will_end(usage: pl.DataFrame) -> None:
    """The same lines in text and JSON, with the outlook; a month that is over has none."""
    found = json.loads(summary_json(usage, coverage=READ))["lines"]
    text = summary(usage, coverage=READ).splitlines()
    assert found == [line.strip() for line in text[: len(found)]]
    assert found[3].startswith("Expected for all of June 2025: ")
    assert found[3].endswith("All of May 2025 cost 320.00 USD.")
    assert [line for line in found if not line.startswith("Expected")] == first_screen(usage)
    assert "Expected" not in summary(usage, coverage=READ, month="2025-05")


def test_the_json_has_the_numbers_of_the_sentences(usage: pl.DataFrame) -> None:
    """With instants as text, and null where nothing is known."""
    found = json.loads(summary_json(usage, coverage=READ))
    usd, eur = found["currencies"]
    assert ("USD", 60.0, 18.0) == (usd["currency"], usd["spent"], usd["may_change"])
    assert (60.0, 40.0, 20.0, 0.5) == tuple(
        usd["change"][name] for name in ("comparison", "baseline", "amount", "pct_change")
    )
    assert [10.0, 10.0] == [reason["amount"] for reason in usd["change"]["reasons"]]
    assert "EUR" == eur["currency"]
    assert ("2025-06", False, "UTC") == (found["month"], found["is_over"], found["timezone"])
    assert "2025-05-01T00:00:00+00:00" == found["compared"]["baseline_start"]
    assert "2025-06-08T00:00:00+00:00" == found["final_until"]
    assert json.loads(summary_json(usage))["read_at"] is None


@pytest.mark.slow
def test_the_json_has_how_often_the_bands_held() -> None:
    """As `month_outlook` has it, beside the band."""
    usage = fu.sample_usage(start="2025-03-01", end="2025-06-11", every="1d").usage
    outlook = fu.month_outlook(usage)
    names = ("projected", "lo_80", "hi_80", "coverage_80")
    found = {each["currency"]: each for each in json.loads(summary_json(usage))["currencies"]}

    assert outlook["coverage_80"].null_count() == 0
    for row in outlook.iter_rows(named=True):
        assert [row[name] for name in names] == [found[row["currency"]][name] for name in names]
