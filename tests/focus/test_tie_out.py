"""What `tie_out` promises: every amount of either side in one part, and parts that are the gap."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import falusage as fu
from falusage.columns import MONEY
from falusage.focus import in_words
from tests.focus.usage_tables import usage_of, usages

pytestmark = pytest.mark.slow

ACME = {"billing_account_id": "cus_1", "billing_account_name": "Acme"}
PARTS = [
    *("credits", "tax", "corrections", "refunds", "other_charges", "rounding"),
    *("not_loaded", "only_here", "only_there"),
]
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)


def charges(*rows: dict[str, Any]) -> pl.DataFrame:
    """Give charges of February."""
    told = [
        {
            "BilledCost": 10.0,
            "BillingAccountId": "cus_1",
            "BillingAccountName": "Acme",
            "BillingCurrency": "USD",
            "ChargeCategory": "Usage",
            "ChargePeriodStart": FEBRUARY,
            "ChargePeriodEnd": datetime(2025, 3, 1, tzinfo=UTC),
            "ServiceName": "Model APIs",
            "SubAccountId": "ads",
            "SubAccountName": "Ads",
            **row,
        }
        for row in rows
    ]
    texts = dict.fromkeys(("ServiceName", "SubAccountId", "SubAccountName"), pl.String)
    return pl.DataFrame(told, schema_overrides=texts)


def parts(lines: pl.DataFrame) -> list[dict[str, float]]:
    """Return the parts of each line that are not zero."""
    rows = lines.select(PARTS).cast({pl.Decimal: pl.Float64}).to_dicts()
    return [{name: amount for name, amount in row.items() if amount} for row in rows]


def said(lines: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Give columns of the result, amounts as doubles, for reading."""
    return lines.select(columns).cast({pl.Decimal: pl.Float64}).rows()


def test_what_both_sides_have_is_matched() -> None:
    """Per month, team, service and currency; the name of a service may be spelt in many ways."""
    usage = usage_of(
        {"cost": 10.0},
        {"cost": 4.0, "product": "serverless"},
        {"cost": 3.0, "username": "labs", "product": "compute", "currency": "EUR"},
    )
    focus = charges(
        {},
        {"BilledCost": 4.0, "ServiceName": "fal Serverless"},
        {"BilledCost": 3.0, "ServiceName": "COMPUTE", "SubAccountId": "labs"}
        | {"BillingCurrency": "EUR"},
    )

    lines = fu.tie_out(usage, focus)

    assert [
        ("ads", "model_apis", "USD", 10.0, 10.0, 0.0, 10.0),
        ("ads", "serverless", "USD", 4.0, 4.0, 0.0, 4.0),
        ("labs", "compute", "EUR", 3.0, 3.0, 0.0, 3.0),
    ] == said(
        lines, "username", "product", "currency", "usage_cost", "billed_cost", "gap", "matched"
    )
    assert {FEBRUARY} == set(lines["period"])
    assert {Decimal(0)} == {value for part in PARTS for value in lines[part]}


def test_the_rest_is_in_one_side_only() -> None:
    """What was restated since, a team that was not billed, and one that is not in the usage."""
    usage = usage_of({"cost": 12.0}, {"cost": 5.0, "username": "labs"})
    focus = charges({}, {"BilledCost": 7.0, "SubAccountId": "video", "SubAccountName": None})

    assert [
        ("ads", 12.0, 10.0, -2.0, 10.0, -2.0, 0.0),
        ("labs", 5.0, 0.0, -5.0, 0.0, -5.0, 0.0),
        ("video", 0.0, 7.0, 7.0, 0.0, 0.0, 7.0),
    ] == said(
        fu.tie_out(usage, focus),
        *("username", "usage_cost", "billed_cost", "gap", "matched", "only_here", "only_there"),
    )


