"""What `to_focus` promises: the specification's columns, and every last decimal of the cost."""

from __future__ import annotations

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
from falusage.focus._vocabulary import SERVICES
from tests.focus.usage_tables import usage_of, usages

ACME = {"billing_account_id": "acct-1", "billing_account_name": "Acme"}
MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
}


def day(number: int, month: int = 2) -> datetime:
    """Give a midnight of 2025."""
    return datetime(2025, month, number, tzinfo=UTC)


def one(focus: pl.DataFrame) -> dict[str, Any]:
    """Give the only charge."""
    (charge,) = focus.to_dicts()
    return charge


def test_a_charge_says_all_there_is() -> None:
    """Two hours of one price become a day's charge; nothing of it is lost."""
    usage = usage_of(
        {"at": 1, "auth_method": "k (owner: al)", "quantity": 4.0, "cost": 0.1},
        {"at": 2, "auth_method": "k (owner: al)", "quantity": 6.0, "cost": 0.15},
    )

    charge = one(fu.to_focus(usage, **ACME, timeframe="day"))

    assert {
        "BilledCost": Decimal("0.25"),
        "BillingAccountId": "acct-1",
        "BillingAccountName": "Acme",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": day(1, 3),
        "BillingPeriodStart": day(1),
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": "fal-ai/flux/dev at 0.025 USD per image",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": day(2),
        "ChargePeriodStart": day(1),
        "ConsumedQuantity": Decimal(10),
        "ConsumedUnit": "image",
        "ContractedCost": Decimal("0.25"),
        "ContractedUnitPrice": 0.025,
        "EffectiveCost": Decimal("0.25"),
        "InvoiceId": None,
        "InvoiceIssuerName": "fal",
        "ListCost": Decimal("0.25"),
        "ListUnitPrice": 0.025,
        "PricingQuantity": Decimal(10),
        "PricingUnit": "image",
        "ProviderName": "fal",
        "PublisherName": "fal",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "fal Model APIs",
        "ServiceSubcategory": "Generative AI",
        "SkuId": "fal-ai/flux/dev",
        "SkuMeter": "image",
        "SkuPriceDetails": None,
        "SkuPriceId": "fal-ai/flux/dev|image|0.025 USD",
        "SubAccountId": "ads",
        "SubAccountName": "ads",
        "x_AuthMethod": "k (owner: al)",
        "x_AuthDetail": None,
        "x_ApiKeyId": None,
        "x_LoginUsername": None,
    } == charge


def test_columns_are_the_specifications() -> None:
    """All mandatory ones, by name, and custom ones after them; exact decimals, instants in UTC."""
    focus = fu.to_focus(usage_of({}), **ACME, timeframe="day")

    own = [name for name in focus.columns if not name.startswith("x_")]
    assert set() == MANDATORY - set(own)
    assert sorted(own) == own == focus.columns[: len(own)]
    assert MONEY == focus.schema["BilledCost"]
    assert pl.Datetime("us", "UTC") == focus.schema["ChargePeriodStart"]


def test_version_1_4_has_new_names_for_who_provides() -> None:
    """Two columns renamed, the invoice's detail beside its id, the rest the same."""
    old = fu.to_focus(usage_of({}), **ACME, timeframe="day")
    new = fu.to_focus(usage_of({}), **ACME, timeframe="day", version="1.4")

    assert {"ProviderName", "PublisherName"} == set(old.columns) - set(new.columns)
    assert {"ServiceProviderName", "HostProviderName", "InvoiceDetailId"} == set(new.columns) - set(
        old.columns
    )
    assert {"fal"} == {*new["ServiceProviderName"], *new["HostProviderName"]}
    assert old.select(set(old.columns) & set(new.columns)).equals(
        new.select(set(old.columns) & set(new.columns))
    )


def test_each_product_line_is_a_service_with_one_category() -> None:
    """One that nobody knows yet keeps its name, among the others."""
    usage = usage_of(*({"product": name} for name in (*SERVICES, "robots")))

    focus = fu.to_focus(usage, **ACME, timeframe="day")

    assert {
        ("fal Model APIs", "AI and Machine Learning", "Generative AI"),
        ("fal Serverless", "Compute", "Serverless Compute"),
        ("fal Compute", "Compute", "Virtual Machines"),
        ("fal robots", "Other", "Other (Other)"),
    } == set(focus.select("ServiceName", "ServiceCategory", "ServiceSubcategory").iter_rows())


