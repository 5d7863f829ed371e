"""A field is one line and a parameter is one line: nothing else needs an edit to carry them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from tests.contract import made_up

PACKAGE = Path(fu.__file__).parent
BEFORE = {
    "    limit: Annotated[\n        int | None,\n": [made_up.PARAMETER],
    '    Field("currency", "key",': [made_up.NUMBER, made_up.LABEL],
}
"""Where the three lines go."""


def _extended(source: str) -> str:
    for place, lines in BEFORE.items():
        assert 1 == source.count(place)
        source = source.replace(place, "".join(f"    {line}\n" for line in lines) + place)
    return source


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the extended copy of the package keeps of the promises, in a fresh interpreter."""
    folder = tmp_path_factory.mktemp("one-place")
    copy = folder / "copy" / "falusage"
    shutil.copytree(PACKAGE, copy)
    declaration = copy / "contract" / "usage.py"
    declaration.write_text(_extended(declaration.read_text("utf-8")), "utf-8")
    with made_up.serving(made_up.table()) as (_emulator, client):
        fu.write_snapshot(client.load(made_up.query()), folder / "before.parquet")
        fu.UsageStore(folder / "store-before").sync(**made_up.DAYS, client=client)
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, made_up.__file__, folder],
        env={**os.environ, "PYTHONPATH": str(copy.parent)},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert 0 == done.returncode, done.stderr
    said = json.loads(done.stdout)
    assert copy == Path(said["package"]).parent
    return said["broken"]


@pytest.mark.slow
@pytest.mark.parametrize("promise", made_up.PROMISES, ids=lambda promise: promise.__name__)
def test_three_lines_are_enough(promise: Any, found: dict[str, str]) -> None:
    """Each promise about the made-up field, label and parameter is kept; see `made_up`."""
    assert "" == found.get(promise.__name__, ""), f"\n{found[promise.__name__]}"
