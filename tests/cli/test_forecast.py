"""`forecast` prints what the functions say, of the API and of a snapshot, and draws it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import falusage as fu

pytestmark = pytest.mark.slow

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")
PNG = b"\x89PNG"


@pytest.fixture(scope="module", autouse=True)
def usage(emulator: fu.Emulator) -> Iterator[pl.DataFrame]:
    """Two teams' days, one a currency: what the API has during these tests."""
    everyone = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    usage = everyone.filter(pl.col("username").is_in(["acme-voice", "acme-paris"]))
    emulator.replace(usage)
    yield usage
    emulator.replace(everyone)


@pytest.fixture
def kept(environment: Path, usage: pl.DataFrame) -> str:
    """A snapshot of the same days."""
    fu.write_snapshot(usage, "usage.parquet")
    return "usage.parquet"


def test_the_outlook_is_that_of_the_function(run, kept: str) -> None:
    """As JSON with every column, of the API and of a snapshot of the same days alike."""
    expected = fu.month_outlook(fu.read_snapshot(kept), by="username")

    code, out, _ = run("forecast", "--snapshot", kept, "--by", "username", "--format", "json")

    assert 0 == code
    assert expected["projected"].to_list() == [row["projected"] for row in json.loads(out)]
    assert (0, out) == run("forecast", *RANGE, "--by", "username", "--format", "json")[:2]


def test_budgets_are_read_and_the_picture_is_drawn(run, kept: str) -> None:
    """A table of text says the chance and the day; the file is a picture."""
    Path("budgets.csv").write_text("username,currency,budget\nacme-voice,USD,3000\n", "utf-8")

    code, out, err = run(
        "forecast", "--snapshot", kept, "--by", "username", "--budgets", "budgets.csv",
        "--out", "ahead.png",
    )  # fmt: skip

    assert 0 == code
    assert "2025-06, as of 2025-06-24 00:00 UTC" == out.splitlines()[0]
    assert re.search(r"3,000\.00 USD +99\.\d%", out)
    assert "2025-06-2" in out
    assert "drawn in ahead.png" in err
    assert Path("ahead.png").read_bytes().startswith(PNG)


def test_a_horizon_prints_periods_and_their_track_record(run, kept: str) -> None:
    """As csv with every column; the track record says which model was chosen."""
    code, out, _ = run("forecast", "--snapshot", kept, "--horizon", "3", "--format", "csv")
    assert 0 == code
    assert 3 * 2 == pl.read_csv(out.encode()).height

    asked = ("forecast", "--snapshot", kept, "--horizon", "3", "--backtest")
    code, out, _ = run(*asked, "--out", "track.svg")
    assert 0 == code
    assert 2 == out.count("chosen")
    assert "in 80% band" in out
    assert "in backtest" in Path("track.svg").read_text("utf-8")


def test_a_forecast_says_in_words_what_the_model_does_and_whether_its_bands_held(
    run, kept: str, environment: Path
) -> None:
    """Of one series as a sentence, of several as a column."""
    fu.write_snapshot(fu.read_snapshot(kept).filter(pl.col("currency") == "USD"), "usd.parquet")

    _, one, _ = run("forecast", "--snapshot", "usd.parquet")
    _, several, _ = run("forecast", "--snapshot", kept)

    assert "In the past, the 80% band held" in one
    assert "weekly pattern" in one
    assert "80% band held" in several.splitlines()[1]


