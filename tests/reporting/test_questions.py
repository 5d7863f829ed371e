"""Each section answers its question from the table, or says in words why it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import matplotlib as mpl
import polars as pl
import pytest

from falusage import Coverage
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Facts, Note, Picture, Section, Table, whole
from falusage.reporting._months import Months
from falusage.reporting._sections import ahead
from falusage.reporting._sections.certain import certain
from falusage.reporting._sections.prices import prices
from falusage.reporting._sections.unusual import unusual
from falusage.reporting._sections.why import moved
from falusage.transforms import cost_bridge, price_changes
from falusage.transforms.cost_bridge import EFFECTS

mpl.use("Agg")


def bill(usage: pl.DataFrame, timezone: str = "UTC", **known: Any) -> Bill:
    """Return what a report of the table is about; its rows tell the range by default."""
    first, last = usage["bucket"].min(), usage["bucket_end"].max()
    coverage = Coverage(**{"start": first, "end": last, "timezone": timezone} | known)
    return Bill.from_usage(usage, coverage=coverage)


def notes(section: Section) -> str:
    """Give the sentences of a section."""
    return " ".join(block.text for block in section.blocks if isinstance(block, Note))


def tables(section: Section) -> dict[str, list[list[str]]]:
    """Give the rows of a section's tables by their captions."""
    return {
        block.caption: [[cell.text for cell in row] for row in block.rows]
        for block in section.blocks
        if isinstance(block, Table)
    }


def test_rows_that_may_be_corrected_are_counted_and_summed(usage: pl.DataFrame) -> None:
    """Each currency has its own sum; after the last bucket is settled, there are none."""
    (facts,) = certain(bill(usage, settled_until=datetime(2025, 6, 8, tzinfo=UTC))).blocks
    assert isinstance(facts, Facts)
    assert dict(facts.pairs)["settled"].startswith("9.00 EUR and 18.00 USD, in 9 rows from ")
    (facts,) = certain(bill(usage, settled_until=usage["bucket_end"].max())).blocks
    assert isinstance(facts, Facts)
    assert "no row is recent enough" in dict(facts.pairs)["settled"]


def test_each_part_that_was_read_has_its_total(usage: pl.DataFrame) -> None:
    """A gap is the first fact; the parts around it are a table."""
    days = datetime(2025, 5, 20, tzinfo=UTC), datetime(2025, 5, 25, tzinfo=UTC)
    read = usage.filter(~pl.col("bucket").is_between(*days, closed="left"))
    section = certain(bill(read, gaps=[days]))
    facts = section.blocks[0]
    assert isinstance(facts, Facts)
    assert "not whole" == facts.pairs[0][0]
    assert facts.pairs[0][1].startswith("20 – 24 May 2025 was never read")
    assert {
        "What was read": [
            ["1 – 19 May 2025", "76.00 USD"],
            ["1 – 19 May 2025", "38.00 EUR"],
            ["25 May – 10 Jun 2025", "284.00 USD"],
            ["25 May – 10 Jun 2025", "142.00 EUR"],
        ]
    } == tables(section)


def test_a_bare_table_is_not_known_to_be_sure(usage: pl.DataFrame) -> None:
    """Without a receipt, the section says so."""
    (facts,) = certain(bill(usage, known=False)).blocks
    assert isinstance(facts, Facts)
    assert "not known" == facts.pairs[0][0]


def test_the_month_is_compared_with_as_many_days(usage: pl.DataFrame) -> None:
    """Ten days of June against ten of May: ten dollars more a team, all of it volume."""
    section = moved(bill(usage))
    assert "1 – 10 Jun 2025 cost 20.00 USD more than 1 – 10 May 2025" in notes(section)
    assert "cost 10.00 EUR more" in notes(section)
    found = tables(section)
    assert [["ads", "20.00 USD", "30.00 USD", "+10.00 USD", "+50.0%"]] == found[
        "Change by team, USD"
    ][:1]
    effects = {row[0]: row[2] for row in found["Why cost changed, USD"]}
    assert {"price": "0.00 USD", "volume": "+20.00 USD", "mix": "0.00 USD"} == effects
    assert ["ads", "fal-ai/ads/model", "quantity", "+10.00 USD"] == found[
        "The largest single changes, USD"
    ][0]
    assert 2 == sum(isinstance(block, Picture) for block in section.blocks)


