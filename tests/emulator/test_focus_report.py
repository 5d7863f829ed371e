"""The served FOCUS report: who may ask, for what, and what is answered."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from falusage.emulator import Emulator, Faults
from falusage.emulator._focus import CORRECTION, CREDIT, TAX

PATHS = ("/organization/focus", "/account/focus")
MARCH, MAY = (datetime(2025, month, 1, tzinfo=UTC) for month in (3, 5))
INVOICE = {"source": "invoice", "charge_month": "2025-03"}
ESTIMATE = {"source": "estimate", "start": "2025-03-01", "end": "2025-03-03"}


def row(hour: int, **more: Any) -> dict[str, Any]:
    """Return an hour of usage; March begins with hour 0."""
    return {
        "bucket": MARCH + timedelta(hours=hour),
        "bucket_end": MARCH + timedelta(hours=hour + 1),
        "username": "ads",
        "product": "model_apis",
        "endpoint_id": "fal-ai/flux/dev",
        "unit": "image",
        "quantity": 3.0,
        "unit_price": 11.115,
        "cost": 33.345,
        "currency": "USD",
        **more,
    }


USAGE = pl.DataFrame(
    [
        row(0),
        row(30),
        row(-1),
        row(1, username="labs", product="compute", endpoint_id="type: h100 (a, b)", cost=7.0),
        row(1, username="labs", product="serverless", endpoint_id="sdk: h100", cost=2.0),
        row(2, username="labs", cost=1.0),
    ]
)


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """An emulator in May, when the invoice of March and its correction are issued."""
    with Emulator(USAGE) as running:
        running.clock = lambda: MAY
        yield running


@pytest.fixture(autouse=True)
def _apart(served: Emulator) -> None:
    served.pooled_billing = False


def ask(served: Emulator, path: str = PATHS[0], key: str | None = None, **asked: Any) -> Any:
    """Return the answer."""
    return requests.get(
        served.base_url + path,
        params=asked,
        headers={"Authorization": f"Key {key or served.api_key}"},
        timeout=10,
    )


def lines(served: Emulator, path: str = PATHS[0], **asked: Any) -> list[dict[str, str]]:
    """Return the charges, as text."""
    answer = ask(served, path, **asked)
    assert 200 == answer.status_code, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text), strict=True))


def costs(found: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Return account, category and cost of each charge."""
    return [(one["BillingAccountId"], one["ChargeCategory"], one["BilledCost"]) for one in found]


def test_an_invoice_has_its_parts(served: Emulator) -> None:
    """Usage in cents by SKU, the credit and a later correction of the workspace, tax for each."""
    assert (Decimal("0.19"), Decimal(25), Decimal("1.5")) == (TAX, CREDIT, CORRECTION)

    found = lines(served, **INVOICE)

    assert [
        ("ads", "Usage", "66.69"),
        ("ads", "Credit", "-25"),
        ("ads", "Tax", "7.92"),
        ("ads", "Usage", "-1.5"),
        ("labs", "Usage", "7"),
        ("labs", "Usage", "1"),
        ("labs", "Usage", "2"),
        ("labs", "Tax", "1.9"),
    ] == costs(found)
    assert ["2025-04-ads", "2025-05-ads"] == sorted({one["InvoiceId"] for one in found[:4]})
    assert ["NULL"] * 3 + ["Correction"] == [one["ChargeClass"] for one in found[:4]]
    assert {"2025-03-01T00:00:00Z"} == {one["ChargePeriodStart"] for one in found}
    usage, *_ = found
    assert ("6", "11.115", "NULL") == tuple(
        usage[name] for name in ("PricingQuantity", "ContractedUnitPrice", "SubAccountId")
    )