def test_prices_callers_and_currencies_stay_apart() -> None:
    """A surge, a second key and a second currency are charges of their own."""
    usage = usage_of(
        {},
        {"unit_price": 0.05, "cost": 0.05},
        {"auth_method": "other"},
        {"currency": "EUR"},
        {"endpoint_id": "fal-ai/veo"},
        {"unit": "second"},
    )

    assert 6 == fu.to_focus(usage, **ACME, timeframe="month").height


DISCOUNTED = {
    "quantity": 10.0,
    "unit_price": 0.04,
    "percent_discount": 10.0,
    "cost_subtotal": 0.4,
    "cost_discount": 0.04,
    "cost": 0.36,
}


def test_list_is_before_the_discount_and_contracted_after_it() -> None:
    """Each cost is its unit price × PricingQuantity, over all the hours of a charge."""
    usage = usage_of(*({"at": hour, **DISCOUNTED} for hour in range(24)))

    charge = one(fu.to_focus(usage, **ACME, timeframe="day"))

    assert (0.04, Decimal("9.6")) == (charge["ListUnitPrice"], charge["ListCost"])
    assert (0.036, Decimal("8.64")) == (charge["ContractedUnitPrice"], charge["ContractedCost"])
    assert {Decimal("8.64")} == {charge["BilledCost"], charge["EffectiveCost"]}
    assert Decimal(240) == charge["PricingQuantity"]
    assert "fal-ai/flux/dev at 0.04 USD per image, less 10.0 %" == charge["ChargeDescription"]


def test_discounts_are_charges_of_their_own() -> None:
    """One price at two discounts, and at none, is three prices that were agreed."""
    none = {"percent_discount": None, "cost_subtotal": 0.4, "cost_discount": 0.0, "cost": 0.4}
    half = {"percent_discount": 50.0, "cost_subtotal": 0.4, "cost_discount": 0.2, "cost": 0.2}
    usage = usage_of(*({**DISCOUNTED, **more} for more in ({}, none, half)))

    focus = fu.to_focus(usage, **ACME, timeframe="day")

    assert [(0.02, Decimal("0.2")), (0.036, Decimal("0.36")), (0.04, Decimal("0.4"))] == sorted(
        focus.select("ContractedUnitPrice", "BilledCost").rows()
    )
    assert {Decimal("0.4")} == set(focus["ListCost"])


def test_what_focus_says_is_not_said_again() -> None:
    """Amounts and percentages of the discount have no custom columns."""
    focus = fu.to_focus(usage_of(DISCOUNTED), **ACME, timeframe="day")

    assert ["x_AuthMethod", "x_AuthDetail", "x_ApiKeyId", "x_LoginUsername"] == [
        name for name in focus.columns if name.startswith("x_")
    ]


def test_hours_without_a_subtotal_merge_with_those_that_have_one() -> None:
    """As in a table that was read from two editions of the API; no part stands for the whole."""
    before = {"at": 1, "quantity": 10.0, "unit_price": 0.04, "cost": 0.4}
    after = {**before, "at": 2, "cost_subtotal": 0.4, "cost_discount": 0.0}

    charge = one(fu.to_focus(usage_of(before, after), **ACME, timeframe="day"))

    amounts = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    assert {Decimal("0.8")} == {charge[name] for name in amounts}


def test_a_discount_without_a_subtotal_has_a_list_price() -> None:
    """A table that was made elsewhere may lack the amounts; it may also have no discount at all."""
    usage = usage_of(DISCOUNTED).drop("cost_subtotal", "cost_discount")
    bare = usage_of({}).with_columns(percent_discount=None, cost_subtotal=None)

    charge = one(fu.to_focus(usage, **ACME, timeframe="day"))

    assert (Decimal("0.4"), Decimal("0.36")) == (charge["ListCost"], charge["ContractedCost"])
    assert fu.to_focus(usage_of({}), **ACME, timeframe="day").equals(
        fu.to_focus(bare, **ACME, timeframe="day")
    )


def test_an_unexplained_cost_shows_and_noise_does_not() -> None:
    """ListCost is price × quantity where cost is not; two doubles of one number are one."""
    off = one(
        fu.to_focus(
            usage_of({"quantity": 10.0, "unit_price": 1.0, "cost": 8.0}), **ACME, timeframe="day"
        )
    )
    noise = one(
        fu.to_focus(
            usage_of({"quantity": 1234567.891, "unit_price": 0.07, "cost": 86419.75237000001}),
            **ACME,
            timeframe="day",
        )
    )

    amounts = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    assert [8, 8, 10, 10] == [off[name] for name in amounts]
    assert {noise["BilledCost"]} == {noise[name] for name in amounts}


