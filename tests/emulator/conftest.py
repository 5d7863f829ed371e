"""An emulator over a real port, and a way to ask it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import requests

from falusage.emulator import Emulator


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
