"""falusage's emulator as fixtures of pytest.

pytest imports this module whenever it starts, in every project that has falusage installed. It is
not in the package, whose import takes as long as that of Polars. A fixture imports the package when
a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from falusage import Emulator, UsageClient


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that says what is served."""
    config.addinivalue_line(
        "markers",
        "fal_usage_api(usage=None, *, edition=4, page_size=1000, latency=0.0, faults=None): "
        "what the fixture of this name serves; the arguments are those of falusage.Emulator",
    )


@pytest.fixture
def fal_usage_api(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """Serve the API on this machine; during the test, falusage and its commands find no other.

    It is a `falusage.Emulator` of the sample, or of what `@pytest.mark.fal_usage_api(...)` says.
    """
    from falusage import Emulator

    mark = request.node.get_closest_marker("fal_usage_api")
    with Emulator(*mark.args, **mark.kwargs) if mark else Emulator() as emulator:
        monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
        monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
        monkeypatch.delenv("FAL_KEY", raising=False)
        yield emulator


@pytest.fixture
def fal_usage_client(fal_usage_api: Emulator) -> Iterator[UsageClient]:
    """Open a client of the API that `fal_usage_api` serves."""
    from falusage import UsageClient

    with UsageClient(fal_usage_api.api_key, base_url=fal_usage_api.base_url) as client:
        yield client