def test_open_buckets_are_not_compared(usage: pl.DataFrame) -> None:
    """What may still grow is left out of both ranges."""
    opened = bill(usage, closed_until=datetime(2025, 6, 6, tzinfo=UTC))
    assert "1 – 5 Jun 2025 cost 10.00 USD more than 1 – 5 May 2025" in notes(moved(opened))


def test_ranges_that_were_asked_for_are_compared(usage: pl.DataFrame) -> None:
    """Any two, of any length."""
    ends = [datetime(2025, *day, tzinfo=UTC) for day in ((5, 2), (5, 3), (5, 1), (5, 2))]
    asked = replace(bill(usage), compared=Months(*ends, days=1))
    assert "2 May 2025 cost as much as 1 May 2025: 4.00 USD." in notes(moved(asked))


@pytest.mark.parametrize(
    ("first", "last", "known", "held"),
    [
        ((5, 1), (6, 11), True, True),
        ((4, 30), (6, 11), True, False),
        ((5, 1), (6, 12), True, False),
        ((4, 30), (6, 12), False, True),
        ((4, 29), (6, 11), False, False),
        ((5, 1), (7, 1), False, False),
    ],
)
def test_ranges_that_the_table_lacks_are_not_compared(
    usage: pl.DataFrame, first: tuple[int, int], last: tuple[int, int], known: bool, held: bool
) -> None:
    """What is missing is no saving; the rows of a bare table may leave a quiet day to guess."""
    june = datetime(2025, 6, 1, tzinfo=UTC)
    ends = (june, datetime(2025, *last, tzinfo=UTC), datetime(2025, *first, tzinfo=UTC), june)
    section = moved(replace(bill(usage, known=known), compared=Months(*ends, days=1)))
    assert held == ("are not compared: the table has all of 1 May" not in notes(section))
    assert held == bool(tables(section))


def test_what_is_not_exact_is_said_and_not_shown(usage: pl.DataFrame) -> None:
    """Days of UTC are no days of New York, and a month needs the month before."""
    new_york = bill(usage, "America/New_York")
    for section in (moved(new_york), unusual(new_york)):
        assert "is not shown: the bucket from" in notes(section)
        assert {} == tables(section)
    late = usage.filter(pl.col("bucket") >= datetime(2025, 5, 20, tzinfo=UTC))
    assert "No comparison" in notes(moved(bill(late)))
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": [1.0]})
    june = usage.filter(pl.col("bucket") >= datetime(2025, 6, 2, tzinfo=UTC))
    assert "its month is not whole" in notes(ahead.budgeted(bill(june), budgets))


def discounted(usage: pl.DataFrame) -> pl.DataFrame:
    """The table with a discount of 10 percent from June on, as edition 4 of the API has it."""
    june = pl.col("bucket") >= datetime(2025, 6, 1, tzinfo=UTC)
    percent = pl.when(june).then(10.0)
    taken = pl.col("cost") * percent.fill_null(0.0) / 100
    return usage.with_columns(
        percent_discount=percent,
        cost_subtotal=pl.col("cost"),
        cost_discount=taken,
        cost=pl.col("cost") - taken,
    )


def test_every_effect_has_words(usage: pl.DataFrame) -> None:
    """Whatever `cost_bridge` gives is in the table, in its order, and explained."""
    for table in (usage, discounted(usage)):
        about = bill(table)
        assert about.compared is not None
        ends = about.compared
        effects = cost_bridge(
            table,
            baseline=(ends.before_start, ends.before_end),
            comparison=(ends.start, ends.end),
            by=("username", "endpoint_id"),
        ).filter(pl.col("currency") == "USD")
        rows = tables(moved(about))["Why cost changed, USD"]
        given = [effect for effect in EFFECTS if effect in set(effects["effect"])]
        assert given == [row[0] for row in rows]
        assert all(row[1] for row in rows)


