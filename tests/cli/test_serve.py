"""Where `serve` listens, what it prints, and what it warns of."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import falusage as fu
from tests.cli.running import PROGRAM

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")


def address_of_this_machine() -> str:
    """The address from which this machine would ask another; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback")
        return asking.getsockname()[0]


def url_of(process: subprocess.Popen[str]) -> str:
    """The address that `serve` says to use."""
    assert process.stdout is not None
    return process.stdout.readline().split(" at ")[1].split(";")[0]


def stopped(process: subprocess.Popen[str]) -> str:
    """What it said on stderr, after an interrupt, which is no failure."""
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert 0 == process.returncode
    return said


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of two days, which a server has ready in half the time that the sample takes."""
    usage = fu.sample_usage(start="2025-06-01", end="2025-06-03", every="1d").usage
    path = tmp_path_factory.mktemp("few") / "usage.parquet"
    fu.write_snapshot(usage, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "this machine's"])  # noqa: S104 - it is the case
def test_our_own_client_takes_the_address_that_is_printed(start, run, few: Path, host: str) -> None:
    """A server for all is asked on the loopback; it says what it lets others read, and how."""
    if host == "this machine's":
        host = address_of_this_machine()
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, 0), family=family).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    process = start("serve", "--host", host, "--port", "0", "--snapshot", str(few))
    url = url_of(process)

    code, out, _ = run("load", *RANGE, "--format", "csv", "--base-url", url)

    port = urlsplit(url).port
    with socket.create_connection((host, port), timeout=60):
        pass  # it is there, too
    warning, said = stopped(process).splitlines()
    assert (0, "stopped") == (code, said)
    assert "acme-paris" in out
    assert warning.startswith(f"warning: other machines can reach {host}: ")
    assert "the key 'sample-id:not-a-real-key', which is the same in every" in warning
    assert f":{port}/v1, with allow_http=True" in warning


@pytest.fixture(scope="module")
def printed() -> Iterator[list[str]]:
    """Run `serve` as a process; gives the lines that it prints."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [PROGRAM, "serve", "--port", "0"], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        yield [process.stdout.readline().strip() for _ in range(4)]
        process.kill()


@pytest.fixture
def sample(environment: Path, printed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the two variables that `serve` prints, and nothing else."""
    for variable in printed[2].removeprefix("export ").split():
        monkeypatch.setenv(*variable.split("=", 1))
    assert "falusage report" == printed[3]


@pytest.mark.slow
def test_what_serve_prints_shows_june_so_far(sample: None, run) -> None:
    """The sample's June against its May, without a date, a warning, or a word about the clock."""
    code, out, err = run("report")

    june = fu.rollup(fu.sample_usage(start="2025-06-01", every="1d").usage)
    costs = dict(june.select("currency", "cost").iter_rows())
    assert (0, "") == (code, err)
    assert f"June 2025 so far: {costs['USD']:,.2f} USD" in out
    assert f"June 2025 so far: {costs['EUR']:,.2f} EUR" in out
    assert "compared with 1 – 23 May 2025" in out
    assert "Fetched on 24 Jun 2025, 00:01 UTC" in out


@pytest.mark.slow
def test_june_in_another_zone_ends_with_its_last_day_that_is_over(sample: None, run) -> None:
    """At the sample's end it is still the 23rd in New York, so 22 days are compared."""
    code, out, err = run("report", "--timezone", "America/New_York")

    assert (0, "") == (code, err)
    assert "than 1 – 22 May 2025" in out
    assert "New_York" in out


@pytest.mark.slow
def test_every_default_range_ends_where_the_servers_clock_is(sample: None, run) -> None:
    """A load, a snapshot, a store and a forecast go to the sample's end."""
    _, _, loaded = run("load", "--start", "2025-06-22", "--timeframe", "day")
    _, _, written = run(
        "snapshot", "--start", "2025-06-22", "--timeframe", "day", "--out", "a.parquet"
    )
    _, _, synced = run("sync", "--start", "2025-06-22", "--store", "store")
    code, forecast, _ = run("forecast", "--timeframe", "day")

    for said in (loaded, written, synced):
        assert "2025-06-22T00:00:00+00:00 to 2025-06-25T00:00:00+00:00" in said
    assert 0 == code
    assert "2025-06, as of 2025-06-24 00:00 UTC" in forecast


@pytest.mark.slow
@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_the_loopback_by_any_name_is_not_warned_of(start, run, few: Path, host: str) -> None:
    """Nobody else gets in; it answers until Ctrl-C."""
    process = start("serve", "--host", host, "--port", "0", "--snapshot", str(few))
    code, _, _ = run("load", *RANGE, "--base-url", url_of(process))
    assert (0, "stopped\n") == (code, stopped(process))


@pytest.mark.parametrize("host", ["", "no such host", "http://127.0.0.1", "a" * 70])
def test_what_is_no_host_is_refused(run, few: Path, host: str) -> None:
    """The message names it."""
    code, _, err = run("serve", "--host", host, "--port", "0", "--snapshot", str(few))
    assert 1 == code
    assert err.startswith(f"error: cannot listen on {host}:0: ")
