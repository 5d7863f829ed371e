"""An emulator over a real port, and a way to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
import requests

from falusage.emulator import Emulator

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def nothing() -> pl.DataFrame:
    """A usage table without rows."""
    text = dict.fromkeys(("username", "product", "endpoint_id", "unit", "currency"), pl.String)
    numbers = dict.fromkeys(("quantity", "unit_price", "cost"), pl.Float64)
    return pl.DataFrame(schema={"bucket": pl.Datetime("us", "UTC"), **text, **numbers})


@pytest.fixture(scope="module")
def emulator(nothing: pl.DataFrame) -> Iterator[Emulator]:
    """Run one server for a module's tests; each test replaces its table."""
    with Emulator(nothing) as running:
        yield running


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """One keep-alive session."""
    with requests.Session() as kept:
        yield kept


@pytest.fixture(scope="session")
def ask(session: requests.Session) -> Ask:
    """Ask an emulator's endpoint as its admin."""

    def _ask(emulator: Emulator, **parameters: Any) -> requests.Response:
        return session.get(
            f"{emulator.base_url}/organization/usage",
            params=parameters,
            headers={"Authorization": f"Key {emulator.api_key}"},
            timeout=10,
        )

    return _ask


@pytest.fixture(scope="session")
def pages(ask: Ask) -> Callable[..., list[dict[str, Any]]]:
    """Ask, and follow the cursors to the end."""

    def _pages(emulator: Emulator, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = ask(emulator, **parameters)
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
            assert found[-1]["has_more"] is (found[-1]["next_cursor"] is not None)
            if not found[-1]["has_more"]:
                return found
            parameters["cursor"] = found[-1]["next_cursor"]

    return _pages


@pytest.fixture(scope="session")
def items(
    pages: Callable[..., list[dict[str, Any]]],
) -> Callable[..., list[tuple[str, dict[str, Any]]]]:
    """Ask, follow the cursors, and return each item with its bucket."""

    def _items(emulator: Emulator, **parameters: Any) -> list[tuple[str, dict[str, Any]]]:
        return [
            (bucket["bucket"], item)
            for page in pages(emulator, **parameters)
            for bucket in page["time_series"]
            for item in bucket["results"]
        ]

    return _items
