"""Each section answers its question from the table, or says in words why it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import matplotlib as mpl
import matplotlib.figure
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import AlignmentError, Coverage
from falusage.columns import MONEY
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Drawing, Facts, Note, Section, Table
from falusage.reporting._outlook import Outlook, outlook
from falusage.reporting._sections.ahead import ahead, budgeted
from falusage.reporting._sections.certain import certain
from falusage.reporting._sections.history import months
from falusage.reporting._sections.invoice import invoice
from falusage.reporting._sections.prices import prices
from falusage.reporting._sections.units import units
from falusage.reporting._sections.unusual import unusual
from falusage.reporting._sections.who import spenders
from falusage.reporting._sections.why import moved
from falusage.transforms import cost_bridge, price_changes
from falusage.transforms.cost_bridge import EFFECTS

mpl.use("Agg")


def at(*day: int) -> datetime:
    """Return an instant of 2025 in UTC."""
    return datetime(2025, *day, tzinfo=UTC)


def bill(
    usage: pl.DataFrame,
    timezone: str = "UTC",
    about: dict[str, Any] | None = None,
    **known: Any,
) -> Bill:
    """Return what a report of the table is about; its rows tell the range by default."""
    first, last = usage["bucket"].min(), usage["bucket_end"].max()
    coverage = Coverage(**{"start": first, "end": last, "timezone": timezone} | known)
    return Bill.from_usage(usage, coverage=coverage, **about or {})


def notes(section: Section) -> str:
    """Return the sentences of a section."""
    return " ".join(block.text for block in section.blocks if isinstance(block, Note))


def tables(section: Section) -> dict[str, list[list[str]]]:
    """Return the rows of a section's tables by their captions."""
    return {
        block.caption: [[cell.text for cell in row] for row in block.rows]
        for block in section.blocks
        if isinstance(block, Table)
    }


def test_rows_that_may_be_corrected_are_counted_and_summed(usage: pl.DataFrame) -> None:
    """Each currency has its own sum; after the last bucket is settled, there are none."""
    _, facts = certain(bill(usage, settled_until=at(6, 8))).blocks
    assert isinstance(facts, Facts)
    assert dict(facts.pairs)["not final"].startswith("9.00 EUR and 18.00 USD, in 9 rows from ")
    _, facts = certain(bill(usage, settled_until=usage["bucket_end"].max())).blocks
    assert isinstance(facts, Facts)
    assert "no row is recent enough" in dict(facts.pairs)["final"]


def test_each_part_that_was_read_has_its_total(usage: pl.DataFrame) -> None:
    """A gap is the first fact; the parts of the month around it are a table."""
    days = at(6, 3), at(6, 5)
    read = usage.filter(~pl.col("bucket").is_between(*days, closed="left"))
    section = certain(bill(read, gaps=[days]))
    facts = section.blocks[1]
    assert isinstance(facts, Facts)
    assert "not whole" == facts.pairs[0][0]
    assert facts.pairs[0][1].startswith("3 – 4 Jun 2025 was never read")
    assert {
        "What was read": [
            ["1 – 2 Jun 2025", "12.00 USD"],
            ["1 – 2 Jun 2025", "6.00 EUR"],
            ["5 – 10 Jun 2025", "36.00 USD"],
            ["5 – 10 Jun 2025", "18.00 EUR"],
        ]
    } == tables(section)


def test_a_bare_table_is_not_known_to_be_sure(usage: pl.DataFrame) -> None:
    """Without a receipt, the section says so."""
    note, facts = certain(bill(usage, known=False)).blocks
    assert isinstance(facts, Facts)
    assert isinstance(note, Note)
    assert "not known" == facts.pairs[0][0]
    assert "The table came without its coverage" in note.text