def test_credits_tax_and_purchases_are_not_usage() -> None:
    """Each is a part of its own; a purchase or an adjustment is not charged for usage."""
    nobody = {"SubAccountId": None, "SubAccountName": None, "ServiceName": None}
    focus = charges(
        {},
        {**nobody, "ChargeCategory": "Credit", "BilledCost": -3.0},
        {**nobody, "ChargeCategory": "Tax", "BilledCost": 1.9},
        {**nobody, "ChargeCategory": "Purchase", "BilledCost": 50.0},
        {**nobody, "ChargeCategory": "Adjustment", "BilledCost": -0.5},
    )

    lines = fu.tie_out(usage_of({"cost": 10.0}), focus)

    assert [(None, None, 48.4), ("ads", "model_apis", 0.0)] == said(
        lines, "username", "product", "gap"
    )
    assert [{"credits": -3.0, "tax": 1.9, "other_charges": 49.5}, {}] == parts(lines)


def test_a_service_that_is_charged_without_a_team_is_compared_without_it() -> None:
    """Under pooled billing: nothing of it is missing, and only a real difference is left."""
    usage = usage_of(
        {"cost": 10.0},
        {"cost": 60.0, "product": "compute"},
        {"cost": 40.0, "product": "compute", "username": "labs"},
        {"cost": 6.0, "product": "serverless", "username": "labs"},
    )
    pool = {"SubAccountId": None, "SubAccountName": None}
    focus = charges(
        {"BilledCost": 10.0},
        {"BilledCost": 101.0, "ServiceName": "Compute", **pool},
        {"BilledCost": 6.0, "ServiceName": "Serverless", **pool},
    )

    lines = fu.tie_out(usage, focus)

    assert [
        (None, "compute", 100.0, 101.0, 100.0),
        (None, "serverless", 6.0, 6.0, 6.0),
        ("ads", "model_apis", 10.0, 10.0, 10.0),
    ] == said(lines, "username", "product", "usage_cost", "billed_cost", "matched")
    assert [{"only_there": 1.0}, {}, {}] == parts(lines)


def test_a_month_or_a_currency_with_teams_keeps_them() -> None:
    """Only the lines of the service, month and currency without a team lose it."""
    usage = usage_of({"cost": 10.0}, {"cost": 5.0, "currency": "EUR"}, {"cost": 7.0, "at": -1})
    pool = {"SubAccountId": None, "SubAccountName": None}
    focus = charges({"BilledCost": 10.0, **pool}, {"BillingCurrency": "EUR", "BilledCost": 5.0})

    assert [("ads", "USD", 0.0), (None, "USD", 10.0), ("ads", "EUR", 5.0)] == said(
        fu.tie_out(usage, focus).sort("period", "currency", descending=[False, True]),
        *("username", "currency", "matched"),
    )


def test_a_refund_is_called_a_refund() -> None:
    """By its class a correction, by its sign a refund, by its category a credit or a tax."""
    focus = charges(
        {},
        {"BilledCost": -2.0, "ChargeClass": "Correction"},
        {"BilledCost": -1.0, "ChargeClass": None},
        {"BilledCost": -4.0, "ChargeCategory": "Credit", "ChargeClass": "Correction"},
        {"BilledCost": -0.5, "ChargeCategory": "Tax", "ChargeClass": " correction"},
    )

    (line,) = parts(fu.tie_out(usage_of({"cost": 10.0}), focus))

    assert {"corrections": -2.0, "refunds": -1.0, "credits": -4.0, "tax": -0.5} == line
    assert "refunds: corrections of earlier charges" == in_words("corrections", -2.0)
    assert "corrections of earlier charges" == in_words("corrections", 2.0)


def test_what_was_corrected_on_both_sides_agrees() -> None:
    """Usage was restated from 10 to 9, and the invoice has 10 and takes 1 back."""
    for more in ({"ChargeClass": "Correction"}, {}):
        lines = fu.tie_out(usage_of({"cost": 9.0}), charges({}, {"BilledCost": -1.0, **more}))
        assert [(9.0, 9.0, 0.0, 9.0)] == said(lines, "usage_cost", "billed_cost", "gap", "matched")
        assert [{}] == parts(lines)


