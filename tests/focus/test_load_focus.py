"""What `load_focus` promises: the provider's report, whole and typed, or the reason why not."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

import falusage as fu
from tests.focus.report_server import HEADER, LINE, REPORT, ReportServer, Serve, Wire, answer

PATH = "/v1/organization/focus"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that starts a server with its answers."""
    with ExitStack() as running:
        yield lambda *answers: running.enter_context(ReportServer(*answers))


def load(server: ReportServer, *month: str, max_attempts: int = 1, **asked: Any) -> Any:
    """Load a report from a server."""
    with fu.UsageClient(
        "a-key-of-a-test", base_url=server.base_url, max_attempts=max_attempts
    ) as it:
        return fu.load_focus(*month, client=it, **asked)


@pytest.mark.parametrize(
    ("asked", "path", "sent"),
    [
        ({"month": "2025-06"}, PATH, {"source": "invoice", "charge_month": "2025-06"}),
        ({"billing_month": "2025-07"}, PATH, {"source": "invoice", "billing_month": "2025-07"}),
        (
            {"month": "2025-06", "team_username": "a, b"},
            PATH,
            {"source": "invoice", "charge_month": "2025-06", "team_username": "a, b"},
        ),
        (
            {"month": "2025-06", "scope": "workspace"},
            "/v1/account/focus",
            {"source": "invoice", "charge_month": "2025-06"},
        ),
        (
            {"month": "2025-06", "source": "estimate"},
            PATH,
            {"source": "estimate", "start": "2025-06-01T00:00:00Z", "end": "2025-07-01T00:00:00Z"}
            | {"timezone": "UTC", "timeframe": "day"},
        ),
        (
            {"start": date(2025, 6, 1), "end": "2025-06-03T12:00:00Z", "timezone": "Asia/Tokyo"}
            | {"source": "tagged-estimate", "timeframe": "hour", "bound_to_timeframe": False},
            PATH,
            {"source": "tagged-estimate", "start": "2025-05-31T15:00:00Z"}
            | {"end": "2025-06-03T12:00:00Z", "timezone": "Asia/Tokyo", "timeframe": "hour"}
            | {"bound_to_timeframe": "false"},
        ),
        (
            {"start": datetime(2025, 1, 1, tzinfo=UTC), "end": date(2025, 4, 1)}
            | {"source": "estimate", "bound_to_timeframe": True, "team_username": "ads"},
            PATH,
            {"source": "estimate", "start": "2025-01-01T00:00:00Z", "end": "2025-04-01T00:00:00Z"}
            | {"timezone": "UTC", "timeframe": "day", "bound_to_timeframe": "true"}
            | {"team_username": "ads"},
        ),
    ],
)
def test_every_parameter_is_sent(serve, asked, path: str, sent: dict[str, str]) -> None:
    """Under the provider's names, once; what is not asked for is not sent."""
    server = serve(answer(REPORT))

    focus = load(server, **asked)

    assert [(Decimal("12.5"), "Compute", None)] == focus.select(
        "BilledCost", "ServiceName", "x_Note"
    ).rows()
    ((found, params),) = server.asked
    assert (path, sorted(sent.items())) == (found, sorted(params))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "month is None and billing_month is None; expected one of them"),
        ({"month": "2025-06", "billing_month": "2025-07"}, "expected one of them"),
        ({"month": "June"}, "month is 'June'; expected a year and a month, as '2025-03'"),
        ({"billing_month": "2025-6"}, "billing_month is '2025-6'; expected a year and a month"),
        ({"start": "2025-06-01", "end": "2025-07-01"}, "start is for an estimate"),
        ({"month": "2025-06", "timeframe": "day"}, "timeframe is for an estimate"),
        ({"month": "2025-06", "bound_to_timeframe": True}, "bound_to_timeframe is for an estimate"),
        ({"month": "2025-06", "timezone": "Asia/Tokyo"}, "an invoice has no other than UTC"),
        ({"month": "2025-06", "source": "invoices"}, "source is 'invoices'; expected one of"),
        ({"month": "2025-06", "scope": "team"}, "scope is 'team'; expected one of"),
        ({"month": "2025-06", "scope": "workspace", "team_username": "a"}, "one team already"),
        ({"month": "2025-06", "team_username": " "}, "team_username is ' '; expected the name"),
        ({"month": "2025-06", "team_username": ["a", "b"]}, "expected the name of one team"),
        ({"source": "estimate"}, "an estimate needs a month, or a start and an end"),
        ({"source": "estimate", "start": "2025-06-01"}, "one is missing"),
        ({"source": "estimate", "billing_month": "2025-06"}, "billing_month is for an invoice"),
        ({"source": "estimate", "month": "2025-06", "start": "2025-06-01"}, "name one"),
        (
            {"source": "estimate", "start": "2025-06-02", "end": "2025-06-01"},
            "start 2025-06-02T00:00:00Z is not before end 2025-06-01T00:00:00Z",
        ),
        (
            {"source": "estimate", "start": "2025-01-01", "end": "2025-04-02"},
            "the range is 91 days long; an estimate covers at most 90",
        ),
        (
            {"source": "estimate", "month": "2025-06", "timeframe": "quarter"},
            "timeframe is 'quarter'; expected one of",
        ),
        (
            {"source": "estimate", "month": "2025-06", "bound_to_timeframe": "yes"},
            "bound_to_timeframe is 'yes'; expected True or False",
        ),
        ({"source": "estimate", "month": "2025-06", "timezone": "Tokyo"}, "Tokyo"),
    ],
)
def test_what_cannot_be_asked_is_not_sent(serve, asked: dict[str, Any], says: str) -> None:
    """The message says what to ask instead."""
    server = serve(answer(REPORT))

    with pytest.raises(fu.QueryError) as caught:
        load(server, **asked)

    assert says in str(caught.value)
    assert [] == server.asked


