"""The emulator's report, loaded and compared: what it planted is found, and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.emulator._focus import CORRECTION, CREDIT, TAX
from falusage.focus import UNEXPLAINED

CENT = Decimal("0.01")
WORKSPACE = "acme-app-prod"
"""The team that spent most of the sample."""

PLANTED = ("credits", "tax", "corrections", "rounding")


@pytest.fixture(scope="module")
def emulator() -> Iterator[fu.Emulator]:
    """The sample, half a year of it."""
    with fu.Emulator() as running:
        yield running


@pytest.fixture(params=[False, True], ids=["apart", "pooled"])
def client(request: pytest.FixtureRequest, emulator: fu.Emulator) -> Iterator[fu.UsageClient]:
    """A client of teams that are billed apart, or together."""
    emulator.pooled_billing = request.param
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as opened:
        yield opened
    emulator.pooled_billing = False


def load(client: fu.UsageClient, month: int, **asked: Any) -> fu.UsageLoad:
    """Load the usage of a month of 2025 by day."""
    ends = (f"2025-{month:02}-01", f"2025-{month + 1:02}-01")
    return client.load(fu.UsageQuery(*ends, timeframe="day", **asked))


def planted(usage: pl.DataFrame, *, pooled: bool) -> dict[str, dict[str, Decimal]]:
    """Compute in plain Python what the invoices of a month add to its usage, by currency."""
    lines: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    key = ("currency", "username", "endpoint_id", "product", "unit", "unit_price")
    for row in usage.iter_rows(named=True):
        lines[*(row[name] for name in key), row["percent_discount"]] += Decimal(repr(row["cost"]))
    cents = {line: cost.quantize(CENT, ROUND_HALF_EVEN) for line, cost in lines.items()}
    found: dict[str, dict[str, Decimal]] = {}
    for currency in {line[0] for line in lines}:
        invoiced: Counter[str] = Counter()
        for line, cost in cents.items():
            if line[0] == currency:
                invoiced[WORKSPACE if pooled else line[1]] += cost  # type: ignore[assignment]
        own = any(line[:2] == (currency, WORKSPACE) for line in lines)
        credit = CREDIT if own else Decimal(0)
        taxed = {to: cost - (credit if to == WORKSPACE else 0) for to, cost in invoiced.items()}
        rounding = sum(cents[line] - lines[line] for line in lines if line[0] == currency)
        found[currency] = {
            "credits": -credit,
            "tax": sum(((TAX * cost).quantize(CENT, ROUND_HALF_EVEN) for cost in taxed.values()),
                       Decimal(0)),
            "corrections": -CORRECTION if own else Decimal(0),
            "rounding": Decimal(rounding).quantize(Decimal("1e-12")),
        }  # fmt: skip
    return found


@pytest.mark.slow
def test_exactly_what_was_planted_is_found(emulator: fu.Emulator, client: fu.UsageClient) -> None:
    """Tax, credit, correction and rounding of each currency; nothing is left without a reason."""
    usage = load(client, 4)

    lines = fu.tie_out(usage, fu.load_focus("2025-04", client=client))

    sums = lines.group_by("currency").agg(pl.exclude("period", "username", "product").sum())
    expected = planted(usage.usage, pooled=emulator.pooled_billing)
    assert {"USD", "EUR"} == set(expected)
    for row in sums.iter_rows(named=True):
        assert expected[row["currency"]] == {name: row[name] for name in PLANTED}
        assert row["gap"] == sum(row[name] for name in PLANTED)
    others = ("refunds", "other_charges", "not_loaded", "only_here", "only_there")
    assert {Decimal(0)} == {value for name in others for value in lines[name]}
    teamless = lines.filter(pl.col("username").is_null(), pl.col("usage_cost") > 0)
    pooled = {"serverless", "compute"} if emulator.pooled_billing else set[str]()
    assert pooled == set(teamless["product"])


def test_an_estimate_is_the_usage(client: fu.UsageClient) -> None:
    """Unrounded, without tax and credits: nothing is left, for whole months and a month so far."""
    for month in (5, 6):
        focus = fu.load_focus(f"2025-{month:02}", source="estimate", client=client)
        ends = ("2025-06-01", "2025-06-24") if month == 6 else ("2025-05-01", "2025-06-01")
        usage = client.load(fu.UsageQuery(*ends, timeframe="day"))

        lines = fu.tie_out(usage, focus)

        assert 0 < lines.height
        assert {Decimal(0)} == set(lines["gap"])
        assert lines["username"].null_count() == 0


@pytest.mark.parametrize("kept", ["usage", "charges"])
def test_a_line_that_is_lost_is_seen(client: fu.UsageClient, kept: str) -> None:
    """On either side, however small it is beside the rounding of the others."""
    usage, focus = load(client, 4).usage, fu.load_focus("2025-04", client=client)
    if kept == "usage":
        lost = focus.filter(pl.col("ChargeCategory") == "Usage", pl.col("BilledCost") > 0).sort(
            "BilledCost"
        )[0]
        focus = focus.join(lost, on=focus.columns, how="anti", nulls_equal=True)
        amount = -lost["BilledCost"][0]
    else:
        lost = usage.filter(pl.col("cost") > 0.05 * usage.height).sort("cost")[0]
        usage = usage.join(lost, on=usage.columns, how="anti", nulls_equal=True)
        amount = Decimal(repr(lost["cost"][0]))

    lines = fu.tie_out(usage, focus)

    left = lines.select(pl.sum_horizontal(pl.col("only_here", "only_there").sum())).item()
    assert abs(left - amount) < Decimal("0.1")
    assert 1 == lines.filter((pl.col("only_here") != 0) | (pl.col("only_there") != 0)).height


def test_a_workspace_has_no_compute(client: fu.UsageClient) -> None:
    """Its invoice has; that is a part of its own, and the rest agrees."""
    usage = load(client, 4, scope="workspace")
    assert {"model_apis", "serverless"} == set(usage.coverage.products)

    charges = fu.load_focus("2025-04", scope="workspace", client=client)
    lines = fu.tie_out(usage, charges)
    unnamed = usage.usage.with_columns(username=pl.lit("workspace"))

    assert_frame_equal(lines, fu.tie_out(unnamed, charges, coverage=usage.coverage))
    assert {Decimal(0)} == {value for name in UNEXPLAINED for value in lines[name]}
    assert {"compute"} == set(lines.filter(pl.col("not_loaded") > 0)["product"])


@pytest.mark.slow
def test_what_is_issued_and_when(emulator: fu.Emulator, client: fu.UsageClient) -> None:
    """A correction of May is on an invoice issued in July; of April in June, with May's usage."""
    june = fu.load_focus(billing_month="2025-06", client=client)
    corrected = june.filter(pl.col("ChargeClass") == "Correction")

    april, may = datetime(2025, 4, 1, tzinfo=UTC), datetime(2025, 5, 1, tzinfo=UTC)
    assert {may} == set(june["BillingPeriodStart"])
    assert [(april, -CORRECTION)] == corrected.select("ChargePeriodStart", "BilledCost").rows()
    assert {may} == set(june.filter(pl.col("ChargeClass").is_null())["ChargePeriodStart"])
    of_may = fu.load_focus("2025-05", client=client)
    assert of_may["ChargeClass"].null_count() == of_may.height
    assert 0 == fu.load_focus("2025-06", client=client).height
    clock = emulator.clock
    try:
        emulator.clock = lambda: datetime(2025, 7, 1, tzinfo=UTC)
        corrected_may = fu.load_focus("2025-05", client=client)
        assert 0 < fu.load_focus("2025-06", client=client).height
    finally:
        emulator.clock = clock
    assert 1 == corrected_may.height - of_may.height
