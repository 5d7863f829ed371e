"""`verify`, `compact` and `vacuum`: a store kept sound from the command line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import falusage as fu

RANGE = ("--store", "kept", "--start", "2025-05-01")
STORE = ("--store", "kept")


@pytest.fixture
def kept(run, environment) -> Path:
    """A store of two syncs, each of a week, and a file of somebody else in it."""
    for end in ("2025-05-08", "2025-05-15"):
        assert 0 == run("sync", *RANGE, "--end", end)[0]
    (environment / "kept" / "budget.csv").write_text("username,budget\n")
    return environment / "kept"


def leftover(kept: Path, *, days: float) -> Path:
    """Leave what a sync that was killed leaves."""
    file = next(kept.glob("2025-05/*.parquet")).with_name(f".falusage-{'0a' * 8}.tmp")
    file.write_bytes(b"rows")
    then = time.time() - days * 86400
    os.utime(file, (then, then))
    return file


def test_verify(run, kept) -> None:
    """A store that is whole says so with its rows; a flipped bit is refused by name."""
    rows = fu.UsageStore("kept").verify()
    code, out, err = run("verify", *STORE)
    assert (0, "") == (code, err)
    assert f"kept is whole: its {rows:,} rows add up to the totals in its log\n" == out

    file = next(kept.glob("2025-05/*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    code, out, err = run("verify", *STORE)
    assert (1, "") == (code, out)
    assert file.name in err
    assert "is damaged" in err


def test_compact(run, kept) -> None:
    """Files are merged once, and the new version is named; the rows stay."""
    rows = fu.UsageStore("kept").verify()
    assert (0, "merged: version 3 of kept\n", "") == run("compact", *STORE)
    assert (0, "kept has nothing to merge\n", "") == run("compact", *STORE)
    assert rows == fu.UsageStore("kept").verify()
    assert (kept / "budget.csv").exists()


def test_vacuum_lists_and_then_deletes(run, kept) -> None:
    """Nothing goes without --yes; then what was listed does, and nothing else."""
    file = leftover(kept, days=8)
    path = f"2025-05/{file.name}\n"
    code, out, err = run("vacuum", *STORE)
    assert (0, path) == (code, out)
    assert "1 file of kept would be deleted; run this again with --yes" in err
    assert file.exists()

    assert (0, path, "deleted 1 file of kept\n") == run("vacuum", *STORE, "--yes")

    assert not file.exists()
    assert (kept / "budget.csv").exists()
    assert (0, "", "nothing to delete in kept\n") == run("vacuum", *STORE, "--yes")
    assert 0 == run("verify", *STORE)[0]


def test_vacuum_takes_ages(run, kept) -> None:
    """A younger file goes only if asked, and versions are let go of only if asked."""
    file = leftover(kept, days=1)
    assert "" == run("vacuum", *STORE)[1]
    assert f"2025-05/{file.name}\n" == run("vacuum", *STORE, "--orphans", "12h")[1]
    run("compact", *STORE)
    assert f"2025-05/{file.name}\n" == run("vacuum", *STORE, "--orphans", "0h")[1]
    aged = ("--older-than", "0d", "--orphans", "0h")
    listed = run("vacuum", *STORE, *aged)[1]
    assert 3 == len(listed.splitlines())
    assert listed == run("vacuum", *STORE, *aged, "--yes")[1]
    assert 0 == run("verify", *STORE)[0]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("verify",), 2, "--store"),
        (("compact",), 2, "--store"),
        (("vacuum",), 2, "--store"),
        (("verify", *STORE), 1, "there is no store at"),
        (("compact", *STORE), 1, "there is no store at"),
        (("vacuum", *STORE, "--yes"), 1, "there is no store at"),
        (("vacuum", *STORE, "--older-than", "soon"), 2, "older_than is 'soon'"),
        (("vacuum", *STORE, "--orphans", "7"), 2, "orphans is '7'"),
        (("verify", "--store", "s3://bucket/#frag"), 1, "'#'"),
    ],
)
def test_refusals(run, environment, arguments: tuple[str, ...], code: int, said: str) -> None:
    """One message on stderr that says what is wrong, nothing on stdout, nothing written."""
    found, out, err = run(*arguments)
    assert (code, "") == (found, out)
    assert said in err
    assert "Traceback" not in err
    assert [] == list(environment.iterdir())
