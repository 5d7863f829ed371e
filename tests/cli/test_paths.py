"""A path on the command line means one place: what is printed is where the file is."""

from __future__ import annotations

import os

import polars as pl
import pytest

RANGE = ("--start", "2025-05-01", "--end", "2025-05-08", "--timeframe", "day")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("out", "there"),
    [
        ("data/../a.parquet", "disk/a.parquet"),
        ("missing/../a.parquet", "a.parquet"),
        ("a%20b\\c\n#.parquet", "a%20b\\c\n#.parquet"),
    ],
)
def test_out(run, environment, out: str, there: str) -> None:
    """Beyond a link, beyond a missing folder, by an odd name: it is written and read there."""
    (environment / "disk" / "data").mkdir(parents=True)
    (environment / "data").symlink_to(environment / "disk" / "data")
    for command in ("load", "snapshot"):
        code, _, err = run(command, *RANGE, "--out", out)
        assert 0 == code
        assert err.endswith(f"{there}\n")
        assert not pl.read_parquet(environment / there, glob=False).is_empty()
        code, printed, _ = run("report", "--snapshot", out)
        assert 0 == code
        assert "USD" in printed
    assert {"disk", "data", there.partition("/")[0]} == set(os.listdir(environment))


@pytest.mark.parametrize("place", ["missing/../kept", "a%20b\\c\nd", "100%25"])
def test_store(run, environment, place: str) -> None:
    """A store is read where it was written."""
    assert 0 == run("sync", "--store", place, *RANGE[:4])[0]
    for command in ("history", "verify", "compact", "vacuum"):
        code, _, err = run(command, "--store", place)
        assert 0 == code, err
    assert [place.rpartition("/")[2]] == os.listdir(environment)
