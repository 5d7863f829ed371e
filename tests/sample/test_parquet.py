"""The committed file is what the command makes, and a wheel carries it where it is looked for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage.sample
from falusage.errors import ConfigError
from falusage.sample import __main__ as command
from falusage.sample import _parquet as parquet
from falusage.sample import sample_path, write_sample

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_command_makes_the_committed_file(tmp_path: Path) -> None:
    """`python -m falusage.sample --out` gives the rows of `data/sample-usage.parquet`, each bit."""
    out = tmp_path / "again.parquet"
    made = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "falusage.sample", "--out", str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    committed = ROOT / "data" / "sample-usage.parquet"
    assert_frame_equal(pl.read_parquet(committed), pl.read_parquet(out), check_exact=True)
    assert f"19,242 rows in {out}\n" == made.stdout
    assert committed.stat().st_size < 250_000


@pytest.mark.slow
def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The file is reproducible, not only its rows."""
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    assert write_sample(first) == write_sample(second)
    assert first.read_bytes() == second.read_bytes()


def test_the_command_wants_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--out` nothing is written anywhere, and the usage is shown."""
    with pytest.raises(SystemExit, match="2"):
        command.main([])
    assert "--out PATH" in capsys.readouterr().err


def test_a_wheel_carries_the_one_copy() -> None:
    """The wheel takes the file from `data/` and lays it beside the module that looks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    targets = project["tool"]["hatch"]["build"]["targets"]
    carried = targets["wheel"]["force-include"]
    assert carried == {"data/sample-usage.parquet": "falusage/sample/sample-usage.parquet"}
    assert "data" in targets["sdist"]["include"]
    assert list((ROOT / "falusage" / "sample").glob("*.parquet")) == []


def test_it_is_found_beside_the_module_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed copy is read where it lies, a checkout's in `data/`, and none is an error."""
    module = tmp_path / "site" / "falusage" / "sample" / "parquet.py"
    module.parent.mkdir(parents=True)
    monkeypatch.setattr(parquet, "__file__", str(module))
    with pytest.raises(ConfigError, match=r"python -m falusage\.sample --out"):
        sample_path()
    data = tmp_path / "site" / "data" / "sample-usage.parquet"
    data.parent.mkdir()
    data.touch()
    assert data == sample_path()
    beside = module.with_name("sample-usage.parquet")
    beside.touch()
    assert beside == sample_path()


def test_the_rooms_names() -> None:
    """What the room offers is listed, sorted, and there."""
    names = falusage.sample.__all__
    assert sorted(names) == names
    assert all(hasattr(falusage.sample, name) for name in names)
