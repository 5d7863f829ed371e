"""A store of any size: results are those of a table in memory, and memory does not grow with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage._usage import pieces
from falusage.cli import main
from falusage.columns import USAGE, widened
from falusage.reporting import summary
from falusage.store import _differences as differences
from falusage.store import _scanning as scanning
from falusage.store._commits import seal, totals_of
from falusage.store._committing import append, create
from falusage.store._log import STORED
from falusage.store._parts import write_part
from falusage.store._scope import Scope
from falusage.transforms.restatements import restatements

pytestmark = pytest.mark.slow

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = 60
MOST_IN_A_FILE = 150_000
ACME = {"billing_account_id": "acme", "billing_account_name": "Acme"}


def usage_of(rows: int, *, seed: int) -> pl.DataFrame:
    """Return rows of two months: 20 teams, 30 endpoints, two currencies, and a rise of prices."""
    at = pl.int_range(rows, dtype=pl.Int64)
    hour = at * (DAYS * 24) // rows
    chance = (at * 2_654_435_761 + seed) % 4_294_967_291
    bucket = (pl.lit(BEGIN).dt.epoch("us") + hour * 3_600_000_000).cast(pl.Datetime("us", "UTC"))
    endpoint = chance % 30
    price = (1 + endpoint) * 0.0025 * pl.when(hour < 900, endpoint < 5).then(1.1).otherwise(1.0)
    quantity = (chance % 99_991 / 7).cast(pl.Float64)
    made = pl.select(
        bucket=bucket,
        bucket_end=bucket + HOUR,
        username=pl.format("team-{}", chance // 30 % 20),
        product=pl.lit("model_apis"),
        endpoint_id=pl.format("fal-ai/vendor-{}/model", endpoint),
        unit=pl.lit("image"),
        quantity=quantity,
        unit_price=price,
        cost=quantity * price,
        currency=pl.when(chance // 600 % 9 == 0).then(pl.lit("EUR")).otherwise(pl.lit("USD")),
    )
    return widened(made).cast(dict(USAGE))


def write(folder: Path, *tables: pl.DataFrame) -> fu.UsageStore:
    """Write tables as the versions of a store, each in a few files, the first of many rows."""
    store = fu.UsageStore(folder)
    log = store._log
    create(log, Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="hour")), BEGIN)
    span = (BEGIN, BEGIN + DAYS * DAY)
    for number, table in enumerate(tables):
        state = log.state()
        at = span[1] + (9 + number) * DAY
        rows = table.with_columns(
            read_at=pl.lit(at).cast(STORED["read_at"]), settled=pl.lit(value=True)
        )
        first = min(MOST_IN_A_FILE, rows.height * 5 // 6)
        further = range(first + rows.height // 20, rows.height, MOST_IN_A_FILE)
        edges = [0, first, *further, rows.height]
        pieces = [rows[a:b] for a, b in pairwise(edges)]
        come = [write_part(log.place, piece, timezone="UTC") for piece in pieces]
        commit = state.commit.then(
            "sync",
            at=at,
            span=span,
            settle=3 * DAY,
            totals=totals_of(rows),
            settled=(span,),
            closed=(span,),
            files=seal([one.part.path for one in come], state.schema),
        )
        append(log, state, commit, come=come, gone=state.parts)
    return store


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Iterator[None]:
    """Read and compare fewer rows at once than in earnest, so that tables of more are made fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "_ROWS", 22_500)
        for room in (pieces, differences):
            patch.setattr(room, "MOST", 20_000)
        yield


@pytest.fixture(scope="module")
def tables() -> list[pl.DataFrame]:
    """Two versions of 50,000 rows, which differ in some: more than is read or compared at once."""
    old = usage_of(50_000, seed=0)
    where = pl.int_range(pl.len()) % 997 == 5
    new = old.with_columns(
        pl.when(where).then(pl.col("cost") + 1.25).otherwise("cost").alias("cost")
    )
    return [old, new.filter(pl.int_range(pl.len()) % 10_007 != 7)]