def test_units_of_time_are_the_specifications() -> None:
    """`Seconds`, as it asks; the meter keeps the API's word, and counts keep the provider's."""
    usage = usage_of({"unit": "second"}, {"unit": "1000 characters"}, {"unit": "Minutes"})

    focus = fu.to_focus(usage, **ACME, timeframe="day")

    assert [
        ("1000 characters", "1000 characters", "1000 characters"),
        ("Minutes", "Minutes", "Minutes"),
        ("second", "Seconds", "Seconds"),
    ] == sorted(focus.select("SkuMeter", "PricingUnit", "ConsumedUnit").rows())


def test_empty_text_is_null() -> None:
    """The specification has no empty strings."""
    focus = fu.to_focus(usage_of({"username": "", "auth_method": "  "}), **ACME, timeframe="day")

    assert (None, None, None) == focus.select("SubAccountId", "SubAccountName", "x_AuthMethod").row(
        0
    )


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([0.25] * 24, Decimal(6)),
        ([0.1, 0.2, 0.3], Decimal("0.6")),
        ([1, 2, 4], Decimal(7)),
        ([1.5, None], None),
        (["gold", "gold"], "gold"),
        (["gold", "silver"], None),
        (["gold", None], None),
        ([True, True], True),
        ([True, False], None),
        ([day(1), day(1)], day(1)),
        ([day(1), day(2)], None),
        ([None, None], None),
    ],
)
def test_further_columns_neither_split_nor_collapse_charges(values: list[Any], kept: Any) -> None:
    """Numbers are summed over all the rows; all else is kept if it is the same in every row."""
    usage = usage_of(*({"at": hour} for hour in range(len(values))))
    usage = usage.with_columns(newer_field=pl.Series(values))

    charge = one(fu.to_focus(usage, **ACME, timeframe="day"))

    assert kept == charge["x_NewerField"]
    assert len(values) * Decimal("0.025") == charge["BilledCost"]
    assert len(values) == charge["PricingQuantity"]


def test_a_price_that_the_contract_declares_is_not_summed() -> None:
    """A workspace's `net_unit_price` of 24 equal hours is that price; null if it changed."""
    usage = usage_of(*({"at": hour} for hour in range(24))).with_columns(net_unit_price=0.02)
    changed = usage.with_columns(net_unit_price=pl.Series([0.02] * 23 + [0.03]))

    prices = [
        one(fu.to_focus(table, **ACME, timeframe="day"))["x_NetUnitPrice"]
        for table in (usage, changed)
    ]

    assert [0.02, None] == prices


def test_a_further_number_without_an_exact_sum_is_refused() -> None:
    """As an amount is."""
    with pytest.raises(fu.QueryError, match="exact"):
        fu.to_focus(usage_of({}).with_columns(newer=float("inf")), **ACME, timeframe="day")


def test_a_further_column_does_not_hide_one_of_focus() -> None:
    """It has its own place, whatever it is called."""
    focus = fu.to_focus(usage_of({"BilledCost": 99.0}), **ACME, timeframe="day")

    assert (Decimal("0.025"), Decimal(99)) == focus.select("BilledCost", "x_BilledCost").row(0)


def test_a_week_that_holds_a_months_end_is_two_charge_periods() -> None:
    """Saturday 1 February 2025 is in the week from 27 January."""
    usage = usage_of({"at": -1}, {"at": 0}, {"at": 1}, bucket=timedelta(days=1))

    focus = fu.to_focus(usage, **ACME, timeframe="week")

    assert [
        (day(1, 1), day(27, 1), day(1), Decimal("0.025")),
        (day(1), day(1), day(3), Decimal("0.05")),
    ] == focus.select(
        "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "BilledCost"
    ).rows()


@pytest.mark.parametrize(("bucket", "timeframe"), [(24, "hour"), (1, "minute"), (7 * 24, "day")])
def test_coarser_usage_is_refused(bucket: int, timeframe: Any) -> None:
    """A day cannot be cut into hours."""
    usage = usage_of({"at": 1}, bucket=timedelta(hours=bucket))

    with pytest.raises(fu.AlignmentError, match="cannot be split"):
        fu.to_focus(usage, **ACME, timeframe=timeframe)


def test_a_bucket_over_a_months_end_is_refused() -> None:
    """As a day in New York is, whatever the charge period."""
    usage = usage_of({"at": 0}).with_columns(
        bucket=pl.col("bucket") - timedelta(hours=5),
        bucket_end=pl.col("bucket_end") + timedelta(hours=18),
    )

    for timeframe in ("week", "month"):
        with pytest.raises(fu.AlignmentError, match="1mo"):
            fu.to_focus(usage, **ACME, timeframe=timeframe)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"timeframe": "year"}, "timeframe is 'year'; expected one of minute, hour"),
        ({"timeframe": "1d"}, "timeframe is '1d'"),
        ({"version": "1.3"}, "version is '1.3'; expected '1.2' or '1.4'"),
        ({"billing_account_id": " "}, "billing_account_id is ' '; expected text"),
        ({"billing_account_name": None}, "billing_account_name is None; expected text"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], says: str) -> None:
    """In words, before a row is read."""
    with pytest.raises(fu.QueryError, match=says):
        fu.to_focus(usage_of({}), **{**ACME, "timeframe": "day", **arguments})


