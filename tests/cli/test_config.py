"""`falusage.toml`: what a nightly job repeats, in layers, each value with where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

import falusage as fu
from falusage.cli import _settings, main
from tests.cli.running import Run

SCHEMA = Path(_settings.__file__).with_name("falusage.schema.json")


@pytest.fixture
def own(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(environment / "home"))
    (environment / "home" / "falusage").mkdir(parents=True)
    return environment / "home" / "falusage" / "falusage.toml"


def shown(run: Run) -> dict[str, tuple[str | None, str]]:
    """Return the value and the source of each setting."""
    code, out, err = run("config", "--format", "json")
    assert (0, "") == (code, err)
    return {each["setting"]: (each["value"], each["source"]) for each in json.loads(out)}


def test_each_layer_overrides_the_one_before(
    run: Run, environment: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults, the own file, the project's file, the environment; the source has the line."""
    monkeypatch.delenv("FALUSAGE_BASE_URL")
    own.write_text('workers = 2\ntimeout = 5\nbase_url = "https://a.example/v1"\n')
    project = environment / "falusage.toml"
    project.write_text('# for all of us\nworkers = 3\n\n[sync]\nsettle = "5d"\n')

    found = shown(run)
    assert ("6", "default") == found["max_attempts"]
    assert ("5", f"{own}:2") == found["timeout"]
    assert ("3", f"{project}:2") == found["workers"]
    assert ("5d", f"{project}:5") == found["sync.settle"]
    assert ("https://a.example/v1", f"{own}:3") == found["base_url"]
    assert (None, "default") == found["store"]

    monkeypatch.setenv("FALUSAGE_BASE_URL", "https://b.example/v1")
    assert ("https://b.example/v1", "FALUSAGE_BASE_URL") == shown(run)["base_url"]


def test_a_nightly_job_needs_no_options(run: Run, environment: Path) -> None:
    """Its store is beside the file, wherever it is started from; an option overrides the file."""
    (environment / "falusage.toml").write_text(
        'store = "kept"\ntimezone = "Europe/Berlin"\nformat = "json"\n[sync]\nstart = 2025-06-20\n'
    )
    (environment / "deep" / "er").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(environment / "deep" / "er")
        code, out, _ = run("sync", "--end", "2025-06-22", "--settle", "1d")

    record = json.loads(out)
    assert (0, str(environment / "kept")) == (code, record["store"])
    assert "2025-06-19T22:00:00+00:00" == record["start"]
    code, out, _ = run("verify", "--format", "table")
    assert (0, True) == (code, " is whole: its " in out)
    assert "Europe/Berlin" == fu.UsageStore(environment / "kept").coverage.timezone


