from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from select import select
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
import requests

import falusage as fu
from falusage.emulator import Emulator
from falusage.errors import ConfigError, MissingColumnError, MissingExtraError, QueryError
from tests.emulator.asking import ask, items

DAY = {"start": "2025-01-15", "end": "2025-01-16", "timeframe": "day"}


def table(cost: float, *, rows: int = 1) -> pl.DataFrame:
    """Usage of one day in UTC."""
    bucket = datetime(2025, 1, 15, tzinfo=UTC)
    return pl.DataFrame(
        {
            "bucket": [bucket] * rows,
            "bucket_end": bucket + timedelta(days=1),
            "username": "acme",
            "product": "compute",
            "endpoint_id": "b",
            "unit": "second",
            "quantity": 1.0,
            "unit_price": cost,
            "cost": cost,
            "currency": "USD",
        }
    )


def test_it_listens_on_the_loopback_alone() -> None:
    """The base URL is the loopback's, at a free port."""
    with Emulator(table(1.0)) as one, Emulator(table(2.0)) as two:
        addresses = [urlsplit(emulator.base_url) for emulator in (one, two)]
    assert ["127.0.0.1"] * 2 == [address.hostname for address in addresses]
    assert addresses[0].port != addresses[1].port
    assert addresses[0].path == "/v1"


def test_two_emulators_serve_each_their_own() -> None:
    """Emulators of an edition share their routes, and nothing of what they serve."""
    with Emulator(table(1.0)) as one, Emulator(table(2.0), api_key="other:key") as two:
        costs = [
            ask(emulator, **DAY).json()["time_series"][0]["results"][0]["cost"]
            for emulator in (one, two, one)
        ]
        key = {"Authorization": f"Key {two.api_key}"}
        refused = requests.get(f"{one.base_url}/keys", headers=key, timeout=10)
    assert [1.0, 2.0, 1.0] == costs
    assert 401 == refused.status_code


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.DataFrame.lazy, pl.DataFrame.to_arrow])
def test_it_serves_any_kind_of_table(kind: Callable[[pl.DataFrame], Any]) -> None:
    """Eager, lazy, or from another library."""
    with Emulator(kind(table(1.0))) as emulator:
        assert 1.0 == ask(emulator, **DAY).json()["time_series"][0]["results"][0]["cost"]


def test_it_serves_what_was_loaded_from_another() -> None:
    """A load can be served as it is."""
    with Emulator(table(1.0)) as first:
        client = fu.UsageClient(first.api_key, base_url=first.base_url)
        loaded = client.load(fu.UsageQuery("2025-01-15", "2025-01-16", timeframe="day"))
    with Emulator(loaded) as second:
        assert 1.0 == ask(second, **DAY).json()["time_series"][0]["results"][0]["cost"]


def test_a_table_with_a_gap_is_rejected() -> None:
    """Its answers would be too small."""
    day = datetime(2025, 1, 15, tzinfo=UTC)
    gap = (day + timedelta(days=1), day + timedelta(days=2))

    class View:
        def __usage__(self) -> tuple[pl.LazyFrame, fu.Coverage]:
            return table(1.0).lazy(), fu.Coverage(start=day, end=gap[1], gaps=(gap,))

    with pytest.raises(fu.CoverageError, match="2025-01-16"):
        Emulator(View())


def test_what_is_not_a_table_or_a_clock_is_rejected() -> None:
    """The message states what was expected."""
    with pytest.raises(QueryError, match="expected a load"):
        Emulator("usage.parquet")  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="expected a function that returns the time"):
        Emulator(table(1.0)).clock = datetime(2025, 1, 1, tzinfo=UTC)  # type: ignore[assignment]


def test_it_stops_with_connections_open() -> None:
    """An idle connection and an answer that takes a minute do not hold it up; the port is shut."""
    with ExitStack() as clients:
        with Emulator(table(1.0), latency=60.0) as emulator:
            address = urlsplit(emulator.base_url)
            where = (address.hostname, address.port)
            _, busy = (clients.enter_context(socket.create_connection(where)) for _ in range(2))
            key = f"Host: a\r\nAuthorization: Key {emulator.api_key}\r\n\r\n"
            busy.sendall(f"GET /v1/organization/usage HTTP/1.1\r\n{key}".encode())
            assert select([busy], [], [], 0.5)[0] == []
            started = time.monotonic()
        assert time.monotonic() - started < 20
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where, timeout=60)
    with pytest.raises(ConfigError, match="not running"):
        _ = emulator.base_url


def test_it_may_be_started_again_but_not_twice() -> None:
    """A stopped emulator starts again; a running one raises an error."""
    emulator = Emulator(table(1.0))
    for _ in range(2):
        with emulator, pytest.raises(ConfigError, match="running already"):
            emulator.__enter__()