def priced(quantity: float, cost: float, **more: Any) -> dict[str, Any]:
    """Return a charge that shows its quantity, at 0.0123 each."""
    return {
        "PricingQuantity": quantity, "ContractedUnitPrice": 0.0123, "BilledCost": cost, **more
    }  # fmt: skip


def test_an_invoice_in_cents_agrees() -> None:
    """Half a cent for each charge, and not more."""
    usage = usage_of({"cost": 1.2345}, {"cost": 2.3456})
    agrees = charges({"BilledCost": 1.23}, {"BilledCost": 2.36})
    differs = charges({"BilledCost": 1.23}, {"BilledCost": 2.37})

    assert [{"rounding": 0.0099}] == parts(fu.tie_out(usage, agrees))
    assert [{"only_there": 0.0199}] == parts(fu.tie_out(usage, differs))
    assert [{"only_here": -0.0101}] == parts(
        fu.tie_out(usage, charges({"BilledCost": 1.23}, {"BilledCost": 2.34}))
    )


def test_charges_that_are_not_rounded_allow_nothing() -> None:
    """Because one has more decimals, the usage has no more, or it shows its exact product."""
    finer = charges({"BilledCost": 1.23}, {"BilledCost": 2.3456})
    whole = usage_of({"cost": 1.23}, {"cost": 2.34})
    usage = usage_of({"cost": 1.2345}, {"cost": 2.3456})
    cents = charges({"BilledCost": 1.23}, {"BilledCost": 2.35})

    assert [{"only_here": -0.0045}] == parts(fu.tie_out(usage, finer))
    assert [{"only_there": 0.01}] == parts(fu.tie_out(whole, cents))
    exact = charges(priced(100.0, 1.23), priced(200.0, 2.46))
    assert [{"only_here": -0.0001}] == parts(
        fu.tie_out(usage_of({"cost": 1.23}, {"cost": 2.4601}), exact)
    )


def test_a_charge_that_shows_a_product_that_it_rounds_is_rounded() -> None:
    """Beside one that is exact, which allows nothing."""
    usage = usage_of({"cost": 1.23}, {"cost": 0.0123})
    rounded = charges(priced(100.0, 1.23), priced(1.0, 0.01))
    lost = charges(priced(100.0, 1.23), priced(1.0, 0.0123))

    assert [{"rounding": -0.0023}] == parts(fu.tie_out(usage, rounded))
    assert [{}] == parts(fu.tie_out(usage, lost))
    assert [{"only_here": -0.0073}] == parts(
        fu.tie_out(usage_of({"cost": 1.23}, {"cost": 0.0173}), rounded)
    )


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_instants_may_have_any_unit_and_zone(unit: Any, zone: str) -> None:
    """And both tables any other columns, also under names that are used here."""
    instants = pl.col(pl.Datetime).dt.cast_time_unit(unit).dt.convert_time_zone(zone)
    others = dict.fromkeys(("places", "kind", "period", "lines", "is_finer", "rounded"), pl.lit(9))
    usage = usage_of({"cost": 1.2345}).with_columns(instants, **others)
    focus = charges({"BilledCost": 1.23}).with_columns(instants, **others)

    assert [{"rounding": -0.0045}] == parts(fu.tie_out(usage, focus))


def test_the_noise_of_doubles_is_rounding() -> None:
    """A billionth of the usage, and not more."""
    usage = usage_of({"cost": 1000.0})

    assert [{"rounding": 1e-7}] == parts(
        fu.tie_out(usage, charges({"BilledCost": Decimal("1000.0000001")}))
    )
    assert [{"only_there": 1e-5}] == parts(
        fu.tie_out(usage, charges({"BilledCost": Decimal("1000.00001")}))
    )


def covered(**known: Any) -> fu.Coverage:
    """Return what is known of usage of February, but for what is said."""
    march = datetime(2025, 3, 1, tzinfo=UTC)
    return fu.Coverage(**{"start": FEBRUARY, "end": march, **known})


