"""What this room's tests share: the wheel, and folders where installing takes a second."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.release import installed


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return installed.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder on a disk, where uv links to the files of its cache instead of copying them."""
    with tempfile.TemporaryDirectory(dir=Path(sys.executable).parents[1]) as folder:
        yield Path(folder)
