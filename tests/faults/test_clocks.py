"""Two clocks are compared at every answer, and the earlier one says what may still grow."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from falusage import _clocks as clocks
from falusage.errors import ClockSkewWarning
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import PAGED, SMALL, World, always
from tests.faults.fault_judge import KEY
from tests.faults.fault_server import Answer, FaultServer

NOW = datetime(2025, 1, 3, 12, tzinfo=UTC)
OPEN = datetime(2025, 1, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "local_time", lambda: NOW)


def load(server: FaultServer, world: World = SMALL) -> tuple[fu.Receipt, list[str]]:
    """Load a world's range; returns the receipt, and what is said of the clocks."""
    with (
        warnings.catch_warnings(record=True) as caught,
        fu.UsageClient(api_key=KEY, base_url=server.base_url) as client,
    ):
        warnings.simplefilter("always")
        receipt = client.load(fu.UsageQuery(**world.query)).receipt
    return receipt, [str(one.message) for one in caught if one.category is ClockSkewWarning]


def dated(moment: datetime) -> Callable[[Answer], None]:
    """Put a Date on an answer."""

    def fault(answer: Answer) -> None:
        answer.headers["Date"] = format_datetime(moment, usegmt=True)

    return fault


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (7 * 24 * HOUR, "2025-01-10T12:00:00.*7 days ahead of .*2025-01-03T12:00:00"),
        (HOUR, "2025-01-03T13:00:00.*1 hour ahead of this machine's, 2025-01-03T12:00:00"),
        (-HOUR, "2025-01-03T11:00:00.*1 hour behind this machine's, 2025-01-03T12:00:00"),
        (-7 * 24 * HOUR, "2024-12-27T12:00:00.*7 days behind this machine's"),
        (timedelta(minutes=4), None),
        (timedelta(minutes=-4), None),
    ],
)
def test_clocks_that_differ(
    off: timedelta, said: str | None, serve: Callable[..., FaultServer]
) -> None:
    """Both times are named, once for a load; a few minutes are none. The earlier one decides."""
    receipt, words = load(serve(SMALL, now=NOW + off))

    assert NOW + off == receipt.server_time
    assert min(NOW, NOW + off) == receipt.read_at
    assert (0 if said is None else 1) == len(words)
    if said is not None:
        assert re.search(said, words[0])
        assert "Set this machine's clock" in words[0]
    if off > -3 * 24 * HOUR:
        assert OPEN == receipt.open_from == receipt.coverage.closed_until


def test_the_servers_time_is_that_of_its_answer(serve: Callable[..., FaultServer]) -> None:
    """Whatever this machine's clock says; and it is not known if an answer has no Date."""
    for off in (7 * 24 * HOUR, -HOUR):
        with fu.UsageClient(KEY, base_url=serve(SMALL, now=NOW + off).base_url) as client:
            assert NOW + off == client.server_time()
    dateless = always(lambda answer: answer.headers.pop("Date"), when=lambda _: True)
    silent = serve(SMALL, rules=dateless)
    with fu.UsageClient(KEY, base_url=silent.base_url) as client:
        assert client.server_time() is None
    with (
        fu.UsageClient("another:key", base_url=silent.base_url) as client,
        pytest.raises(fu.AuthenticationError),
    ):
        client.server_time()


def test_an_hour_ahead_at_midnight_closes_no_day(
    serve: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day has ended for the server, and not yet for this machine; or the other way."""
    end = datetime(2025, 1, 4, tzinfo=UTC)
    for server, local in ((end + HOUR, end - HOUR), (end - HOUR, end + HOUR)):
        monkeypatch.setattr(clocks, "local_time", lambda local=local: local)
        receipt, words = load(serve(SMALL, now=server))
        assert (OPEN, 1) == (receipt.open_from, len(words))


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_one_page_with_another_clock(off: timedelta, serve: Callable[..., FaultServer]) -> None:
    """It is named as well: one answer of many, as from a proxy's cache."""
    server = serve(PAGED, now=NOW, rules=always(dated(NOW + off), kinds.later_page))
    receipt, words = load(server, PAGED)
    assert 1 == len(words)
    assert f"{NOW + off:%H:%M}:00" in words[0]
    assert min(NOW, NOW + off) == receipt.read_at


def test_no_date_leaves_this_machines_clock(serve: Callable[..., FaultServer]) -> None:
    """There is nothing to compare; a Date that is no date is none."""
    for fault in (
        lambda answer: answer.headers.pop("Date"),
        lambda answer: answer.headers.update(Date="soon"),
    ):
        receipt, words = load(serve(SMALL, rules=always(fault)))
        assert (None, NOW, OPEN, []) == (
            receipt.server_time,
            receipt.read_at,
            receipt.open_from,
            words,
        )


def test_a_store_needs_two_clocks(serve: Callable[..., FaultServer], tmp_path: Path) -> None:
    """Without a Date nothing is written: one clock alone is not enough to call a day settled."""
    server = serve(SMALL, rules=always(lambda answer: answer.headers.pop("Date")))
    with (
        fu.UsageClient(api_key=KEY, base_url=server.base_url) as client,
        pytest.raises(fu.StoreError, match="has no Date"),
    ):
        fu.UsageStore(tmp_path / "store").sync("2025-01-01", client=client)
    assert not (tmp_path / "store").exists()


def test_a_snapshot_says_it_too(serve: Callable[..., FaultServer], tmp_path: Path) -> None:
    """A stream to disk compares the clocks as a load does."""
    server = serve(SMALL, now=NOW + 7 * 24 * HOUR)
    query: Any = fu.UsageQuery(**SMALL.query)
    with (
        fu.UsageClient(api_key=KEY, base_url=server.base_url) as client,
        pytest.warns(ClockSkewWarning, match="7 days ahead"),
    ):
        receipt = fu.download_snapshot(query, tmp_path / "days.parquet", client=client)
    assert OPEN == receipt.open_from


def test_a_replay_on_this_machine_is_no_skew(serve: Callable[..., FaultServer]) -> None:
    """An emulator over old usage is behind on purpose; ahead it is never."""
    _, words = load(serve(SMALL, now=NOW - 40 * 24 * HOUR))
    assert [] == words
    _, words = load(serve(SMALL, now=NOW + 40 * 24 * HOUR))
    assert 1 == len(words)
    ago = clocks.Skew(NOW - 400 * 24 * HOUR, NOW)
    assert ago.is_wrong(on_this_machine=False)