def test_what_the_usage_was_not_asked_for_is_not_missing() -> None:
    """A workspace has no compute; half a month has no other half, and no other month."""
    usage = usage_of({"cost": 10.0})
    focus = charges({}, {"ServiceName": "Compute"})
    january = {"ChargePeriodStart": datetime(2025, 1, 1, tzinfo=UTC), "ChargePeriodEnd": FEBRUARY}

    workspace = covered(scope="workspace", products=("model_apis", "serverless"))
    assert [{"not_loaded": 10.0}, {}] == parts(fu.tie_out(usage, focus, coverage=workspace))
    assert [{"only_there": 10.0}, {}] == parts(fu.tie_out(usage, focus, coverage=covered()))
    half = covered(end=datetime(2025, 2, 15, tzinfo=UTC))
    more = charges({"BilledCost": 25.0})
    assert [{"not_loaded": 15.0}] == parts(fu.tie_out(usage, more, coverage=half))
    so_far = covered(end=datetime(2025, 2, 16, tzinfo=UTC), closed_until=half.end)
    assert [{"only_there": 15.0}] == parts(fu.tie_out(usage, more, coverage=so_far))
    both = charges({}, january)
    assert [{"not_loaded": 10.0}, {}] == parts(fu.tie_out(usage, both, coverage=covered()))
    assert [{"only_there": 10.0}, {}] == parts(fu.tie_out(usage, both))


def test_teams_that_are_billed_apart_are_their_accounts() -> None:
    """By id or by name, unless any of the account's charges has a sub account."""
    usage = usage_of({"cost": 10.0}, {"cost": 20.0, "username": "labs"})
    alone = {"SubAccountId": None, "SubAccountName": None}
    own = charges(
        {**alone, "BillingAccountId": "ads"},
        {**alone, "BillingAccountId": "cus_2", "BillingAccountName": "labs", "BilledCost": 20.0},
    )
    pooled = charges(
        {**alone, "BillingAccountName": "labs", "BilledCost": 20.0},
        {"BillingAccountName": "labs"},
    )

    assert [("ads", 10.0), ("labs", 20.0)] == said(fu.tie_out(usage, own), "username", "matched")
    assert [("ads", 10.0), ("labs", 20.0)] == said(
        fu.tie_out(usage, own.drop("SubAccountId", "SubAccountName")), "username", "matched"
    )
    assert [(None, 30.0)] == said(fu.tie_out(usage, pooled), "username", "matched")
    both = charges({**alone, "BillingAccountId": "labs", "BilledCost": 20.0}, {})
    assert [("ads", 10.0), ("labs", 20.0)] == said(fu.tie_out(usage, both), "username", "matched")


def test_usage_without_a_team_meets_charges_without_one() -> None:
    """No team is a team of its own, on one line."""
    usage = usage_of({"cost": 10.0, "username": None}, {"cost": 5.0})
    focus = charges({"SubAccountId": None, "SubAccountName": None, "BilledCost": 12.0})

    assert [(None, 12.0, -3.0)] == said(
        fu.tie_out(usage, focus), "username", "matched", "only_here"
    )


def test_a_team_is_known_by_id_or_by_name() -> None:
    """Whichever of the two is a username."""
    focus = charges({"SubAccountId": "usr_77", "SubAccountName": "ads"})

    assert [("ads", 10.0)] == said(
        fu.tie_out(usage_of({"cost": 10.0}), focus), "username", "matched"
    )


def test_a_name_that_nobody_knows_is_kept() -> None:
    """So that it can be seen, and replaced."""
    focus = charges({"ServiceName": "GPU Cloud"})
    usage = usage_of({"cost": 10.0, "product": "compute"})

    assert ["GPU Cloud", "compute"] == fu.tie_out(usage, focus)["product"].to_list()
    replaced = focus.with_columns(pl.col("ServiceName").replace("GPU Cloud", "compute"))
    assert [("compute", 10.0)] == said(fu.tie_out(usage, replaced), "product", "matched")