def test_a_billing_month_has_what_was_issued_in_it(served: Emulator) -> None:
    """April: the charges of March, and the correction of February."""
    found = lines(served, source="invoice", billing_month="2025-04")

    of_ads = [one for one in found if one["BillingAccountId"] == "ads"]
    assert [("2025-02", "-1.5"), ("2025-03", "-25"), ("2025-03", "66.69"), ("2025-03", "7.92")] == (
        sorted((one["ChargePeriodStart"][:7], one["BilledCost"]) for one in of_ads)
    )
    both = lines(served, source="invoice", billing_month="2025-04", charge_month="2025-02")
    assert [("ads", "Usage", "-1.5")] == costs(both)


def test_an_estimate_is_unrounded_usage_by_charge_period(served: Emulator) -> None:
    """In the buckets that are asked for; without credit, tax or correction."""
    days = lines(served, **ESTIMATE, timeframe="day", team_username="ads")
    assert [("2025-03-01T00:00:00Z", "33.345"), ("2025-03-02T00:00:00Z", "33.345")] == [
        (one["ChargePeriodStart"], one["BilledCost"]) for one in days
    ]
    asked = {**ESTIMATE, "timezone": "America/New_York", "start": "2025-03-01T12:00:00-05:00"}
    wider = lines(served, **asked, timeframe="month")
    narrow = lines(served, **asked, timeframe="month", bound_to_timeframe="false")
    assert {"2025-03-01T05:00:00Z"} == {one["ChargePeriodStart"] for one in wider}
    assert ["33.345"] == [one["BilledCost"] for one in wider]
    assert ["33.345"] == [one["BilledCost"] for one in narrow]
    assert 6 == len(lines(served, source="estimate", start="2025-02-28", end="2025-03-03"))
    assert [] == lines(served, source="estimate")


def test_pooled_billing_has_one_customer(served: Emulator) -> None:
    """Lines of apps and machines on an invoice have no sub-account; those of an estimate have."""
    served.pooled_billing = True

    found, estimated = lines(served, **INVOICE), lines(served, **ESTIMATE)

    assert {"ads"} == {one["BillingAccountId"] for one in found}
    teams = {one["ServiceName"]: one["SubAccountId"] for one in found if one["SkuId"] != "NULL"}
    assert {"Model APIs": "labs", "Compute": "NULL", "Serverless": "NULL"} == {
        **teams, "Model APIs": "labs"
    }  # fmt: skip
    assert {"ads", "labs"} == {one["SubAccountId"] for one in estimated}
    assert 1 == sum(one["ChargeCategory"] == "Tax" for one in found)
    answer = ask(served, **INVOICE, team_username="labs")
    assert 400 == answer.status_code
    assert "team_username" in answer.json()["error"]["message"]
    assert {"labs"} == {
        one["SubAccountId"] for one in lines(served, **ESTIMATE, team_username="labs")
    }


def test_an_account_is_the_workspace_unless_it_is_expanded(served: Emulator) -> None:
    """`expand=organization` has what `/organization/focus` has."""
    for asked in (INVOICE, ESTIMATE):
        own = lines(served, PATHS[1], **asked)
        assert {"ads"} == {one["BillingAccountId"] for one in own}
        assert lines(served, **asked) == lines(served, PATHS[1], **asked, expand="organization")
        assert own == lines(served, **asked, team_username="ads")
        assert [] == lines(served, **asked, team_username="nobody")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "source"),
        ({"source": "bill"}, "source"),
        ({"source": "invoice"}, "an invoice needs billing_month or charge_month"),
        ({**INVOICE, "charge_month": "2025-3"}, "month is '2025-3'"),
        ({**INVOICE, "charge_month": ""}, "month is ''"),
        *(
            ({**INVOICE, name: value}, f"{name} can be used only with an estimate")
            for name, value in {**ESTIMATE, "timezone": "UTC", "timeframe": "day"}.items()
            if name != "source"
        ),
        ({**INVOICE, "bound_to_timeframe": "true"}, "bound_to_timeframe can be used only"),
        ({**ESTIMATE, "charge_month": "2025-03"}, "charge_month can be used only with an invoice"),
        ({**ESTIMATE, "billing_month": "2025-03"}, "billing_month can be used only with an in"),
        ({**ESTIMATE, "end": "2025-05-31"}, "an estimate covers at most 90 days"),
        ({**ESTIMATE, "end": "2025-02-28"}, "is not before end"),
        ({**ESTIMATE, "timezone": "Nowhere"}, "Nowhere"),
        ({**ESTIMATE, "limit": "5"}, "limit: unknown parameter"),
    ],
)
def test_what_does_not_fit_is_a_400(served: Emulator, path: str, asked: Any, says: str) -> None:
    """In the documented form, with the reason."""
    answer = ask(served, path, **asked)

    assert 400 == answer.status_code
    assert "validation_error" == answer.json()["error"]["type"]
    assert says in answer.json()["error"]["message"]