def test_a_step_says_whether_the_list_price_or_the_discount_changed(usage: pl.DataFrame) -> None:
    """A discount that starts is not a rise of the list price."""
    usage = discounted(usage)
    dear = (pl.col("username") == "ads") & (pl.col("bucket") >= datetime(2025, 5, 10, tzinfo=UTC))
    usage = usage.with_columns(unit_price=pl.when(dear).then(0.2).otherwise("unit_price"))
    (table,) = prices(bill(usage)).blocks
    assert isinstance(table, Table)
    assert price_changes(usage).height == len(table.rows)
    (column,) = [column for column in table.columns if column.title == "what changed"]
    assert {"list price", "discount"} == {cell.text for cell in column.cells}


def test_no_change_of_price_and_no_anomaly_are_said(usage: pl.DataFrame) -> None:
    """Silence would be read as if nobody had looked."""
    assert "No price changed" in notes(prices(bill(usage)))
    short = usage.filter(pl.col("bucket") < datetime(2025, 6, 5, tzinfo=UTC))
    said = notes(unusual(bill(short)))
    assert "No day was judged" in said
    assert (
        "the table has 35 days. If it started on 2025-04-30 or before, its last day would" in said
    )
    calm = usage.with_columns(cost=1.0).filter(pl.col("bucket") < datetime(2025, 6, 6, tzinfo=UTC))
    said = notes(unusual(bill(calm)))
    assert "No day of a team cost much more or less" in said
    assert "Days from 2025-06-05 on were judged" in said


def test_days_are_judged_to_the_end_of_what_is_known() -> None:
    """A last day whose usage ends in the evening is whole, as is the first that begins late."""
    start = datetime(2025, 5, 1, tzinfo=UTC)
    hours = [start + timedelta(days=day, hours=hour) for day in range(36) for hour in range(8, 20)]
    usage = pl.DataFrame(
        {
            "bucket": hours,
            "bucket_end": [hour + timedelta(hours=1) for hour in hours],
            **dict.fromkeys(("username", "product", "endpoint_id", "unit"), "ads"),
            **dict.fromkeys(("quantity", "unit_price"), 1.0),
            "cost": [45.0 if hour.day == 5 and hour.month == 6 else 1.0 for hour in hours],
            "currency": "USD",
        }
    )
    known = bill(usage, start=start, end=start + timedelta(days=36))
    assert [["5 Jun 2025", "ads"]] == [row[:2] for row in tables(unusual(known))["Unusual days"]]
    calm = bill(usage.with_columns(cost=1.0), start=start, end=start + timedelta(days=36))
    assert "Days from 2025-06-05 on were judged" in notes(unusual(calm))
    late = bill(
        usage.with_columns(cost=1.0),
        start=start + timedelta(hours=6),
        end=start + timedelta(days=36),
    )
    assert "No day was judged" in notes(unusual(late))


def test_an_open_day_is_never_an_anomaly(usage: pl.DataFrame) -> None:
    """A bucket that may still grow is not judged; once it has ended, it is."""
    last = datetime(2025, 6, 10, tzinfo=UTC)
    cost = pl.when(pl.col("bucket") == last).then(500.0).otherwise(pl.col("cost"))
    spike = usage.with_columns(cost=cost)
    judged = tables(unusual(bill(spike)))["Unusual days"]
    assert "10 Jun 2025" in [row[0] for row in judged]
    opened = tables(unusual(bill(spike, closed_until=last)))
    assert "10 Jun 2025" not in [row[0] for row in opened.get("Unusual days", [])]


def test_budgets_are_of_the_month_in_which_the_table_ends(usage: pl.DataFrame) -> None:
    """Ten of thirty days of June at three a day: ninety at its own pace."""
    budgets = pl.DataFrame(
        {"username": ["ads", "labs"], "currency": "USD", "budget": [80.0, 100.0]}
    )
    found = tables(ahead.budgeted(bill(usage), budgets))
    assert {
        "2025-06, as of 2025-06-11 00:00, if the month goes on as so far": [
            *(["ads", "80.00 USD", "30.00 USD", "90.00 USD", "+50.00 USD", "27 Jun 2025"],),
            *(["labs", "100.00 USD", "30.00 USD", "90.00 USD", "+70.00 USD", "-"],),
        ]
    } == {caption: [row[:-1] for row in rows] for caption, rows in found.items()}
    (rows,) = found.values()
    assert ["at risk", "ok"] == [row[-1] for row in rows]


