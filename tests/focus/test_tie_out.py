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
from tests.focus.usage_tables import usage_of, usages

pytestmark = pytest.mark.slow

ACME = {"billing_account_id": "cus_1", "billing_account_name": "Acme"}
PARTS = ["credits", "tax", "no_team", "only_here", "only_there"]
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
    """Credits are negative; a purchase or an adjustment is on the bill only."""
    nobody = {"SubAccountId": None, "SubAccountName": None, "ServiceName": None}
    focus = charges(
        {},
        {**nobody, "ChargeCategory": "Credit", "BilledCost": -3.0},
        {**nobody, "ChargeCategory": "Tax", "BilledCost": 1.9},
        {**nobody, "ChargeCategory": "Purchase", "BilledCost": 50.0},
        {**nobody, "ChargeCategory": "Adjustment", "BilledCost": -0.5},
    )

    lines = fu.tie_out(usage_of({"cost": 10.0}), focus)

    assert [
        (None, None, 48.4, -3.0, 1.9, 0.0, 0.0, 49.5),
        ("ads", "model_apis", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ] == said(lines, "username", "product", "gap", *PARTS)


def test_charges_without_a_team_stand_for_what_the_teams_lack() -> None:
    """Under pooled billing; over the teams of a service, `no_team` is what the pool holds more."""
    usage = usage_of(
        {"cost": 10.0},
        {"cost": 60.0, "product": "compute"},
        {"cost": 40.0, "product": "compute", "username": "labs"},
        {"cost": 6.0, "product": "serverless", "username": "labs"},
    )
    pool = {"SubAccountId": None, "SubAccountName": None}
    focus = charges(
        {"BilledCost": 8.0},
        {"BilledCost": 2.0, **pool},
        {"BilledCost": 101.0, "ServiceName": "Compute", **pool},
    )

    lines = fu.tie_out(usage, focus)

    assert [
        (None, "compute", 0.0, 101.0, 0.0, 101.0, 0.0),
        (None, "model_apis", 0.0, 2.0, 0.0, 2.0, 0.0),
        ("ads", "compute", 60.0, 0.0, 0.0, -60.0, 0.0),
        ("ads", "model_apis", 10.0, 8.0, 8.0, -2.0, 0.0),
        ("labs", "compute", 40.0, 0.0, 0.0, -40.0, 0.0),
        ("labs", "serverless", 6.0, 0.0, 0.0, 0.0, -6.0),
    ] == said(
        lines,
        *("username", "product", "usage_cost", "billed_cost", "matched", "no_team", "only_here"),
    )
    pooled = lines.group_by("product").agg(pl.col("no_team").sum())
    assert {"compute": 1, "model_apis": 0, "serverless": 0} == dict(pooled.iter_rows())


def test_a_correction_is_not_matched() -> None:
    """A charge below zero is nobody's usage."""
    focus = charges({"BilledCost": -2.0, "ChargeClass": "Correction"})

    (line,) = said(fu.tie_out(usage_of({"cost": 5.0}), focus), "gap", "matched", *PARTS)

    assert (-7.0, 0.0, 0.0, 0.0, 0.0, -5.0, -2.0) == line


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
    assert [(None, 20.0), ("ads", 0.0), ("labs", -20.0)] == said(
        fu.tie_out(usage, pooled), "username", "no_team"
    )
    both = charges({**alone, "BillingAccountId": "labs", "BilledCost": 20.0}, {})
    assert [("ads", 10.0), ("labs", 20.0)] == said(fu.tie_out(usage, both), "username", "matched")


def test_usage_without_a_team_meets_charges_without_one() -> None:
    """No team is a team of its own, on one line."""
    usage = usage_of({"cost": 10.0, "username": None}, {"cost": 5.0})
    focus = charges({"SubAccountId": None, "SubAccountName": None, "BilledCost": 12.0})

    assert [(None, 10.0, 2.0, 0.0), ("ads", 0.0, -5.0, 0.0)] == said(
        fu.tie_out(usage, focus), "username", "matched", "no_team", "only_here"
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
    for nothing in (None, float("nan")):
        with pytest.raises(fu.QueryError, match="read_focus rejects such a file"):
            fu.tie_out(usage_of({}), charges({}, {"BilledCost": nothing}))


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
        assert line["only_here"] <= 0 <= line["matched"] <= line["usage_cost"]
        if line["username"] is not None:
            rest = line["usage_cost"] - line["matched"]
            assert rest == -(line["only_here"] + line["no_team"])


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