@pytest.fixture(scope="module")
def store(tables: list[pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> fu.UsageStore:
    """A store of both versions."""
    assert max(scanning._ROWS, pieces.MOST) < tables[0].height / 2
    return write(tmp_path_factory.mktemp("scale") / "kept", *tables)


@pytest.fixture(scope="module")
def eager(store: fu.UsageStore, tables: list[pl.DataFrame]) -> tuple[pl.DataFrame, fu.Coverage]:
    """The rows of the last version in memory, in the store's own columns, and their coverage."""
    at = BEGIN + (DAYS + 10) * DAY
    rows = tables[1].with_columns(
        read_at=pl.lit(at).cast(STORED["read_at"]), settled=pl.lit(value=True)
    )
    assert_frame_equal(rows, store.scan().collect(), check_row_order=False)
    return rows, store.coverage


def test_a_report_is_that_of_a_table_in_memory(
    store: fu.UsageStore, eager: tuple[pl.DataFrame, fu.Coverage], tmp_path: Path
) -> None:
    """To the last character, as text and as a page."""
    rows, coverage = eager
    assert list(summary(rows, month="2025-02", coverage=coverage).splitlines()) == list(
        summary(store, month="2025-02").splitlines()
    )
    pages = [
        fu.report(usage, out=tmp_path / f"{name}.html", month="2025-02", **about).path.read_bytes()
        for name, usage, about in (
            ("eager", rows, {"coverage": coverage}),
            ("store", store, {}),
        )
    ]
    assert pages[0] == pages[1]


def test_charges_are_those_of_a_table_in_memory(
    store: fu.UsageStore, eager: tuple[pl.DataFrame, fu.Coverage], tmp_path: Path
) -> None:
    """Row for row, also where the charge period is longer than what is summed at once."""
    rows, coverage = eager
    for timeframe in ("hour", "month"):
        whole = fu.to_focus(rows, **ACME, timeframe=timeframe, coverage=coverage)
        assert_frame_equal(whole, fu.to_focus(store, **ACME, timeframe=timeframe))

    out = tmp_path / "charges"
    for suffix, read in ((".parquet", pl.read_parquet), (".csv", fu.read_focus)):
        named = out.with_suffix(suffix)
        account = ("--billing-account-id", "acme", "--billing-account-name", "Acme")
        kept = ("--store", str(store._log.place), "--timeframe", "day")
        assert 0 == main(["focus", *kept, *account, "--out", str(named)])
        whole = fu.to_focus(rows, **ACME, timeframe="day", coverage=coverage)
        found = read(named)
        assert whole.height == found.height
        assert whole["BilledCost"].to_list() == found["BilledCost"].to_list()
    lines = fu.tie_out(store, fu.read_focus(out.with_suffix(".csv")))
    assert 0 == lines.select(pl.col("gap").abs().sum()).item()


def test_a_bucket_that_is_null_is_still_refused() -> None:
    """It has no place among the parts of time, and must not be left out."""
    rows = usage_of(30_000, seed=1).with_columns(
        bucket=pl.when(pl.int_range(pl.len()) > 0).then("bucket")
    )
    with pytest.raises(fu.AlignmentError, match="the bucket from null"):
        fu.to_focus(rows.lazy(), **ACME, timeframe="hour")


def test_restatements_are_those_of_tables_in_memory(
    store: fu.UsageStore,
    tables: list[pl.DataFrame],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Row for row and in order, in several parts, as a table and as data."""
    expected = restatements(*tables)

    parts = list(store.iter_restatements(1, 2))

    assert_frame_equal(expected, pl.concat(parts).drop("restated"))
    assert_frame_equal(pl.concat(parts), store.restatements(1, 2))
    assert expected.height > 40
    assert len([part for part in parts if part.height]) > 1
    assert tables[0].height == store.restatements(0, 1).height
    command = ["restatements", "--store", str(store._log.place), "1", "2", "--format"]
    for form in ("csv", "json"):
        capfdbinary.readouterr()
        assert 0 == main([*command, form])
        said = capfdbinary.readouterr().out
        read = pl.read_csv(said) if form == "csv" else pl.read_json(said)
        assert expected["cost_delta"].cast(pl.Float64).to_list() == read["cost_delta"].to_list()


PEAK = """
import re, sys
from pathlib import Path
import falusage as fu
from falusage._usage import pieces
from falusage.focus import to_focus_in_parts
from falusage.reporting import summary
from falusage.store import _differences as differences, _scanning as scanning
# Files are a sixth as large as a store's, too. So the tables stand for some six times as large.
scanning._ROWS //= 6
pieces.MOST = differences.MOST = pieces.MOST // 6
for place in sys.argv[1:]:
    store = fu.UsageStore(place)
    summary(store, month="2025-02")
    fu.month_outlook(store).collect()
    for part in to_focus_in_parts(store, billing_account_id="a", billing_account_name="A"):
        pass
    for part in store.iter_restatements(0):
        pass
    store.verify()
    # Not ru_maxrss, which a child inherits from the process that started it.
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def test_three_times_as_many_rows_need_about_as_much_memory(tmp_path: Path) -> None:
    """No report, forecast, FOCUS file or comparison has all rows in memory.

    The libraries alone are most of what a small table needs. Where nothing is cut in pieces, three
    times as many rows need 1.3 to 1.4 times as much, else 1.03 to 1.07 times.
    """
    places = [tmp_path / str(rows) for rows in (120_000, 360_000)]
    for place in places:
        write(place, usage_of(int(place.name), seed=0))
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-W", "ignore", "-c", PEAK, *map(str, places)],
        check=True,
        capture_output=True,
        text=True,
    )
    peaks = [int(line) for line in done.stdout.split()]

    assert peaks[1] < 1.2 * peaks[0]
