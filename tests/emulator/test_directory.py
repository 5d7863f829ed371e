"""Teams, keys, prices and the balance of the emulator: they fit the table that it serves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
import requests

import falusage as fu
from falusage.emulator import Emulator

DAY = datetime(2025, 6, 1, tzinfo=UTC)


def usage(**changes: Any) -> pl.DataFrame:
    """Two teams of one prefix over four days, one of them also in euros."""
    row = {"product": "model_apis", "endpoint_id": "fal-ai/llm", "unit": "1000 tokens"}
    row |= {"quantity": 10.0, "unit_price": 1.0, "cost": 10.0, "currency": "USD"}
    key = {"api_key_id": "k-1", "auth_method": "backend (owner: alice)"}
    days = [{"bucket": DAY + n * timedelta(days=1)} for n in range(4)]
    ends = [{**day, "bucket_end": day["bucket"] + timedelta(days=1)} for day in days]
    return pl.DataFrame(
        [
            *({**day, "username": "acme-ml", **row, **key, **changes} for day in ends),
            *({**day, "username": "acme-ml", **row, "currency": "EUR"} for day in ends),
            *({**day, "username": "acme-paris-office", **row} for day in ends[1:2]),
        ],
        infer_schema_length=None,
    )


@pytest.fixture
def client(emulator: Emulator) -> fu.UsageClient:
    """A client of the emulator over that table, two days before its end."""
    emulator.replace(usage())
    emulator.clock = lambda: DAY + timedelta(days=2)
    return fu.UsageClient(emulator.api_key, base_url=emulator.base_url)


@pytest.mark.filterwarnings("ignore::falusage.ClockSkewWarning")
class TestDirectory:
    """Over one small table."""

    def test_teams_are_those_of_the_table(self, client: fu.UsageClient) -> None:
        """With display names; the one that spends most is the root, whose workspace it is."""
        teams = fu.load_teams(client=client)
        assert [("acme-ml", "ML", True), ("acme-paris-office", "Paris Office", False)] == (
            teams.select("username", "name", "is_org_root").rows()
        )
        assert [DAY, DAY + timedelta(days=1)] == teams["created_at"].to_list()

    def test_keys_are_those_that_called(self, client: fu.UsageClient) -> None:
        """With the alias and the owner that usage names."""
        columns = ("key_id", "alias", "scope", "creator_nickname", "creator_email")
        assert [("k-1", "backend", "API", "alice", "alice@example.com")] == (
            fu.load_keys(client=client).select(columns).rows()
        )

    def test_prices_have_the_units_of_a_price_list(self, client: fu.UsageClient) -> None:
        """One for each currency; what the table does not have has none."""
        with pytest.warns(fu.UnmatchedWarning, match="'fal-ai/none'"):
            prices = fu.load_prices(["fal-ai/llm", "fal-ai/none"], client=client)
        assert [("fal-ai/llm", 1.0, "units", "EUR"), ("fal-ai/llm", 1.0, "units", "USD")] == (
            prices.rows()
        )

    def test_the_balance_falls_with_the_clock(
        self, client: fu.UsageClient, emulator: Emulator
    ) -> None:
        """By what the workspace has spent so far in its currency; it may become negative."""
        emulator.books.credits = 25.0
        assert 5.0 == fu.load_balance(client=client).current_balance
        emulator.clock = lambda: DAY + timedelta(days=9)
        assert -15.0 == fu.load_balance(client=client).current_balance
        emulator.replace(usage())
        assert 60.0 == fu.load_balance(client=client).current_balance  # 100 given, 40 spent


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("models/pricing", {}, "endpoint_id: Field required"),
        ("models/pricing", {"endpoint_id": [f"e{n}" for n in range(51)]}, "at most 50"),
        ("keys", {"cursor": "x"}, "cursor 'x' was not issued by this server"),
        ("keys", {"limit": 0}, "limit: "),
        ("keys", {"expand": "owner"}, "expand: "),
        ("organization/teams", {"limit": 1}, "limit: unknown parameter"),
    ],
)
def test_parameters_are_checked(
    emulator: Emulator, path: str, parameters: dict[str, Any], message: str
) -> None:
    """A 400 says which one is wrong."""
    answer = requests.get(
        f"{emulator.base_url}/{path}",
        params=parameters,
        headers={"Authorization": f"Key {emulator.api_key}"},
        timeout=10,
    )
    assert 400 == answer.status_code
    assert message in answer.json()["error"]["message"]


def test_keys_come_in_pages(emulator: Emulator) -> None:
    """Each with at most as many as were asked for."""
    emulator.replace(pl.concat([usage(api_key_id=f"k-{n}") for n in range(5)]))
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = requests.get(
            f"{emulator.base_url}/keys",
            params={"limit": 2} | ({"cursor": cursor} if cursor else {}),
            headers={"Authorization": f"Key {emulator.member_key}"},
            timeout=10,
        ).json()
        pages.append([key["key_id"] for key in answer["keys"]])
        cursor = answer["next_cursor"]
        assert answer["has_more"] is (cursor is not None)
    assert [["k-0", "k-1"], ["k-2", "k-3"], ["k-4"]] == pages