def test_wrong_tables_are_refused() -> None:
    """A missing column by its name, one that FOCUS cannot hold or name by its own."""
    usage = usage_of({})
    asked = {**ACME, "timeframe": "day"}

    with pytest.raises(fu.MissingColumnError, match="no column 'unit_price'"):
        fu.to_focus(usage.drop("unit_price"), **asked)
    with pytest.raises(fu.QueryError, match="'percent_discount' is String"):
        fu.to_focus(usage.cast({"percent_discount": pl.String}), **asked)
    with pytest.raises(fu.QueryError, match="'cost' is String"):
        fu.to_focus(usage.cast({"cost": pl.String}), **asked)
    with pytest.raises(fu.QueryError, match="'tags' is List"):
        fu.to_focus(usage.with_columns(tags=pl.concat_list("unit")), **asked)
    with pytest.raises(fu.QueryError, match="would both be 'x_AuthMethod'"):
        fu.to_focus(usage.with_columns(AuthMethod=1), **asked)
    with pytest.raises(fu.QueryError, match="'period'"):
        fu.to_focus(usage.with_columns(period=1), **asked)


def test_an_empty_table_has_no_charges() -> None:
    """But all the columns."""
    some, none = (fu.to_focus(rows, **ACME, timeframe="day") for rows in (usage_of({}), usage_of()))

    assert some.schema == none.schema
    assert 0 == none.height


def test_a_lazy_frame_and_a_bare_table_will_do() -> None:
    """Who called need not be in the table."""
    usage = usage_of({}, {"at": 3})
    bare = usage.drop("auth_method", "auth_detail", "api_key_id", "login_username")

    expected = fu.to_focus(usage, **ACME, timeframe="day")
    assert expected.equals(fu.to_focus(usage.lazy(), **ACME, timeframe="day"))
    assert expected.equals(fu.to_focus(bare, **ACME, timeframe="day"))


def test_categories_are_text() -> None:
    """So that a service can be none of those that an Enum lists."""
    usage = usage_of({}, {"at": 3})
    coded = usage.cast(
        {"product": pl.Enum(usage["product"].unique()), "username": pl.Categorical()}
    )

    expected = fu.to_focus(usage, **ACME, timeframe="day")
    assert expected.equals(fu.to_focus(coded, **ACME, timeframe="day"))


@pytest.mark.slow
@given(data=st.data())
def test_totals_are_those_of_the_usage_in_sql(data: st.DataObject) -> None:
    """By team, service, unit, currency and day, to the last decimal; costs fit their prices."""
    usage = data.draw(usages)
    timeframe = data.draw(st.sampled_from(["hour", "day", "week", "month"]))

    focus = fu.to_focus(usage, **ACME, timeframe=timeframe)

    mine = usage.with_columns(pl.col("bucket").dt.replace_time_zone(None))
    theirs = focus.with_columns(pl.col("BillingPeriodStart").dt.replace_time_zone(None))
    with duckdb.connect() as sql:
        sql.register("usage", mine.to_arrow())
        sql.register("focus", theirs.to_arrow())
        expected = sql.sql(
            "select date_trunc('month', bucket)::date, username, endpoint_id, currency, unit_price,"
            " sum(round(cost::decimal(38, 12), 12)), sum(quantity::decimal(38, 12))"
            " from usage group by all order by all"
        ).fetchall()
        got = sql.sql(
            "select BillingPeriodStart::date, SubAccountId, SkuId, BillingCurrency, ListUnitPrice,"
            " sum(BilledCost), sum(PricingQuantity) from focus group by all order by all"
        ).fetchall()
    assert expected == got
    for charge in focus.iter_rows(named=True):
        for kind in ("List", "Contracted"):
            product = float(charge["PricingQuantity"]) * charge[f"{kind}UnitPrice"]
            cost = float(charge[f"{kind}Cost"])
            assert abs(product - cost) <= 1e-9 * max(abs(cost), 1)
        assert charge["BillingPeriodStart"] <= charge["ChargePeriodStart"]
        assert charge["ChargePeriodStart"] < charge["ChargePeriodEnd"] <= charge["BillingPeriodEnd"]