def test_who_spent_it_is_of_the_month_and_its_change_of_the_days(usage: pl.DataFrame) -> None:
    """Ten days of June at 3 each, half as much again as ten of May; each currency has a total."""
    section = spenders(bill(usage))
    found = {caption.partition(";")[0]: rows for caption, rows in tables(section).items()}
    assert [
        ["ads", "30.00 USD", "50.0%", "+50.0%", "████████"],
        ["labs", "30.00 USD", "50.0%", "+50.0%", "████████"],
    ] == found["Cost by team, USD"]
    assert "paris" == found["Cost by team, EUR"][0][0]
    totals = [block.totals for block in section.blocks if isinstance(block, Table)]
    assert ("total", "60.00 USD", "", "", "") == totals[0]
    assert 3 == sum(isinstance(block, Drawing) for block in section.blocks)


def test_the_others_are_one_row_with_their_own_change(usage: pl.DataFrame) -> None:
    """Of a thousand teams, ten have a row; the rest sum to the total, and changed together."""
    many = usage.filter(pl.col("username") == "ads").join(
        pl.DataFrame({"team": [f"team-{n:04}" for n in range(1_000)]}), how="cross"
    )
    section = spenders(bill(many.with_columns(username="team").drop("team")), most=10)
    *rows, others = next(iter(tables(section).values()))
    assert 10 == len(rows)
    assert ["other", "29,700.00 USD", "99.0%", "+50.0%"] == others[:-1]


def test_callers_have_a_table_if_they_were_loaded(usage: pl.DataFrame) -> None:
    """Of the month alone, as all of the section."""
    called = usage.with_columns(
        auth_method=pl.concat_str(pl.lit("key of "), "username"), api_key_id=pl.lit("k1")
    )
    found = tables(spenders(bill(called)))
    assert [["key of ads", "30.00 USD"], ["key of labs", "30.00 USD"]] == [
        row[:2] for row in found["Cost by caller, USD"]
    ]


def test_a_bridge_has_its_ends_and_its_sum(usage: pl.DataFrame) -> None:
    """Ten days of June against ten of May: ten dollars more a team, all of it volume."""
    section = moved(bill(usage))
    found = tables(section)
    effects = {
        row[0]: row[2]
        for row in found["Why cost changed from 1 – 10 May 2025 to 1 – 10 Jun 2025, USD"]
    }
    assert {"volume": "+20.00 USD"} == effects
    assert ["ads", "fal-ai/ads/model", "quantity", "+10.00 USD"] == found[
        "The largest single changes, USD"
    ][0]
    draw = next(block.draw for block in section.blocks if isinstance(block, Drawing))
    texts = [text.get_text() for text in draw(ax=mpl.figure.Figure().subplots()).texts]
    assert {"$40", "+$20", "$60"} <= {*texts}
    short = [block for block in moved(bill(usage), most=1).blocks if isinstance(block, Table)]
    assert ("1 other", "", "", "+10.00 USD") in [block.totals for block in short]


def test_what_is_not_compared_says_why(usage: pl.DataFrame) -> None:
    """A month without the month before, or days that are no days of the zone."""
    assert "No comparison of May 2025" in notes(moved(bill(usage, about={"month": "2025-05"})))
    new_york = bill(usage, "America/New_York")
    assert "there is no comparison: the bucket from" in notes(moved(new_york))
    assert "is not shown: the bucket from" in notes(unusual(new_york))
    with pytest.raises(AlignmentError):
        bill(usage, "America/New_York", about={"month": "2025-06"})


def test_a_unit_costs_what_its_quantity_and_cost_say(usage: pl.DataFrame) -> None:
    """Thirty dollars for three hundred images, as in May; quantities are never added up."""
    half = usage.with_columns(
        cost=pl.when(pl.col("bucket") >= at(6, 1)).then(pl.col("cost") / 2).otherwise("cost")
    )
    (rows,) = tables(units(bill(half))).values()
    assert ["fal-ai/ads/model", "image", "300", "15.00 USD", "0.05", "0.1", "-50.0%"] == rows[0]
    assert 3 == len(rows)


