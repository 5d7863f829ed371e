"""`doctor`: what a key may read, in plain words, and never the key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from falusage.cli.doctor import EXTRAS
from falusage.contract import DENIED, ENDPOINTS
from tests.cli.running import Run
from tests.faults.fault_server import Answer, FaultServer, Rule

KEY = "0b1d5a2e-fa17:7f3c9e00c0ffee"


@pytest.fixture(scope="module")
def emulator() -> Iterator[fu.Emulator]:
    """The sample, with a key like that of a user."""
    with fu.Emulator(api_key=KEY) as running:
        yield running


@pytest.fixture
def checked(run: Run) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run `doctor`, and return its exit code and its JSON."""

    def checked(*arguments: str) -> tuple[int, dict[str, Any]]:
        code, out, err = run("doctor", "--format", "json", *arguments)
        assert (False, "") == (KEY[:8] in out, err)
        return code, json.loads(out)

    return checked


def status(found: dict[str, Any]) -> dict[str, int]:
    """Return the status of each endpoint that was asked."""
    return {each["path"]: each["status"] for each in found["endpoints"]}


@pytest.mark.slow
def test_the_key_of_an_organization(run: Run, emulator: fu.Emulator) -> None:
    """The page names the variable, the account, each endpoint and the command to run next."""
    code, out, err = run("doctor")
    assert (0, "") == (code, err)
    assert "key         from FAL_ADMIN_KEY, of the usual length (never shown)" in out
    assert f"address     {emulator.base_url}" in out
    assert "name        acme-app-prod" in out
    assert "edition     4" in out
    assert "the server replays the past: 2025-06-24 00:01 UTC" in out
    assert re.search(r"^/organization/usage +200  readable$", out, re.MULTILINE)
    assert f"falusage {version('falusage')}, python 3." in out
    assert out.endswith("NEXT\nThis key reads the usage of all teams:\n  falusage report\n")


@pytest.mark.parametrize(
    ("name", "refused", "advice"),
    [
        (
            "workspace_key",
            {"/organization/usage", "/organization/teams"},
            "This key reads the usage of one workspace: falusage report --scope workspace",
        ),
        (
            "member_key",
            {"/organization/usage", "/organization/teams", "/serverless/usage", "/account/billing"},
            "This key reads only model_apis of one workspace: "
            "falusage report --scope workspace --product model_apis",
        ),
    ],
)
def test_other_keys_have_another_way(  # noqa: PLR0917 - fixtures
    checked: Callable[..., Any],
    emulator: fu.Emulator,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    refused: set[str],
    advice: str,
) -> None:
    """A key of a workspace is led to its scope; each 403 says why."""
    monkeypatch.delenv("FAL_ADMIN_KEY")
    monkeypatch.setenv("FAL_KEY", getattr(emulator, name))
    code, found = checked()
    assert (0, "FAL_KEY") == (code, found["key"]["from"])
    assert refused <= {path for path, code in status(found).items() if code == 403}
    assert 200 == status(found)["/models/usage"]
    said = {each["path"]: each["meaning"] for each in found["endpoints"] if each["status"] == 403}
    assert said == {each.path: DENIED[each.needs] for each in ENDPOINTS if each.path in said}
    assert advice == found["next"]


def test_without_a_key(checked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and sends nothing."""
    monkeypatch.delenv("FAL_ADMIN_KEY")
    code, found = checked()
    assert (1, {"from": None, "length": None}, []) == (code, found["key"], found["endpoints"])
    assert "Set FAL_ADMIN_KEY or FAL_KEY to a key of your account" in found["next"]


@pytest.mark.parametrize(
    ("key", "problem", "paths"),
    [
        ("wrong-key", "the API does not know the key", ["/account/billing"]),
        ("Key and a space", "the key from FAL_ADMIN_KEY is malformed (not shown)", []),
    ],
)
def test_a_wrong_key(
    checked: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    problem: str,
    paths: list[str],
) -> None:
    """One request is enough to know, or none."""
    monkeypatch.setenv("FAL_ADMIN_KEY", key)
    monkeypatch.setenv("FAL_KEY", KEY)
    code, found = checked()
    assert (1, paths) == (code, list(status(found)))
    assert problem in found["problem"]
    assert key not in json.dumps(found)
    assert "Solve the problem above, then run falusage doctor again" == found["next"]


def test_no_network(checked: Callable[..., Any], run: Run) -> None:
    """The first request shows it. A wrong address is reported before any request."""
    code, found = checked("--base-url", "http://127.0.0.1:9/v1")
    assert (1, {"/account/billing": None}) == (code, status(found))
    assert "nobody listens at 127.0.0.1:9" in found["problem"]
    _, found = checked("--base-url", f"http://127.0.0.1:9/{KEY}/v1")
    assert "http://127.0.0.1:9/***/v1" == found["base_url"]
    code, found = checked("--base-url", f"https://user:{KEY}@example.com/v1")
    assert (1, None, []) == (code, found["base_url"], found["endpoints"])
    assert "expected none of these" in found["problem"]


@pytest.mark.parametrize("code", [200, 403])
def test_the_page_of_a_proxy(checked: Callable[..., Any], code: int) -> None:
    """It is recognized, whatever its status."""

    def page(answer: Answer) -> None:
        answer.status = code
        answer.headers["Content-Type"] = "text/html"
        answer.edits.append(lambda _: b"<html><title>Log in</title><body>to the network")

    with FaultServer(key=KEY, rules=[Rule(page)]) as server:
        exit_code, found = checked("--base-url", server.base_url)
    assert (1, [("/account/billing", code)]) == (exit_code, list(status(found).items()))
    assert "a proxy" in found["problem"]
    assert "a proxy or a login page may have sent it" in found["endpoints"][0]["meaning"]


@pytest.mark.parametrize(("edition", "expected"), [(2, "2 or 3"), (4, "4")])
def test_the_edition_shows_in_the_fields(
    checked: Callable[..., Any], edition: Any, expected: str
) -> None:
    """Of a line item of the last month."""
    usage = fu.sample_usage(start="2025-06-20", end="2025-06-24", every="1d").usage
    with fu.Emulator(usage, edition=edition, api_key=KEY) as running:
        running.clock = lambda: datetime(2025, 6, 24, tzinfo=UTC)
        _, found = checked("--base-url", running.base_url)
    assert expected == found["edition"]


def test_a_clock_that_is_wrong(run: Run, emulator: fu.Emulator) -> None:
    """How far it is off, and what to do."""
    clock = emulator.clock
    emulator.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    try:
        _, out, _ = run("doctor")
    finally:
        emulator.clock = clock
    assert re.search(r"the server's is 7,(199|200) s ahead of this machine's; set the wrong", out)


def test_the_extras_are_those_of_the_package() -> None:
    """A new extra is checked, too."""
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))
    named = project["project"]["optional-dependencies"]
    assert {name for name in named if name not in {"all", "bench", "test", "dev"}} == set(EXTRAS)
    for name, modules in EXTRAS.items():
        assert {re.split(r"[\[>=]", each)[0] for each in named[name]} == set(modules)
