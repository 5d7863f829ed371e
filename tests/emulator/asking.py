"""Ask an emulator over its port, as its admin."""

from __future__ import annotations

from typing import Any

import requests

from falusage.emulator import Emulator


def ask(emulator: Emulator, *, accept: str = "gzip", **parameters: Any) -> requests.Response:
    """Return the answer of the usage endpoint, in an encoding that the caller accepts."""
    return requests.get(
        f"{emulator.base_url}/organization/usage",
        params=parameters,
        headers={"Authorization": f"Key {emulator.api_key}", "Accept-Encoding": accept},
        timeout=60,
    )


def pages(emulator: Emulator, **parameters: Any) -> list[dict[str, Any]]:
    """Ask, follow the cursors to the end, and return each page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = ask(emulator, **parameters)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        assert found[-1]["has_more"] is (found[-1]["next_cursor"] is not None)
        if not found[-1]["has_more"]:
            return found
        parameters["cursor"] = found[-1]["next_cursor"]


def items(emulator: Emulator, **parameters: Any) -> list[tuple[str, dict[str, Any]]]:
    """Ask, follow the cursors, and return each item beside its bucket."""
    return [
        (bucket["bucket"], item)
        for page in pages(emulator, **parameters)
        for bucket in page["time_series"]
        for item in bucket["results"]
    ]
