"""Teams, keys, list prices and the balance: read whole and checked, or an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu

DATE = "Tue, 24 Jun 2025 00:01:00 GMT"
LOADS = {
    "/v1/organization/teams": fu.load_teams,
    "/v1/keys": fu.load_keys,
    "/v1/models/pricing": lambda client: fu.load_prices(["a"], client=client),
    "/v1/account/billing": fu.load_balance,
}
"""What asks each endpoint."""


class Scripted:
    """A server that sends the answers it was given, one after the other; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, list[str]]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                scripted.asked.append(parse_qs(urlsplit(self.path).query))
                answers = scripted.answers
                status, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response_only(status)
                self.send_header("Date", DATE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.client = fu.UsageClient(
            "a-key-of-a-test", base_url=f"http://127.0.0.1:{self.server.server_port}/v1",
            max_attempts=1,
        )  # fmt: skip

    def says(self, *bodies: Any, status: int = 200) -> fu.UsageClient:
        """Take the answers to give, and return a client that asks for them."""
        self.answers = [
            (status, body if isinstance(body, bytes) else json.dumps(body).encode())
            for body in bodies
        ]
        self.asked.clear()
        return self.client


@pytest.fixture(scope="module")
def running() -> Iterator[fu.Emulator]:
    """The sample, which tests of other modules would replace."""
    with fu.Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def api() -> Iterator[Scripted]:
    """One scripted server for the module."""
    scripted = Scripted()
    yield scripted
    scripted.client.close()
    scripted.server.shutdown()
    scripted.server.server_close()


def page(rows: str, *items: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    """Return a page of a list."""
    return {rows: list(items), "next_cursor": cursor, "has_more": cursor is not None}


def test_teams_have_the_declared_columns(api: Scripted) -> None:
    """Names may be null, instants are in UTC, and an organization may have no team at all."""
    sent = [
        {"username": "a", "name": "Paris office", "is_org_root": True,
         "created_at": "2025-01-15T02:00:00.5+02:00"},
        {"username": "b", "name": None, "is_org_root": False},
    ]  # fmt: skip
    expected = pl.DataFrame(
        {
            "username": ["a", "b"],
            "name": ["Paris office", None],
            "is_org_root": [True, False],
            "created_at": [datetime(2025, 1, 15, 0, 0, 0, 500_000, tzinfo=UTC), None],
        },
        schema_overrides={"created_at": pl.Datetime("us", "UTC")},
    )

    assert_frame_equal(expected, fu.load_teams(client=api.says({"teams": sent})))
    assert_frame_equal(expected[:1], fu.load_teams(client=api.says({"teams": sent[:1]})))
    assert_frame_equal(expected[:0], fu.load_teams(client=api.says({"teams": []})))


def test_keys_are_read_to_the_last_page(api: Scripted) -> None:
    """Page by page; a key that came twice, because pages shifted, is there once, which is said."""
    keys = [{"key_id": name, "alias": name.upper(), "scope": "API"} for name in "abc"]
    client = api.says(page("keys", *keys[:2], cursor="Mg=="), page("keys", *keys[1:]))

    with pytest.warns(fu.FalUsageWarning, match="1 rows came twice"):
        found = fu.load_keys(client=client)

    assert ["a", "b", "c"] == found["key_id"].to_list()
    assert ["A", "B", "C"] == found["alias"].to_list()
    assert [pl.String] * 2 == [found.schema[f"creator_{what}"] for what in ("nickname", "email")]
    assert [{"expand": ["creator_info"]}, {"expand": ["creator_info"], "cursor": ["Mg=="]}] == (
        api.asked
    )


def test_a_name_with_two_meanings_is_an_error(api: Scripted) -> None:
    """A join with it would count a cost twice."""
    client = api.says(page("keys", {"key_id": "a", "alias": "x"}, {"key_id": "a", "alias": "y"}))
    with pytest.raises(fu.ProtocolError, match="key_id 'a' came twice, and differently"):
        fu.load_keys(client=client)


def test_more_than_fifty_prices_take_several_requests(api: Scripted) -> None:
    """Each asks for fifty at most, and an endpoint without a price is named."""
    ids = [f"e{n}" for n in range(101)]
    prices = [
        {"endpoint_id": name, "unit_price": 0.1, "unit": "units", "currency": "USD"} for name in ids
    ]
    client = api.says(
        page("prices", *prices[:20], cursor="x"),
        page("prices", *prices[20:50]),
        page("prices", *prices[50:99]),
        page("prices"),
    )

    with pytest.warns(fu.UnmatchedWarning, match="2 of 101 endpoints have no list price: 'e99', "):
        found = fu.load_prices(ids, client=client)

    assert ids[:99] == found["endpoint_id"].to_list()
    assert [ids[:50], ids[:50], ids[50:100], ids[100:]] == [
        each["endpoint_id"] for each in api.asked
    ]
    with pytest.raises(fu.QueryError, match="endpoint_id is empty"):
        fu.load_prices([], client=client)


def test_a_price_that_was_not_asked_for_is_an_error(api: Scripted) -> None:
    """A filter that the server ignores does not go unnoticed."""
    price = {"endpoint_id": "other", "unit_price": 1, "unit": "units", "currency": "USD"}
    with pytest.raises(fu.ProtocolError, match="endpoint_id 'other' was not asked for"):
        fu.load_prices("mine", client=api.says(page("prices", price)))


def test_a_balance_may_be_negative(api: Scripted) -> None:
    """It is read at the server's time."""
    shown = {"current_balance": -3.5, "currency": "USD"}
    assert fu.Balance(
        username="acme",
        current_balance=-3.5,
        currency="USD",
        read_at=datetime(2025, 6, 24, 0, 1, tzinfo=UTC),
    ) == fu.load_balance(client=api.says({"username": "acme", "credits": shown}))
    assert [{"expand": ["credits"]}] == api.asked


def test_an_account_without_credits_has_no_balance(api: Scripted) -> None:
    """It is an error, not a balance of zero."""
    for body in ({"username": "acme"}, {"username": "acme", "credits": None}):
        with pytest.raises(fu.ApiError, match="the account 'acme' shows no credits"):
            fu.load_balance(client=api.says(body))


@pytest.mark.parametrize(
    ("credits", "message"),
    [
        ({"current_balance": True, "currency": "USD"}, "current_balance is True"),
        ({"current_balance": 1e18, "currency": "USD"}, "expected a number below"),
        ({"current_balance": "5", "currency": "USD"}, "expected a number"),
        ({"current_balance": 5, "currency": "dollars"}, "expected three capital letters"),
        ({"current_balance": 5}, "credits has no 'currency'"),
        ([5], "expected an object"),
    ],
)
def test_a_broken_balance_is_an_error(api: Scripted, credits: Any, message: str) -> None:
    """No amount is guessed."""
    with pytest.raises(fu.ProtocolError, match=message):
        fu.load_balance(client=api.says({"username": "acme", "credits": credits}))


@pytest.mark.parametrize("path", list(LOADS))
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, fu.AuthenticationError),
        (403, fu.PermissionDeniedError),
        (404, fu.NotFoundError),
        (429, fu.RateLimitError),
        (500, fu.ServerError),
    ],
)
def test_every_status_has_its_error(
    api: Scripted, path: str, status: int, error: type[fu.ApiError]
) -> None:
    """With the server's words; a 403 also says why the key may not read the endpoint."""
    said = {"error": {"type": "t", "message": "No.", "request_id": "r-1"}}
    with pytest.raises(error, match=r'"No\."') as caught:
        LOADS[path](client=api.says(said, status=status))
    assert "r-1" == caught.value.request_id
    if status == 403:
        assert f"{path.removeprefix('/v1')}: the key " in str(caught.value)


