"""One emulator for the room, whose table each test replaces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from falusage import Emulator, UsageClient


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_ADMIN_KEY", "FAL_KEY", "FALUSAGE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    """One server for all tests."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def client(running: Emulator) -> Iterator[UsageClient]:
    """A client of it; for property tests, too, for it keeps nothing between loads."""
    with UsageClient(running.api_key, base_url=running.base_url) as made:
        yield made


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    """The server, with its settings as they are by default."""
    running.page_size = 1000
    return running