def test_a_report_without_charges_has_its_columns(serve) -> None:
    """Typed as those of any other."""
    empty, one = load(serve(answer(HEADER)), "2025-06"), load(serve(answer(REPORT)), "2025-06")

    assert 0 == empty.height
    assert one.schema == empty.schema


@pytest.mark.parametrize(
    "sent",
    [
        answer(gzip.compress(REPORT.encode()), Content_Encoding="gzip"),
        answer(gzip.compress(REPORT.encode()), Content_Encoding="gzip", Content_Length=""),
        answer(
            f"{len(REPORT):x}\r\n{REPORT}\r\n0\r\n\r\n",
            Content_Length="",
            Transfer_Encoding="chunked",
        ),
        answer("\ufeff" + REPORT.replace("\n", "\r\n"), Content_Type="application/octet-stream"),
    ],
)
def test_a_whole_answer_is_read_in_any_framing(serve, sent: Wire) -> None:
    """By its length, by chunks, or zipped to the end."""
    assert load(serve(answer(REPORT)), "2025-06").equals(load(serve(sent), "2025-06"))


ERROR = '{"error": {"type": "validation_error", "message": "Nope.", "request_id": "r1"}}'


@pytest.mark.parametrize(
    ("sent", "error", "says"),
    [
        (answer(REPORT, Content_Length=str(len(REPORT) + 9)), fu.TransportError, "was cut: 167"),
        (answer(REPORT, Content_Length=""), fu.TransportError, "nobody can tell whether it is"),
        (
            answer(f"ff\r\n{REPORT}", Content_Length="", Transfer_Encoding="chunked"),
            fu.TransportError,
            "no complete answer",
        ),
        (
            answer(gzip.compress(REPORT.encode())[:-9], Content_Encoding="gzip"),
            fu.TransportError,
            "the gzip body was cut",
        ),
        (answer(""), fu.ProtocolError, "the answer is empty; expected CSV"),
        (answer(" \n"), fu.ProtocolError, "the answer is empty; expected CSV"),
        (answer(ERROR), fu.ProtocolError, "the answer is JSON; expected CSV"),
        (answer("[]"), fu.ProtocolError, "the answer is JSON; expected CSV"),
        (answer("<html>Sign in"), fu.ProtocolError, "a web page; expected CSV"),
        (answer("", Content_Length=str(2**27)), fu.ProtocolError, "larger than 64 MiB"),
        (answer(HEADER + "x" + "," * 10_000_001), fu.ProtocolError, "more than 10,000,000 cells"),
        (answer("", "302 Found", Location="/login"), fu.ProtocolError, "a redirect to"),
        (answer("", "204 No Content"), fu.ProtocolError, "status 204"),
        (answer(ERROR, "400 Bad Request"), fu.BadRequestError, '"Nope."'),
        (answer(ERROR, "400 Bad Request", Content_Length=""), fu.BadRequestError, '"Nope."'),
        (answer(ERROR, "401 Unauthorized"), fu.AuthenticationError, "does not know the key"),
        (answer(ERROR, "403 Forbidden"), fu.PermissionDeniedError, "the organization's root team"),
        (
            answer(ERROR, "404 Not Found"),
            fu.NotFoundError,
            "if there is no invoice of 2025-06 yet, use source='estimate' (--source estimate)",
        ),
        (answer(ERROR, "429 Too Many Requests"), fu.RateLimitError, "429"),
        (answer(ERROR, "500 Internal Server Error"), fu.ServerError, "500"),
    ],
)  # fmt: skip
def test_anything_else_is_an_error_in_words(serve, sent: Wire, error: Any, says: str) -> None:
    """Of the package's own types, and never with the key."""
    with pytest.raises(error) as caught:
        load(serve(sent), "2025-06")

    assert says in str(caught.value)
    assert "a-key-of-a-test" not in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [
        answer(REPORT, Content_Length=str(len(REPORT) + 9)),
        answer(ERROR, "429 Too Many Requests", Retry_After="0"),
        answer(ERROR, "503 Service Unavailable"),
        answer("<html>Sign in"),
    ],
)
def test_what_may_pass_by_itself_is_asked_again(serve, first: Wire) -> None:
    """A cut answer, too many requests, a failing server, a page of a proxy."""
    server = serve(first, answer(REPORT))

    assert 1 == load(server, "2025-06", max_attempts=3).height
    assert 2 == len(server.asked)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (REPORT.replace(",", ";"), fu.SchemaError, "line 1: the cells are separated by semicolons"),
        (HEADER + "\n" + LINE, fu.SchemaError, "line 2: it is blank; expected a charge"),
        (REPORT + LINE[:30], fu.SchemaError, "line 3: it has 5 cells; expected 8"),
        (
            REPORT.replace("2025-06-01", "01/06/2025"),
            fu.SchemaError,
            "line 2: ChargePeriodStart is '01/06/2025'; expected an instant in ISO 8601",
        ),
        (REPORT.replace("12.5", '"12,5"'), fu.SchemaError, "line 2: BilledCost is '12,5'; "),
    ],
)  # fmt: skip
def test_a_malformed_report_is_named_by_its_path(serve, body: str, error: Any, says: str) -> None:
    """With line, cell and the expected form, as for a file; it is not asked for again."""
    server = serve(answer(body))

    with pytest.raises(error) as caught:
        load(server, "2025-06", max_attempts=3)

    assert str(caught.value).startswith(f"/organization/focus, {says}")
    assert 1 == len(server.asked)