def test_days_can_be_excluded_and_costs_be_known(run, kept: str) -> None:
    """As the function takes them; the spend so far stays what it was."""
    Path("known.csv").write_text("period,currency,cost\n2025-06-27,USD,20000\n", "utf-8")
    usage = fu.read_snapshot(kept)
    known = pl.DataFrame(
        {"period": [datetime(2025, 6, 27, tzinfo=UTC)], "currency": ["USD"], "cost": [20_000.0]}
    )
    days = [("2025-06-01", "2025-06-03"), ("2025-06-10", "2025-06-11")]
    expected = fu.month_outlook(usage, exclude=days, known=known)

    code, out, _ = run(
        "forecast", "--snapshot", kept, "--format", "json", "--known", "known.csv",
        "--exclude", "2025-06-01/2025-06-03", "--exclude", "2025-06-10",
    )  # fmt: skip

    assert 0 == code
    assert expected["projected"].to_list() == [row["projected"] for row in json.loads(out)]
    code, out, _ = run(
        "forecast", "--snapshot", kept, "--horizon", "3", "--format", "csv",
        "--exclude", "anomalies", "--out", "calm.png",
    )  # fmt: skip
    assert 0 == code
    calm = fu.forecast(usage, horizon=3, exclude="anomalies")
    assert calm["cost"].to_list() == pl.read_csv(out.encode())["cost"].to_list()
    assert Path("calm.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("period,currency\n", "no title 'cost' among 'period', 'currency'"),
        ("period,currency,cost\n1 July,USD,5\n", "the period is '1 July'; expected a day"),
        ("period,currency,cost\n2025-07-01,USD,5.000\n", "means two amounts in two countries"),
    ],
)
def test_known_costs_of_another_form_are_rejected(run, kept: str, text: str, message: str) -> None:
    """With the line, the cell and what was expected."""
    Path("known.csv").write_text(text, "utf-8")

    code, out, err = run("forecast", "--snapshot", kept, "--known", "known.csv")

    assert (2, "") == (code, out)
    assert message in " ".join(err.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--horizon", "0"), "0 is not in the range"),
        (("--backtest",), "--backtest needs a --horizon"),
        (("--horizon", "3", "--month", "2025-06"), "takes no --month"),
        (("--every", "1w"), "add --horizon"),
        (("--exclude", "June"), "expected a day as 2025-06-01, a range as 2025-06-01/2025-06-03"),
        (("--known", "500"), "no file 500; expected a .csv with a line of titles such as period"),
        (("--out", "a.html"), "does not end in .png, .svg or .pdf"),
        (("--store", "b"), "name one"),
        (("--month", "June"), "month is 'June'"),
        (("--workers", "2"), "it takes no --workers"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(
    run, kept: str, arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 2, and why."""
    code, out, err = run("forecast", "--snapshot", kept, *arguments)

    assert (2, "") == (code, out)
    assert said in err


def test_a_store_is_named_where_a_query_is_refused(run) -> None:
    """What is read as it is, is what was named."""
    code, out, err = run("forecast", "--store", "kept", "--timeframe", "day")

    assert (2, "") == (code, out)
    assert "--store is read as it is; it takes no --timeframe" in err


def test_too_little_history_is_refused(run) -> None:
    """Exit code 1, and what it needs."""
    code, out, err = run("forecast", "--start", "2025-06-01", "--end", "2025-06-11")

    assert (1, "") == (code, out)
    assert "needs at least two weeks" in err


def test_the_budget_of_a_team_is_not_a_total(run, kept: str) -> None:
    """It is asked by its own names; whose it is cannot be left out of account."""
    Path("budgets.csv").write_text("username,currency,budget\nacme-voice,USD,3000\n", "utf-8")
    Path("teams.csv").write_text("team,currency,budget\nacme-voice,USD,3000\n", "utf-8")
    asked = ("forecast", "--snapshot", kept, "--budgets")

    named = run(*asked, "budgets.csv", "--by", "username")
    assert 0 == named[0]
    assert named == run(*asked, "budgets.csv") == run(*asked, "teams.csv")

    code, out, err = run(*asked, "budgets.csv", "--by", "product")
    assert (1, "") == (code, out)
    assert "no column 'product'" in err


def test_a_range_goes_on_after_its_last_row(
    run, emulator: fu.Emulator, usage: pl.DataFrame
) -> None:
    """What ended in May costs nothing in June, whether the answer is kept or not."""
    ended = usage.filter(pl.col("bucket") < pl.datetime(2025, 5, 25, time_zone="UTC"))
    emulator.replace(ended)
    try:
        asked = run("forecast", *RANGE, "--month", "2025-06")
        assert 0 == run("snapshot", *RANGE, "--out", "ended.parquet")[0]
    finally:
        emulator.replace(usage)
    code, out, _ = run("forecast", "--snapshot", "ended.parquet", "--month", "2025-06")

    assert (0, out) == asked[:2] == (code, out)
    assert "2025-06, as of 2025-06-24 00:00 UTC" == out.splitlines()[0]
    spent = [line.split()[0] for line in out.splitlines()[2:]]
    assert {"0.00"} == set(spent)


@pytest.mark.filterwarnings("ignore::falusage.errors.IncompletePeriodWarning")
def test_tables_know_their_own_time_zone(run) -> None:
    """A month is that of the zone which a snapshot or a store was read in, unless one is named."""
    zoned = ("--start", "2025-05-01", "--end", "2025-06-20", "--timezone", "Asia/Tokyo")
    hours = fu.sample_usage(start="2025-04-30", end="2025-06-21", every="1h").usage
    with fu.Emulator(hours.filter(pl.col("username") == "acme-voice")) as hourly:
        where = ("--base-url", hourly.base_url, "--timeframe", "hour")
        assert 0 == run("snapshot", *zoned, *where, "--out", "zoned.parquet")[0]
        assert 0 == run("sync", *zoned, *where, "--store", "zoned")[0]
    expected = fu.month_outlook(
        fu.read_snapshot("zoned.parquet"), month="2025-06", timezone="Asia/Tokyo"
    )

    for source in (("--snapshot", "zoned.parquet"), ("--store", "zoned")):
        ask = ("forecast", *source, "--month", "2025-06", "--format", "json")
        code, out, _ = run(*ask)
        assert 0 == code
        assert expected["spent"].to_list() == [row["spent"] for row in json.loads(out)]
        code, other, _ = run(*ask, "--timezone", "UTC")
        assert expected["spent"].to_list() != [row["spent"] for row in json.loads(other)]


@pytest.mark.filterwarnings("ignore::falusage.errors.IncompletePeriodWarning")
def test_a_store_of_an_open_day_alone_knows_its_zone(run) -> None:
    """Nothing of it has ended, and it is not of UTC; without any rows there is nothing to say."""
    now, zone = datetime(2025, 6, 10, 12, tzinfo=UTC), "America/New_York"
    usage = fu.sample_usage(start="2025-06-10", end="2025-06-11", every="1h").usage
    with fu.Emulator(usage.filter(pl.col("bucket") < now)) as today:
        today.clock = lambda: now
        asked = ("--start", "2025-06-10", "--timezone", zone, "--base-url", today.base_url)
        assert 0 == run("sync", "--store", "open", *asked)[0]
        today.replace(usage.clear())
        assert 0 == run("sync", "--store", "empty", *asked)[0]

    code, out, err = run("report", "--store", "open")
    assert (0, "") == (code, err)
    assert f"10 Jun 2025, {zone}" in out
    code, _, err = run("report", "--store", "empty")
    assert (1, True) == (code, "empty is empty: no bucket that it asks for has ended" in err)


def test_a_store_with_a_gap_is_refused(run) -> None:
    """Time that was never read is not time without spend."""
    assert 0 == run("sync", "--store", "gap", "--start", "2025-05-01", "--end", "2025-05-20")[0]
    code, _, err = run("sync", "--store", "gap", "--start", "2025-05-25", "--end", "2025-06-24")
    lacks = "lacks 2025-05-20T00:00:00+00:00 to 2025-05-25T00:00:00+00:00"
    assert 0 == code
    assert f"the store {lacks}" in err

    code, out, err = run("forecast", "--store", "gap", "--horizon", "3")
    assert (1, "") == (code, out)
    assert f"the table {lacks}, so a sum over it would be too small" in err

    code, _, err = run("sync", "--store", "gap", "--start", "2025-05-01", "--end", "2025-06-24")
    assert (0, False) == (code, "lacks" in err)
    assert 0 == run("forecast", "--store", "gap")[0]