def test_our_own_charges_tie() -> None:
    """Usage laid out as FOCUS and held against itself leaves nothing."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    focus = fu.to_focus(usage, **ACME, timeframe="day")

    lines = fu.tie_out(usage.lazy(), focus.lazy())

    assert lines["usage_cost"].equals(lines["matched"].alias("usage_cost"))
    assert {Decimal(0)} == {value for part in ["gap", *PARTS] for value in lines[part]}
    sums = lines.group_by("currency").agg(pl.col("billed_cost").sum().cast(pl.Float64))
    assert fu.rollup(usage).rows() == sums.sort("currency").rows()


def test_categories_are_text() -> None:
    """Of either side: a key is joined by what it says."""
    usage, focus = usage_of({}), charges({"SubAccountId": "t1"}, {"ChargeCategory": "Tax"})
    expected = fu.tie_out(usage, focus)

    for kind in (pl.Categorical(), pl.Enum(["model_apis"])):
        assert expected.equals(fu.tie_out(usage.cast({"product": kind}), focus))
    coded = usage.cast({"username": pl.Categorical(), "currency": pl.Categorical()})
    assert expected.equals(fu.tie_out(coded, focus.cast({pl.String: pl.Categorical()})))


def test_a_usage_charge_over_a_months_end_is_refused() -> None:
    """As a bucket is; a credit or a tax may be of a longer time."""
    quarter = {"ChargePeriodEnd": datetime(2025, 4, 1, tzinfo=UTC)}

    with pytest.raises(fu.AlignmentError, match=r"2025-04-01T00:00:00.* crosses a month's end"):
        fu.tie_out(usage_of({}), charges(quarter))
    lines = fu.tie_out(usage_of({}), charges({"ChargeCategory": "Tax", **quarter}))
    assert {FEBRUARY} == set(lines["period"])
    with pytest.raises(fu.AlignmentError, match="1mo"):
        fu.tie_out(usage_of({"at": 4}, bucket=timedelta(days=6)), charges({}))


def test_wrong_tables_are_refused() -> None:
    """In words, and by the near name."""
    focus = charges({})

    with pytest.raises(fu.MissingColumnError, match="no column 'ServiceName'"):
        fu.tie_out(usage_of({}), focus.drop("ServiceName"))
    with pytest.raises(fu.MissingColumnError, match="no column 'cost'"):
        fu.tie_out(usage_of({}).drop("cost"), focus)
    with pytest.raises(fu.QueryError, match="'BilledCost' is String"):
        fu.tie_out(usage_of({}), focus.cast({"BilledCost": pl.String}))
    with pytest.raises(fu.QueryError, match="is not an instant"):
        fu.tie_out(
            usage_of({}), focus.with_columns(pl.col("ChargePeriodStart").dt.replace_time_zone(None))
        )
    for wrong in ({"BilledCost": None}, {"BilledCost": float("nan")}, {"ChargeCategory": "usage"}):
        with pytest.raises(fu.QueryError, match="read_focus rejects such a file"):
            fu.tie_out(usage_of({}), charges({}, wrong))


def test_empty_sides_are_lines_of_the_other() -> None:
    """And two empty sides are no lines."""
    assert [-0.025] == [gap for (gap,) in said(fu.tie_out(usage_of({}), charges({})[:0]), "gap")]
    assert [10.0] == [gap for (gap,) in said(fu.tie_out(usage_of(), charges({})), "gap")]
    assert 0 == fu.tie_out(usage_of(), charges({})[:0]).height


@st.composite
def bills(draw: st.DrawFn) -> pl.DataFrame:
    """Invoices at random, of the teams and services of `usages`."""
    money = st.one_of(st.just(0.0), st.sampled_from([0.1, 0.2, 0.7]), st.floats(-1e9, 1e9))
    row = st.fixed_dictionaries(
        {
            "BilledCost": money,
            "BillingAccountId": st.sampled_from(["cus_1", "ads"]),
            "BillingCurrency": st.sampled_from(["USD", "EUR"]),
            "ChargeCategory": st.sampled_from(["Usage", "Usage", "Credit", "Tax", "Adjustment"]),
            "ChargePeriodStart": st.sampled_from([FEBRUARY, FEBRUARY - timedelta(hours=1)]),
            "ServiceName": st.sampled_from(["fal Compute", "new_line", "Support", None]),
            "SubAccountId": st.sampled_from(["ads", "labs", "gone", None]),
        }
    )
    rows = draw(st.lists(row, min_size=1, max_size=20))
    hour = pl.col("ChargePeriodStart") + timedelta(hours=1)
    texts = dict.fromkeys(("ServiceName", "SubAccountId"), pl.String)
    return pl.DataFrame(rows, schema_overrides=texts).with_columns(ChargePeriodEnd=hour)


@given(data=st.data())
def test_the_parts_are_the_gap(data: st.DataObject) -> None:
    """Exactly, line by line; nothing of either side is lost, and each amount has its sign."""
    usage, focus = data.draw(usages), data.draw(bills())

    lines = fu.tie_out(usage, focus)

    exact = {(name, MONEY) for name in ("usage_cost", "billed_cost", "gap", "matched", *PARTS)}
    assert exact <= set(lines.schema.items())
    key = ("period", "username", "product", "currency")
    assert {1} >= set(Counter(lines.select(key).rows()).values())
    for line in lines.iter_rows(named=True):
        assert line["billed_cost"] - line["usage_cost"] == line["gap"]
        assert sum(line[part] for part in PARTS) == line["gap"]
        assert line["only_here"] <= 0 <= line["only_there"]
        assert 0 <= line["matched"] <= line["usage_cost"]
        assert Decimal(0) in {line["only_here"], line["only_there"]}


@given(data=st.data())
def test_both_sides_are_whole_in_sql(data: st.DataObject) -> None:
    """By month and currency, and by category."""
    usage, focus = data.draw(usages), data.draw(bills())

    lines = fu.tie_out(usage, focus)

    def naive(frame: pl.DataFrame, column: str) -> Any:
        return frame.with_columns(pl.col(column).dt.replace_time_zone(None)).to_arrow()

    with duckdb.connect() as sql:
        sql.register("usage", naive(usage, "bucket"))
        sql.register("focus", naive(focus, "ChargePeriodStart"))
        sql.register("lines", naive(lines, "period"))
        expected = sql.sql(
            "with sides as (select date_trunc('month', bucket) m, currency c,"
            " cost::decimal(38, 12) u, 0 b, 0 k, 0 t from usage union all"
            " select date_trunc('month', ChargePeriodStart), BillingCurrency, 0,"
            " BilledCost::decimal(38, 12),"
            " case when ChargeCategory = 'Credit' then BilledCost::decimal(38, 12) else 0 end,"
            " case when ChargeCategory = 'Tax' then BilledCost::decimal(38, 12) else 0 end"
            " from focus) select m::date, c, sum(u), sum(b), sum(k), sum(t)"
            " from sides group by all order by all"
        ).fetchall()
        got = sql.sql(
            "select period::date, currency, sum(usage_cost), sum(billed_cost), sum(credits),"
            " sum(tax) from lines group by all order by all"
        ).fetchall()
    assert expected == got


@given(data=st.data())
def test_any_invoice_in_cents_agrees(data: st.DataObject) -> None:
    """Whatever was used: each charge rounded to cents leaves nothing but rounding."""
    usage = data.draw(usages)
    focus = fu.to_focus(usage, **ACME, timeframe="month")
    prices = data.draw(st.sampled_from([[], ["ListUnitPrice", "ContractedUnitPrice"]]))

    lines = fu.tie_out(usage, focus.drop(prices).with_columns(pl.col("BilledCost").round(2)))

    assert lines["gap"].equals(lines["rounding"].alias("gap"))
