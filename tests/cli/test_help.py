"""What `--help` names as a default is what happens without the option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import click
import pytest

import falusage as fu
from falusage.cli import cli

FUNCTIONS: dict[str, list[Callable[..., Any]]] = {
    "load": [fu.UsageQuery, fu.UsageClient],
    "snapshot": [fu.UsageQuery, fu.UsageClient],
    "report": [fu.UsageQuery, fu.UsageClient],
    "sync": [fu.UsageStore.sync, fu.UsageClient],
    "forecast": [fu.forecast, fu.UsageClient],
    "focus": [fu.to_focus, fu.UsageClient],
}
NAMES = {"focus_version": "version"}


def named(command: str, option: str) -> str:
    """Return the default that the help of an option names."""
    with click.Context(cli.commands[command], info_name=command) as context:
        (found,) = (one for one in context.command.params if one.name == option)
        record = found.get_help_record(context)
    assert record is not None
    return re.findall(r"\[default: ([^\]]*)\]", record[1])[0]


@pytest.mark.parametrize("command", FUNCTIONS)
def test_defaults_are_those_of_the_functions(command: str) -> None:
    """An option that a function has, too, has its default."""
    checked = 0
    for option in cli.commands[command].params:
        default = option.get_default(click.Context(cli.commands[command]))
        for function in FUNCTIONS[command] if isinstance(default, str | int) and default else ():
            name = NAMES.get(str(option.name), str(option.name))
            known = inspect.signature(function).parameters.get(name)
            if known is not None and name != "timezone":  # by default that of the coverage
                assert known.default == default, (command, name)
                checked += 1
    assert checked


@pytest.mark.parametrize("command", ["load", "snapshot", "report", "sync", "forecast", "focus"])
def test_the_help_names_the_default_that_is_taken(command: str) -> None:
    """A zone that is UTC is said to be, and so is the number of requests."""
    assert named(command, "timezone").startswith("UTC")
    assert named(command, "workers").startswith("8")


def test_a_store_keeps_the_buckets_that_the_help_names(run) -> None:
    """Days, and not the API's rule, which would be hours for a short range."""
    assert 0 == run("sync", "--store", "kept", "--start", "2025-06-20", "--end", "2025-06-22")[0]

    assert named("sync", "timeframe") == fu.UsageStore("kept").coverage.timeframe


def test_a_report_asks_for_the_range_and_buckets_that_the_help_names(run) -> None:
    """Six months by day, where no start is given."""
    _, out, _ = run("report", "--end", "2025-06-20")

    assert named("report", "start") == "six months, up to the end of the month"
    assert named("report", "timeframe").startswith("day without --start")
    assert "No total of 2025" not in out
    assert "1 – 19 Jun 2025, UTC" in out


def test_only_what_has_a_start_of_its_own_names_one() -> None:
    """The others need one."""
    found = {"report", "forecast"}
    for command in FUNCTIONS:
        (option,) = (one for one in cli.commands[command].params if one.name == "start")
        assert isinstance(option, click.Option)
        assert ("[default:" in str(option.help)) is (command in found)
