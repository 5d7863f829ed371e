"""What this room's tests share: a table of numbers checkable by hand, and a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def usage() -> pl.DataFrame:
    """Two teams in USD and one in EUR: 2 a day in May, 3 in June, and 100 on the last of May."""
    days = [datetime(2025, 5, 1, tzinfo=UTC) + timedelta(days=day) for day in range(31 + 10)]
    rows = [
        {
            "bucket": day,
            "bucket_end": day + timedelta(days=1),
            "username": team,
            "product": "model_apis",
            "endpoint_id": f"fal-ai/{team}/model",
            "unit": "image",
            "quantity": cost * 10,
            "unit_price": 0.1,
            "cost": cost,
            "currency": currency,
        }
        for day in days
        for team, currency in (("ads", "USD"), ("labs", "USD"), ("paris", "EUR"))
        for cost in [100.0 if (day.month, day.day) == (5, 31) else 3.0 if day.month == 6 else 2.0]
    ]
    auth = dict.fromkeys(("auth_method", "auth_detail", "api_key_id", "login_username"), pl.String)
    nulls = [pl.lit(None, dtype).alias(name) for name, dtype in auth.items()]
    instants = pl.col("bucket", "bucket_end").cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(rows).with_columns(instants, *nulls)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own chromium, off screen."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        reason = "there is no chromium on this machine; apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def one_tab(browser: Browser) -> Iterator[Page]:
    """A tab for the next fixture; a new one takes a second."""
    shown = browser.new_page()
    yield shown
    shown.close()


@pytest.fixture
def tab(one_tab: Page) -> Iterator[Page]:
    """A tab that many tests use, one after the other.

    A test that needs other settings, such as no JavaScript, opens a tab of its own.
    """
    yield one_tab
    one_tab.goto("about:blank")
    one_tab.emulate_media(media="null", color_scheme="null")