def test_parameters_of_one_path_are_not_those_of_the_other(served: Emulator) -> None:
    """A team is of an organization, and only an account is expanded."""
    assert 400 == ask(served, PATHS[1], **INVOICE, team_username="ads").status_code
    assert 400 == ask(served, PATHS[0], **INVOICE, expand="organization").status_code
    assert 400 == ask(served, PATHS[0], **INVOICE, team_username=["ads", "labs"]).status_code


@pytest.mark.parametrize("path", PATHS)
def test_only_an_enterprise_may_ask(served: Emulator, path: str) -> None:
    """A key of a single workspace may not, nor one without billing; faults are served, too."""
    for key in (served.workspace_key, served.member_key):
        assert 403 == ask(served, path, key, **INVOICE).status_code
    assert 401 == ask(served, path, "another", **INVOICE).status_code
    served.faults = Faults(rate_limit_every=1)
    assert 429 == ask(served, path, **INVOICE).status_code
    served.faults = Faults()


def test_an_empty_table_is_a_header(nothing: pl.DataFrame) -> None:
    """And one row is one invoice, whose credit is not more than its usage."""
    with Emulator(nothing) as served:
        assert ask(served, **INVOICE).text.splitlines() == ask(served, **ESTIMATE).text.splitlines()
        assert 1 == len(ask(served, **INVOICE).text.splitlines())
        served.replace(USAGE[5:])
        assert [("labs", "Usage", "1"), ("labs", "Credit", "-1"), ("labs", "Usage", "-1")] == costs(
            lines(served, **INVOICE)
        )


def test_tags_are_only_in_a_tagged_estimate() -> None:
    """As text; usage with other tags is another line."""
    tags = pl.Series("tags", ['{"app": "a"}', '{"app": "b"}', None, None, None, None])
    with Emulator(USAGE.with_columns(tags)) as served:
        plain = lines(served, **ESTIMATE, timeframe="month")
        tagged = lines(served, **{**ESTIMATE, "source": "tagged-estimate"}, timeframe="month")

    assert {"NULL"} == {one["Tags"] for one in plain}
    assert {'{"app": "a"}', '{"app": "b"}', "NULL"} == {one["Tags"] for one in tagged}
    assert 1 == len(tagged) - len(plain)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_falls_outside_the_document(served, path: str, mode: GenerationMode) -> None:
    """Well-formed requests and others: each is answered as documented, and never with a failure."""
    address = served.base_url.removesuffix("/v1") + "/openapi.json"
    schema = schemathesis.openapi.from_url(address)
    statuses: list[int] = []
    names = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
    checks = [schemathesis.checks.CHECKS.get_one(name) for name in names]

    @settings(database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(schema[f"/v1{path}"]["GET"].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        if case.query and case.query.get("source") == "invoice":
            case.query = {**case.query, "charge_month": "2025-03"}
        answer = case.call(headers={"Authorization": f"Key {served.api_key}"})
        case.validate_response(answer, checks=[schemathesis.checks.not_a_server_error, *checks])
        statuses.append(answer.status_code)

    check()
    assert {200, 400, 401} >= set(statuses)
    assert mode is not GenerationMode.POSITIVE or 200 in statuses
