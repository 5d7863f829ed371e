"""A fault server for a test, and the judge of what a load made of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.fault_catalogue import World
from tests.faults.fault_judge import KEY
from tests.faults.fault_server import FaultServer


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_ADMIN_KEY", "FAL_KEY", "FALUSAGE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def key() -> str:
    """The admin key that the server knows."""
    return KEY


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    """A function that starts a fault server over a world; all are stopped after the test."""
    with contextlib.ExitStack() as stack:

        def start(world: World, **settings: Any) -> FaultServer:
            return stack.enter_context(
                FaultServer(world.rows, key=KEY, **{**world.server, **settings})
            )

        yield start