def test_a_report_without_a_needed_column_names_it(serve) -> None:
    """And the columns that there are."""
    with pytest.raises(fu.MissingColumnError, match=r"'BilledCost'.*/organization/focus is not a"):
        load(serve(answer(REPORT.replace("BilledCost", "Cost"))), "2025-06")


def test_pooled_billing_says_what_to_do() -> None:
    """An invoice cannot be filtered by team then; an estimate can."""
    with (
        fu.Emulator() as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        asked = {"team_username": "acme-growth", "client": client}
        apart = fu.load_focus("2025-05", **asked)
        emulator.pooled_billing = True

        with pytest.raises(fu.BadRequestError, match="leave out team_username") as caught:
            fu.load_focus("2025-05", **asked)
        estimate = fu.load_focus("2025-05", source="estimate", **asked)

    assert (400, "validation_error") == (caught.value.status, caught.value.type)
    assert caught.value.request_id is not None
    assert {"acme-growth"} == set(apart["BillingAccountId"])
    assert {"acme-growth"} == set(estimate["SubAccountId"])


def test_the_client_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, serve) -> None:
    """As for every load."""
    monkeypatch.setenv("FAL_ADMIN_KEY", "a-key-of-a-test")
    monkeypatch.setenv("FALUSAGE_BASE_URL", serve(answer(REPORT)).base_url)

    assert 1 == fu.load_focus("2025-06").height