def test_the_last_months_are_whole_or_say_what_they_have(usage: pl.DataFrame) -> None:
    """May is whole, June is not; the year is not there, and the way to it is named."""
    section = months(bill(usage))
    assert [["May 2025", "320.00 USD", "-"], ["1 – 10 Jun 2025", "60.00 USD", "-"]] == tables(
        section
    )["Cost by month, USD"]
    assert (
        "No total of 2025: the table is whole from 2025-05-01 on only. Load from 2025-01-01"
        in notes(section)
    )
    whole = bill(usage, start=at(1, 1))
    assert "1 Jan – 10 Jun 2025: 190.00 EUR and 380.00 USD." in notes(months(whole))


def test_the_invoice_agrees_or_the_gap_has_parts(usage: pl.DataFrame) -> None:
    """Charges made of the usage agree; without one team's, that team's cost is the gap."""
    about = bill(usage, about={"month": "2025-05"})
    kept = fu.to_focus(usage, billing_account_id="1", billing_account_name="Acme", timeframe="day")
    assert "The charges and the usage agree." == notes(invoice(about, kept))
    section = invoice(about, kept.filter(pl.col("SubAccountId") != "ads"))
    assert "a part of the difference has no reason" in notes(section)
    (rows,) = tables(section).values()
    (usd,) = (row for row in rows if "USD" in row[2])
    assert ["320.00 USD", "160.00 USD", "-160.00 USD", "-160.00 USD"] == usd[2:]
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert "not charged" == table.columns[-1].title


def test_each_part_of_the_gap_has_its_column(usage: pl.DataFrame) -> None:
    """Tax, a refund, and compute that a workspace's usage does not have; each is a reason."""
    kept = fu.to_focus(usage, billing_account_id="1", billing_account_name="Acme", timeframe="day")
    kept = kept.filter(pl.col("ChargePeriodStart") >= at(5, 1))
    more = [
        kept[:1].with_columns(BilledCost=pl.lit(amount, MONEY), **given)
        for amount, given in (
            (Decimal("19.5"), {"ChargeCategory": pl.lit("Tax")}),
            (Decimal("-2"), {"ChargeClass": pl.lit("Correction")}),
            (Decimal("7"), {"ServiceName": pl.lit("Compute"), "BillingCurrency": pl.lit("USD")}),
        )
    ]
    about = bill(
        usage.filter(pl.col("product") != "compute"),
        about={"month": "2025-05"},
        start=at(5, 1),
        end=at(6, 1),
        products=("model_apis", "serverless"),
    )

    section = invoice(about, pl.concat([kept, *more]))

    assert "every difference has a reason. Each gap is the sum" in notes(section)
    assert "Only in the charges: compute, which the usage was not asked for." in notes(section)
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert ["tax", "corrections", "not loaded"] == [one.title for one in table.columns[5:]]


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
    """Whatever `cost_bridge` gives and is not zero is in the table, in its order, explained."""
    about = bill(
        discounted(usage), about={"month": "2025-06", "baseline": ("2025-05-01", "2025-05-04")}
    )
    assert about.pair is not None
    effects = cost_bridge(
        discounted(usage),
        baseline=about.pair.baseline,
        comparison=about.pair.comparison,
        by=("username", "endpoint_id"),
        per_day=True,
    ).filter(pl.col("currency") == "USD", pl.col("amount") != 0)
    (rows,) = (rows for title, rows in tables(moved(about)).items() if title.endswith("2025, USD"))
    given = [effect for effect in EFFECTS if effect in set(effects["effect"])]
    assert given == [row[0] for row in rows]
    assert {"days", "discount", "volume"} <= {*given}
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


def test_price_changes_end_with_the_month(usage: pl.DataFrame) -> None:
    """What a price of May cost in June is not on the page of May."""
    dear = pl.col("bucket") >= at(5, 30)
    stepped = usage.with_columns(unit_price=pl.when(dear).then(0.2).otherwise("unit_price"))
    stepped = stepped.with_columns(cost=pl.col("quantity") * pl.col("unit_price"))
    whole = bill(stepped)
    may = bill(stepped, about={"month": "2025-05"})
    until_june = price_changes(stepped.filter(pl.col("bucket") < at(6, 1)))
    assert_frame_equal(until_june, may.price_changes, check_dtypes=False)
    assert_frame_equal(whole.price_changes, may.price_changes_in_all)
    assert not until_june.equals(whole.price_changes)


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
    assert ["5 Jun 2025"] == [row[0] for row in tables(unusual(known))["Unusual days"]]
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