def test_replace_swaps_between_requests() -> None:
    """Under requests from all sides each answer is wholly of the one table or of the other."""
    one, two = table(1.0, rows=50), table(2.0, rows=50)
    seen: set[frozenset[float]] = set()

    def read(emulator: Emulator) -> None:
        with requests.Session() as session:
            for _ in range(10):
                answer = session.get(
                    f"{emulator.base_url}/organization/usage",
                    params={**DAY, "expand": ["time_series", "summary"]},
                    headers={"Authorization": f"Key {emulator.api_key}"},
                    timeout=60,
                ).json()
                series = {item["cost"] for item in answer["time_series"][0]["results"]}
                seen.add(frozenset(series | {answer["summary"][0]["cost"] / 50}))

    with Emulator(one) as emulator:
        readers = [threading.Thread(target=read, args=(emulator,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for usage in [two, one] * 8:
            emulator.replace(usage)
            time.sleep(0.005)
        for reader in readers:
            reader.join()
        emulator.replace(two)
        assert ask(emulator, **DAY).json()["time_series"][0]["results"][0]["cost"] == 2.0
    assert seen <= {frozenset({1.0}), frozenset({2.0})}


def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    """The quick ones of forty on one connection come before a delayed acknowledgement, in 40 ms."""
    took: list[float] = []
    with Emulator(table(1.0)) as emulator, requests.Session() as session:
        session.headers["Authorization"] = f"Key {emulator.api_key}"
        for _ in range(40):
            started = time.monotonic()
            session.get(f"{emulator.base_url}/organization/usage", params=DAY, timeout=60)
            took.append(time.monotonic() - started)
    assert sorted(took)[10] < 0.035


@pytest.mark.slow
def test_without_a_table_it_serves_the_sample_until_its_now() -> None:
    """June so far is that of `sample_usage`; its clock stands still when all of it has ended."""
    usage = fu.sample_usage(start="2025-06-01").usage
    with Emulator() as emulator:
        found = items(emulator, start="2025-06-01", timeframe="month")
        times = {ask(emulator, **DAY).headers["Date"] for _ in range(2)}
        with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client:
            loaded = client.load(fu.UsageQuery("2025-06-01", "2025-06-24", timeframe="hour"))
    assert usage["cost"].sum() == pytest.approx(sum(item["cost"] for _, item in found))
    assert {"Tue, 24 Jun 2025 00:01:00 GMT"} == times
    assert fu.rollup(usage, by="username").equals(fu.rollup(loaded.usage, by="username"))
    assert loaded.receipt.open_from is None


def test_the_clock_of_a_table_is_this_machines() -> None:
    """A user's own table is served now; replacing the sample leaves its clock as it is."""
    with Emulator(table(1.0)) as emulator:
        assert abs(emulator.clock() - datetime.now(UTC)) < timedelta(minutes=1)
    emulator = Emulator()
    emulator.replace(table(1.0))
    assert datetime(2025, 6, 24, 0, 1, tzinfo=UTC) == emulator.clock()


def test_what_one_emulator_is_changed_to_another_does_not_serve() -> None:
    """The sample is generated once, and is the same for all of them."""
    first, second = Emulator(), Emulator(edition=2)
    sample = second.books.rows
    first.clock = lambda: datetime.now(UTC)
    first.replace(table(1.0))
    first.books.credits = 5.0
    third = Emulator()

    assert sample.equals(third.books.rows)
    assert second.clock() == third.clock() == datetime(2025, 6, 24, 0, 1, tzinfo=UTC)
    assert 5.0 != third.books.credits


@pytest.mark.parametrize("wrong", [{"edition": 1}, {"page_size": 0}, {"latency": -1.0}])
def test_a_setting_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    """The message names the setting."""
    with pytest.raises(QueryError, match=next(iter(wrong))):
        Emulator(table(1.0), **wrong)  # type: ignore[arg-type]


def test_a_table_that_is_none_is_refused() -> None:
    """A missing column, a bucket without a zone and an infinite cost are told apart."""
    with pytest.raises(MissingColumnError, match="username"):
        Emulator(table(1.0).drop("username"))
    with pytest.raises(QueryError, match="time zone"):
        Emulator(table(1.0).with_columns(pl.col("bucket").dt.replace_time_zone(None)))
    with pytest.raises(QueryError, match="finite"):
        Emulator(table(float("inf")))
    with pytest.raises(QueryError, match="finite"):
        Emulator(table(float("nan")))


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's libraries the error names the extra."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"falusage\[emulator\]"):
        Emulator(table(1.0))


def test_importing_it_imports_no_server() -> None:
    """The server's libraries are imported by the call that serves."""
    code = (
        "import sys, falusage; falusage.Emulator\n"
        "assert not {'fastapi', 'uvicorn', 'starlette', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603 (our own)


def test_its_repr_hides_the_key() -> None:
    """The key is in no repr."""
    with Emulator(table(1.0), api_key="hush") as emulator:
        assert "hush" not in repr(emulator)
        assert emulator.base_url in repr(emulator)


@pytest.mark.slow
def test_serve_runs_until_interrupted() -> None:
    """It announces its address, answers, and ends on an interrupt without a word."""
    code = (
        "import polars as pl\n"
        "from datetime import UTC, datetime\n"
        "from falusage.emulator import serve\n"
        "usage = pl.DataFrame({'bucket': [datetime(2025, 1, 15, tzinfo=UTC)], 'username': 'a',\n"
        "  'product': 'compute', 'endpoint_id': 'b', 'unit': 'second', 'quantity': 1.0,\n"
        "  'unit_price': 1.0, 'cost': 1.0, 'currency': 'USD'})\n"
        "try:\n"
        "    serve(usage, port=0, edition=2,\n"
        "          announce=lambda url, emulator: print(url, emulator.api_key, flush=True))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    with subprocess.Popen(  # noqa: S603 (our own)
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        url, key = serving.stdout.readline().split()
        answer = requests.get(
            f"{url}/organization/usage",
            params=DAY,
            headers={"Authorization": f"Key {key}"},
            timeout=60,
        )
        serving.send_signal(signal.SIGINT)
        out, err = serving.communicate(timeout=60)
    assert answer.json()["time_series"][0]["results"][0]["cost"] == 1.0
    assert ("interrupted\n", "", 0) == (out, err, serving.returncode)


def test_serve_says_when_a_port_is_taken() -> None:
    """A port in use is a ConfigError that names it."""
    from falusage.emulator import serve

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)):
            serve(table(1.0), port=port)
