"""An organization to sync from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World, organization


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """An organization that has spent nothing yet."""
    with organization() as world:
        yield world