def test_the_nearest_file_counts(run: Run, environment: Path) -> None:
    """Of a project's, and `[tool.falusage]` of a pyproject.toml is one; others are passed over."""
    (environment / "falusage.toml").write_text("workers = 1\n")
    inner = environment / "inner"
    (inner / "docs").mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.falusage]\nworkers = 5\n")
    (inner / "docs" / "pyproject.toml").write_text("[project]\nname = 'y'\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inner / "docs")
        assert ("5", f"{inner / 'pyproject.toml'}:4") == shown(run)["workers"]


WRONG = {
    "worker = 3": ":1: worker is an unknown setting. Did you mean 'workers'? falusage config lists",
    "\n[snyc]\nstart = 2025-01-01": ":2: snyc is an unknown setting. Did you mean 'sync'?",
    "[sync]\nsettel = '3d'": ":2: sync.settel is an unknown setting. Did you mean 'sync.settle'?",
    "workers = '3'": ":1: workers is not valid; expected a whole number from 1 up.",
    "workers = true": ":1: workers is not valid; expected a whole number from 1 up.",
    "timeout = 0": ":1: timeout is not valid; expected a positive number.",
    "timeout = inf": ":1: timeout is not valid; expected a positive number.",
    "format = 'jsn'": "expected table, json or csv. Did you mean 'json'?",
    "timeframe = 'daily'": "Did you mean 'day'?",
    "timezone = 'europe/berlin'": "Did you mean 'Europe/Berlin'?",
    "[sync]\nstart = 'soon'": ":2: sync.start is not valid; expected a date, as 2025-04-01",
    "[sync]\nsettle = 3": ":2: sync.settle is not valid; expected a number and m, h, d or w",
    "store = ''": ":1: store is not valid; expected a path or an address, as a text.",
    "base_url = 'api.fal.ai'": ":1: base_url is not valid; expected a URL",
    "base_url = 'https://elsewhere.example/v1'": "a project's file may only name this machine",
    "base_url = 'https://me:pass@127.0.0.1/v1'": "expected a URL without a user",
    "base_url = 'http://[/v1'": ":1: base_url is not valid",
    "workers 3": " is not TOML: ",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_wrong_is_named_with_its_line(
    run: Run, environment: Path, text: str, said: str
) -> None:
    """With the closest name, and before anything is asked; `--help` needs no settings."""
    (environment / "falusage.toml").write_text(text)

    code, out, err = run("load", "--start", "2025-06-01", "--base-url", "http://127.0.0.1:1")

    assert (1, "") == (code, out)
    assert err.startswith(f"error: {environment / 'falusage.toml'}")
    assert said in err
    assert "pass@" not in err
    assert 0 == run("load", "--help")[0]


@pytest.mark.parametrize("name", ["key", "api_key", "FAL_KEY", "fal_admin_key", "token"])
@pytest.mark.parametrize("place", ["falusage.toml", "pyproject.toml"])
def test_a_key_in_a_file_is_an_error_that_does_not_show_it(
    run: Run, environment: Path, name: str, place: str
) -> None:
    """It says where the key belongs."""
    table = "[tool.falusage]\n" if place == "pyproject.toml" else "\n"
    (environment / place).write_text(f'{table}{name} = "0b1d5a2e:7f3c9e00c0ffee"\n')

    code, out, err = run("config")

    assert (1, "") == (code, out)
    assert f"{place}:2: {name} looks like a secret" in err
    assert "set FAL_KEY or FAL_ADMIN_KEY in the environment instead" in err
    assert "7f3c9e" not in err


def test_two_files_in_one_folder_are_an_error(run: Run, environment: Path) -> None:
    """Nobody would know which counts."""
    (environment / "falusage.toml").write_text("workers = 3\n")
    (environment / "pyproject.toml").write_text("[tool.falusage]\nworkers = 4\n")

    code, _, err = run("config")

    assert (1, True) == (code, "both have settings; keep one of them" in err)


def test_what_is_not_ours_is_not_our_business(run: Run, environment: Path) -> None:
    """A broken pyproject.toml of somebody else, a folder of our name, a folder that is gone."""
    (environment / "pyproject.toml").write_text("{{ a template }}")
    (environment / "falusage.toml").mkdir()
    gone = environment / "gone"
    gone.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(gone)
        gone.rmdir()
        assert ("8", "default") == shown(run)["workers"]


def test_a_secret_in_a_variable_is_not_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    """An address with a user is no address; the client says so when it is used."""
    monkeypatch.setenv("FALUSAGE_BASE_URL", "https://me:pass@api.example/v1")

    assert (None, "FALUSAGE_BASE_URL") == shown(run)["base_url"]
    code, _, err = run("load", "--start", "2025-06-01")
    assert (1, True) == (code, "FALUSAGE_BASE_URL has a user" in err)


def test_an_address_of_this_machine_may_be_a_projects(run: Run, environment: Path) -> None:
    """As that of an emulator in CI; one's own file may name any."""
    (environment / "falusage.toml").write_text("base_url = 'http://127.0.0.1:8765/v1'\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FALUSAGE_BASE_URL")
        assert "http://127.0.0.1:8765/v1" == shown(run)["base_url"][0]


def test_python_reads_no_file(environment: Path) -> None:
    """A client takes what it is given, and the variables."""
    (environment / "falusage.toml").write_text("workers = 3\n")

    with fu.UsageClient() as client:
        assert 8 == client.workers


def test_the_schema_of_editors_is_that_of_the_settings(run: Run) -> None:
    """`falusage config schema > falusage/cli/falusage.schema.json` writes the file again."""
    _, out, _ = run("config", "schema")

    assert SCHEMA.read_text("utf-8") == out
    members = json.loads(out)["properties"]
    found = {
        f"{name}.{inner}" if "properties" in member else name
        for name, member in members.items()
        for inner in member.get("properties", [""])
    }
    assert {each.path for each in _settings.SETTINGS} == found
    assert not any("key" in name for name in found)


def test_every_setting_is_the_default_of_an_option() -> None:
    """With the same default, so that no setting is without effect."""
    from falusage.cli import cli

    for each in _settings.SETTINGS:
        commands = [cli.commands[each.table]] if each.table else cli.commands.values()
        found = [
            option.get_default(click.Context(command))
            for command in commands
            for option in command.params
            if option.name == each.parameter
        ]
        assert found, each.path
        assert {each.default} >= {one for one in found if isinstance(one, str | int | float)}
        default = each.default
        assert default is None or not each.problem(default, is_shared=True), each.path


def test_an_unreadable_own_file_is_an_error(own: Path, run: Run) -> None:
    """It is not passed over in silence."""
    own.write_bytes(b"workers = \xff")

    assert 1 == main(["config"])