@pytest.mark.parametrize("path", list(LOADS))
def test_half_an_answer_is_an_error(api: Scripted, path: str) -> None:
    """Cut JSON, a page of a proxy, a list without its rows, and an error with status 200."""
    for body in (b'{"keys": [', b"<html>Log in", {}, {"error": "no"}):
        with pytest.raises(fu.ProtocolError):
            LOADS[path](client=api.says(body))


@pytest.mark.parametrize(("path", "rows"), [("/v1/keys", "keys"), ("/v1/models/pricing", "prices")])
def test_cursors_must_lead_to_an_end(api: Scripted, path: str, rows: str) -> None:
    """A cursor that repeats or contradicts `has_more` is an error, not half a list."""
    for body, message in (
        (page(rows, cursor="x"), "cursor 'x' came twice in "),
        ({**page(rows), "has_more": True}, "has_more is True but next_cursor is None"),
        ({rows: []}, "has no 'has_more'"),
    ):
        with pytest.raises(fu.ProtocolError, match=message):
            LOADS[path](client=api.says(body))


def test_broken_rows_are_rejected(api: Scripted) -> None:
    """With the rows, and the rules that they broke."""
    for team, message in (
        ({"username": "a"}, "is_org_root: missing"),
        ({"username": None, "is_org_root": True}, "username: null"),
        ({"username": "a", "is_org_root": "yes"}, "is_org_root: not a truth value"),
        ({"username": "a", "is_org_root": True, "created_at": "2025-01-15"}, "'2025-01-15'"),
    ):
        with pytest.raises(fu.SchemaError, match=message) as caught:
            fu.load_teams(client=api.says({"teams": [team]}))
        assert 1 == caught.value.failures.height


def test_new_fields_are_kept(api: Scripted) -> None:
    """After the known columns, with a warning."""
    team = {"username": "a", "name": None, "is_org_root": True, "seats": 3}
    with pytest.warns(fu.UnknownFieldWarning, match="'seats'"):
        assert [3] == fu.load_teams(client=api.says({"teams": [team]}))["seats"].to_list()


def test_the_client_comes_from_the_environment(
    running: fu.Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for `load_usage`."""
    monkeypatch.setenv("FAL_KEY", running.api_key)
    monkeypatch.setenv("FALUSAGE_BASE_URL", running.base_url)
    assert 7 == fu.load_teams().height
    assert "acme-app-prod" == fu.load_balance().username


def test_what_a_key_may_read(running: fu.Emulator) -> None:
    """A workspace has keys, prices and a balance, but no teams; a member has no balance."""
    reads: dict[str, Callable[..., Any]] = {
        path: load for path, load in LOADS.items() if path != "/v1/models/pricing"
    }
    found: dict[str, list[str]] = {}
    for key in running.keys:
        with fu.UsageClient(key, base_url=running.base_url) as client:
            for path, load in reads.items():
                with suppress(fu.PermissionDeniedError):
                    load(client=client)
                    found.setdefault(key, []).append(path.removeprefix("/v1"))
    assert {
        running.api_key: ["/organization/teams", "/keys", "/account/billing"],
        running.workspace_key: ["/keys", "/account/billing"],
        running.member_key: ["/keys"],
    } == found
