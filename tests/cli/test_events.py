"""`falusage events`: printed, or streamed to a file, whole or not at all."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.columns import EVENTS

SPAN = ("--start", "2025-06-20", "--end", "2025-06-23")


@pytest.fixture(scope="module")
def events(emulator: fu.Emulator) -> pl.DataFrame:
    """What the command prints."""
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client:
        return fu.load_events("2025-06-20", "2025-06-23", client=client)


def test_csv_and_json_have_every_column_and_row(run, events: pl.DataFrame) -> None:
    """With all digits, as `load_events` returns them."""
    code, csv, said = run("events", *SPAN, "--format", "csv")
    read = pl.read_csv(io.StringIO(csv), schema_overrides={"cost_nano": pl.Int64})
    assert (0, list(EVENTS)) == (code, read.columns)
    assert_frame_equal(
        events.select("request_id", "cost", "cost_nano"),
        read.select("request_id", "cost", "cost_nano"),
    )
    assert f"{events.height:,} events, " in said

    _, text, _ = run("events", *SPAN, "--format", "json")
    assert events["request_id"].to_list() == [each["request_id"] for each in json.loads(text)]


def test_the_table_shows_what_a_request_cost(run, events: pl.DataFrame) -> None:
    """With all digits, because most requests cost less than a cent."""
    code, out, _ = run("events", *SPAN, "--endpoint", "fal-ai/whisper")
    first = events.filter(endpoint_id="fal-ai/whisper").row(0, named=True)

    assert 0 == code
    assert first["request_id"] in out
    assert f"{first['cost']:,} USD" in out.splitlines()[1]
    assert "<0.01" not in out


def test_a_file_has_the_same_rows(run, environment: Path, events: pl.DataFrame) -> None:
    """In Parquet, and the totals are on stderr."""
    code, out, said = run("events", *SPAN, "--out", "events.parquet")

    assert (0, "") == (code, out)
    assert_frame_equal(events, pl.read_parquet(environment / "events.parquet"))
    total = events["cost_nano"].cast(pl.Decimal(38, 0)).sum().scaleb(-9).normalize()
    assert f"{events.height:,} events, {total:,f} USD" in said
    assert "written to events.parquet" in said
    assert ["events.parquet"] == [path.name for path in environment.iterdir()]


def test_no_event_is_an_empty_file(run, environment: Path) -> None:
    """With every column."""
    code, _, said = run(
        "events", "--start", "2030-01-01", "--end", "2030-01-02", "--out", "none.parquet"
    )
    assert 0 == code
    assert "0 events, 0 USD" in said
    read = pl.read_parquet(environment / "none.parquet")
    assert_frame_equal(pl.DataFrame(schema=EVENTS), read)


def test_a_failed_load_leaves_the_file_that_was_there(
    run, emulator: fu.Emulator, environment: Path
) -> None:
    """And nothing beside it."""
    (environment / "events.parquet").write_bytes(b"before")
    emulator.faults = fu.Faults(rate_limit_every=2, retry_after=1000)
    try:
        code, _, said = run("events", *SPAN, "--out", "events.parquet")
    finally:
        emulator.faults = fu.Faults()

    assert 1 == code
    assert "error: " in said
    assert {"events.parquet": b"before"} == {
        path.name: path.read_bytes() for path in environment.iterdir()
    }


def test_a_workspace_and_every_filter(run, emulator: fu.Emulator, monkeypatch) -> None:
    """With the key of a workspace, which reads no organization."""
    monkeypatch.setenv("FAL_ADMIN_KEY", emulator.workspace_key)
    code, csv, _ = run("events", *SPAN, "--scope", "workspace", "--format", "csv")
    read = pl.read_csv(io.StringIO(csv))
    assert 0 == code
    assert [emulator.books.workspace] == read["username"].unique().to_list()

    code, _, said = run("events", *SPAN)
    assert 1 == code
    assert "--scope workspace" in said


def test_without_an_end_it_ends_at_the_servers_present(run, emulator: fu.Emulator) -> None:
    """As every command."""
    emulator.clock = lambda: pl.datetime(2025, 6, 21, time_zone="UTC").pipe(pl.select).item()
    code, csv, _ = run("events", "--start", "2025-06-20", "--format", "csv")
    last = pl.read_csv(io.StringIO(csv))["timestamp"].max()

    assert 0 == code
    assert "2025-06-20T" < str(last) < "2025-06-21T"


def test_a_filter_that_matches_nothing_is_an_error(run) -> None:
    """The API answers a misspelt name with nothing."""
    code, _, said = run("events", *SPAN, "--team", "acme-ml-taem")
    assert 1 == code
    assert (
        "nothing matched --team acme-ml-taem in that range; did you mean --team 'acme-ml-team'"
        in said
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SPAN[2:], "Missing option '--start'"),
        ((*SPAN, "--out", "events.csv"), "does not end in .parquet"),
        ((*SPAN, "--out", "e.parquet", "--format", "csv"), "takes no --format"),
        ((*SPAN, "--limit", "101"), "expected 100 at most"),
        ((*SPAN, "--tag", "a=b"), "tag is a field of scope='workspace'"),
        (("--start", "2025-06-20", "--source", "billed"), "source is a field of"),
        ((*SPAN, "--reconcile", "off"), "No such option"),
    ],
)
def test_wrong_options_are_wrong_usage(run, options: tuple[str, ...], message: str) -> None:
    """Exit code 2, before anything is asked."""
    code, _, said = run("events", *options)
    assert 2 == code
    assert message in said


PEAK = """
import pathlib, re, sys
from falusage.cli import main
assert main(sys.argv[1:]) == 0
# Not ru_maxrss, which a child inherits from the process that started it.
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_range(environment: Path) -> None:
    """Three times the events of a workspace, of many batches instead of one, take the same."""
    usage = fu.sample_usage(start="2024-01-01", end="2024-06-20").usage
    usage = usage.filter(product="model_apis", currency="USD").with_columns(username=pl.lit("acme"))
    peaks: list[int] = []
    with fu.Emulator(usage, page_size=10_000) as served:
        for end in ("2024-03-01", "2024-06-20"):
            done = subprocess.run(  # noqa: S603 - this very interpreter
                [
                    *(sys.executable, "-c", PEAK, "events", "--scope", "workspace"),
                    *("--start", "2024-01-01", "--end", end, "--out", "events.parquet"),
                    *("--workers", "1"),
                ],
                env={
                    # One heap and one reader: with more, what they hold differs from run to run.
                    "MALLOC_ARENA_MAX": "1",
                    "ARROW_DEFAULT_MEMORY_POOL": "system",
                    "FAL_ADMIN_KEY": served.workspace_key,
                    "FALUSAGE_BASE_URL": served.base_url,
                },
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-2000:]
            peaks.append(int(done.stdout))
    assert pl.scan_parquet("events.parquet").select(pl.len()).collect().item() > 300_000
    assert peaks[1] < 1.15 * peaks[0]