@pytest.mark.parametrize("by", [(), ("username",)])
def test_a_forecast_is_drawn_behind_its_past(usage: pl.DataFrame, by: tuple[str, ...]) -> None:
    """A picture and a table for each currency, whatever it is by."""
    forecast = pl.DataFrame(
        {
            "period": [datetime(2025, 6, 11, tzinfo=UTC) + timedelta(days=n) for n in range(7)],
            **dict.fromkeys(by, "ads"),
            "currency": "USD",
            "model": "AutoETS",
            "cost": 3.0,
            "lo_80": 2.0,
            "hi_80": 4.0,
        }
    )
    picture, table = ahead.outlook(bill(usage), forecast).blocks
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    assert "Forecast of cost per day" in picture.alt
    assert ["11 Jun 2025", *dict.fromkeys(by, "ads").values(), "AutoETS", "3.00 USD"] == [
        cell.text for cell in table.rows[0]
    ][: 3 + len(by)]


def test_an_outlook_is_a_table_of_what_a_budget_is_asked(usage: pl.DataFrame) -> None:
    """The team, the month's end and the band, and whether the budget lasts."""
    row = {
        "username": "ads",
        "currency": "USD",
        "month": "2025-06",
        "as_of": datetime(2025, 6, 11, tzinfo=UTC),
        "model": "rhythm",
        "spent": 30.0,
        "projected": 90.0,
        "lo_80": 85.0,
        "hi_80": 95.0,
        "lo_95": 80.0,
        "hi_95": 100.0,
        "budget": 80.0,
        "remaining": 50.0,
        "chance_over": 1.0,
        "runs_out_on": date(2025, 6, 27),
    }
    frame = pl.DataFrame([row])
    assert {
        "2025-06, as of 2025-06-11 00:00": [
            [
                *("ads", "30.00 USD", "90.00 USD", "80.00 USD"),
                *(">99.9%", "27 Jun 2025", "85.00 – 95.00"),
            ]
        ]
    } == tables(ahead.outlook(bill(usage), frame))
    unasked = frame.with_columns(
        pl.lit(None, frame.schema[name]).alias(name)
        for name in ("budget", "remaining", "chance_over", "runs_out_on")
    )
    (rows,) = tables(ahead.outlook(bill(usage), unasked)).values()
    assert [["ads", "30.00 USD", "90.00 USD", "85.00 – 95.00"]] == rows


def test_an_outlook_answers_the_budgets_of_its_month_alone(usage: pl.DataFrame) -> None:
    """Of another month, team or amount it says nothing, and the month's own pace is shown."""
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": [80]})
    others = (
        *("as_of", "model", "spent", "projected", "lo_80", "hi_80", "lo_95", "hi_95"),
        *("remaining", "chance_over", "runs_out_on"),
    )
    frame = budgets.with_columns(
        pl.col("budget").cast(pl.Float64), **dict.fromkeys(others), month=pl.lit("2025-06")
    )

    assert ahead.covers(bill(usage), frame, budgets)
    for other in (
        frame.with_columns(month=pl.lit("2025-07")),
        frame.with_columns(username=pl.lit("labs")),
        frame.with_columns(budget=90.0),
        frame.with_columns(budget=None),
    ):
        assert not ahead.covers(bill(usage), other, budgets)


def test_any_frame_can_be_a_table() -> None:
    """Money with its currency, ratios as such, counts, dates and names as they are."""
    frame = pl.DataFrame(
        {
            "username": ["ads", None],
            "currency": "USD",
            "month_end": [10.0, None],
            "pct_change": [0.5, None],
            "days": [3, 4],
            "on": [datetime(2025, 6, 1).date(), None],
        }
    )
    table = whole(frame, "Outlook")
    assert ["team", "month end", "change, %", "days", "on"] == [
        column.title for column in table.columns
    ]
    assert ["ads", "10.00 USD", "50.0%", "3", "1 Jun 2025"] == [cell.text for cell in table.rows[0]]
    assert ["-", "-", "-", "4", "-"] == [cell.text for cell in table.rows[1]]