def test_an_unusual_day_has_its_cause(usage: pl.DataFrame) -> None:
    """A day of 1,000 images instead of 30 names the endpoint; a drop the one that fell."""
    last = (pl.col("bucket") == at(6, 10)) & (pl.col("username") == "ads")
    spike = usage.with_columns(
        cost=pl.when(last).then(100.0).otherwise("cost"),
        quantity=pl.when(last).then(1000.0).otherwise("quantity"),
    )
    row = next(row for row in tables(unusual(bill(spike)))["Unusual days"] if row[1] == "ads")
    assert ["fal-ai/ads/model", "1,000 image, usually 20"] == row[3:5]


BUDGETS = pl.DataFrame({"username": ["ads", "labs"], "currency": "USD", "budget": [80.0, 100.0]})


def test_budgets_without_an_outlook_follow_the_pace(usage: pl.DataFrame) -> None:
    """Ten of thirty days of June at three a day: ninety at its own pace."""
    (rows,) = tables(budgeted(bill(usage), BUDGETS, Outlook(otherwise="none"))).values()
    assert [
        ["ads", "80.00 USD", "30.00 USD", "90.00 USD", "+50.00 USD", "27 Jun 2025", "at risk"],
        ["labs", "100.00 USD", "30.00 USD", "90.00 USD", "+70.00 USD", "-", "ok"],
    ] == rows


def test_budgets_of_a_month_that_is_over_are_final(usage: pl.DataFrame) -> None:
    """May cost 160 a team: both budgets were passed on its last day."""
    may = bill(usage, about={"month": "2025-05"})
    (rows,) = tables(budgeted(may, BUDGETS, outlook(may, BUDGETS))).values()
    assert [["160.00 USD", "over"]] * 2 == [[row[2], row[-1]] for row in rows]
    assert ahead(may, outlook(may, BUDGETS)) is None


def test_the_outlook_is_drawn_and_answers_the_budgets(usage: pl.DataFrame) -> None:
    """The total of each currency with its bands, a picture, and each budget's chance."""
    about = bill(usage)
    coming = outlook(about, BUDGETS)
    section = ahead(about, coming)
    assert section is not None
    (rows,) = tables(section).values()
    assert ["USD", "EUR"] == [row[0] for row in rows]
    assert ["60.00 USD", "30.00 EUR"] == [row[1] for row in rows]
    assert 2 == sum(isinstance(block, Drawing) for block in section.blocks)
    (rows,) = tables(budgeted(about, BUDGETS, coming)).values()
    assert ["ads", "labs"] == [row[0] for row in rows]
    assert all(row[5].endswith("%") for row in rows)


def test_no_outlook_says_why(usage: pl.DataFrame) -> None:
    """Of a part of the month, or of less than two weeks."""
    late = usage.filter(pl.col("bucket") >= at(6, 2))
    assert "does not have all of the month" in outlook(bill(late), None).otherwise
    june = usage.filter(pl.col("bucket") >= at(6, 1))
    section = ahead(bill(june), outlook(bill(june), None))
    assert section is not None
    assert notes(section).startswith("No outlook: ")


def test_one_team_is_named_nowhere(usage: pl.DataFrame) -> None:
    """Who has one workspace asks on what, not who: no table, column or reason has the team."""
    alone = bill(usage.with_columns(username=pl.lit("ads")))
    sections = [section(alone) for section in (spenders, moved, unusual)]
    blocks = [block for one in sections for block in one.blocks]
    said = [repr(block) for block in blocks if isinstance(block, Table | Note)]
    assert not [text for text in said if "'ads'" in text or "by team" in text]
    several = [repr(block) for block in spenders(bill(usage)).blocks]
    assert [text for text in several if "by team" in text]
