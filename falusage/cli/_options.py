"""The options that commands share: the query's fields, and the client's."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from falusage.cli._completion import one_of, zones
from falusage.cli._logging import is_logging
from falusage.cli._settings import CLIENT, setting
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import say, say_data
from falusage.contract import ASKED, END, START, Parameter, Scope

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient
    from falusage.api.load import UsageLoad
    from falusage.api.query import UsageQuery

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FIRST: Final = "1970-01-01"
LAST: Final = "9000-01-01"
"""The end of the longest range, with which options are checked before the server is asked."""

_OWN_WORDS: Final = {
    "start": "The first instant: 2025-03-01, or 2025-03-01T05:00:00Z. A date means midnight in the "
    "time zone.",
    "end": "The end, exclusive.",
    "timezone": "An IANA time zone.",
}
"""The help of options that differ from the API, or have an example."""

BASE_URL: Final = click.option(
    "--base-url",
    metavar="URL",
    help=f"{setting('base_url').help} [default: FALUSAGE_BASE_URL]",
)


_WAYS: Final = {
    "invalid": click.option(
        "--invalid",
        type=OneOf(["raise", "quarantine"]),
        default="raise",
        show_default=True,
        help="What to do with rows that break the table's rules: reject the load, or leave these "
        "rows out and list them as JSON lines, with the rules that each broke.",
    ),
    "reconcile": click.option(
        "--reconcile",
        type=OneOf(["raise", "warn", "off"]),
        default="raise",
        show_default=True,
        help="What to do if rows differ from the API's own totals: reject the load, or warn. off "
        "does not fetch the totals.",
    ),
}


def asking(
    asked: Mapping[str, Parameter] = ASKED, *, but: Sequence[str] = (), **defaults: str
) -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options that make a query and a client.

    Args:
        asked: What the command can ask besides the range.
        but: Parameters that the command does not have.
        **defaults: The text of the default of an option.
    """
    parameters = {"start": START, "end": END, **asked}
    defaults = {"end": "now, by the server's clock"} | defaults
    query = [
        _option(name, parameter, defaults.get(name), has_zone="timezone" in asked)
        for name, parameter in parameters.items()
        if name not in but
    ]
    ways = [option for name, option in _WAYS.items() if name not in but]

    def added(command: _Command) -> _Command:
        for option in reversed((*query, *ways, *_client_options())):
            command = option(command)
        return command

    return added


def _client_options() -> Iterator[Callable[[_Command], _Command]]:
    """Yield the options that are arguments of the client."""
    for name in CLIENT:
        of = setting(name)
        kind = click.IntRange(1) if of.kind == "whole" else click.FloatRange(0, min_open=True)
        taken: dict[str, Any] = {"type": kind, "default": of.default, "show_default": True}
        written = click.option(option_name(name), help=of.help, **taken)
        yield BASE_URL if name == "base_url" else written


def _option(
    name: str, parameter: Parameter, default: str | None, *, has_zone: bool
) -> Callable[[_Command], _Command]:
    """Return the option of a declared parameter, with the text of its default."""
    written = f"--{parameter.short or name.replace('_', '-')}"
    words = _OWN_WORDS.get(name, parameter.help)
    if not has_zone:
        words = words.replace("the time zone", "UTC")
    if default is not None:
        words = f"{words.partition(' By default,')[0]} [default: {default}]"
    elif type(parameter.default) is str:
        words = f"{words} [default: {parameter.default}]"
    taken: dict[str, Any] = {"help": words}
    if parameter.kind == "switch":
        written = f"{written}/{written.replace('--', '--no-', 1)}"
        taken |= {"default": parameter.default, "show_default": True}
    elif parameter.kind == "expand":
        taken |= {"is_flag": True}
    elif parameter.kind == "names":
        taken["help"] += " Repeat it for several."
        completed = one_of(lambda: parameter.choices)
        taken |= {"multiple": True, "metavar": parameter.metavar, "shell_complete": completed}
        if name == "api_key_id":
            taken["callback"] = _require_ids
    else:
        taken |= _value_of(parameter)
    both = (written, f"--{name.replace('_', '-')}") if parameter.short else (written,)
    return click.option(*both, name, **taken)


def _value_of(parameter: Parameter) -> dict[str, Any]:
    """Return how the option of a single value is read and completed."""
    if parameter.kind == "count":
        return {"type": int, "metavar": parameter.metavar}
    completed = one_of(zones if parameter.kind == "zone" else lambda: parameter.choices)
    return {
        "default": parameter.default,
        "metavar": parameter.metavar,
        "shell_complete": completed,
    }


def _require_ids(
    context: click.Context, option: click.Parameter, ids: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the ids of keys, or reject a whole key without printing it."""
    if any(":" in each for each in ids):
        raise click.BadParameter(
            "it takes the id of a key, without its secret. It filters; the key itself comes from "
            "FAL_ADMIN_KEY or FAL_KEY.",
            context,
            option,
        )
    return ids


def option_name(parameter: str) -> str:
    """Return the option of a parameter: its shorter name if it has two.

    >>> option_name("team_username"), option_name("base_url")
    ('--team', '--base-url')
    """
    declared = ASKED.get(parameter)
    return f"--{(declared and declared.short) or parameter.replace('_', '-')}"


def make_query(
    options: dict[str, Any],
    client: UsageClient,
    *,
    usual: Callable[[datetime, str], tuple[datetime, datetime]] | None = None,
) -> UsageQuery:
    """Return the query. Without --end, it ends now, by the clock of the server.

    So the default range is the server's present: it is right even if this machine's clock is not,
    and of `falusage serve` it is where the sample ends. If the server does not tell its time, this
    machine's clock is used.

    Args:
        options: The options of the command.
        client: The client to ask for the time.
        usual: Returns the range without --start, from its end and the time zone.

    Raises:
        UsageError: There is no start.
        QueryError: An option is invalid. The server is not asked then.
        ApiError: The server cannot be asked.
    """
    from falusage.api.query import UsageQuery
    from falusage.timeframes import instant

    fields = {"start": options["start"], "end": options["end"], **query_fields(options)}
    if fields["start"] is None and usual is None:
        raise click.MissingParameter(param_type="option", param_hint="'--start'")
    asked = [name for name in ("start", "end") if fields[name] is not None]
    if fields["end"] is None:
        longest: dict[str, Any] = {**fields, "start": fields["start"] or _FIRST, "end": LAST}
        UsageQuery(**longest)
        fields["end"] = present(client, fields["scope"])
    if fields["start"] is None and usual is not None:
        end = instant(fields["end"], timezone=fields["timezone"], name="end")
        fields["start"], fields["end"] = usual(end, fields["timezone"])
    query = UsageQuery(**fields)
    _say_if_wider(query, {name: fields[name] for name in asked})
    return query


def present(client: UsageClient, scope: Scope) -> datetime:
    """Return the present by the server's clock, or by this machine's if it does not tell."""
    return client.server_time(scope) or datetime.now(UTC)


def _say_if_wider(query: UsageQuery, given: dict[str, Any]) -> None:
    from falusage.timeframes import instant, zone

    asked = (instant(at, timezone=query.timezone, name=name) for name, at in given.items())
    if list(asked) != [getattr(query, name) for name in given]:
        ends = (at.astimezone(zone(query.timezone)).isoformat() for at in (query.start, query.end))
        say(f"the range is widened to whole buckets of a {query.timeframe}: {' to '.join(ends)}")


def query_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are parameters of a query, besides the range."""
    return {name: options[name] for name in ASKED if name in options}


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to do with invalid rows, and with a difference from the API's totals."""
    return {name: options[name] for name in ("invalid", "reconcile")}


@contextmanager
def open_client(options: Mapping[str, Any]) -> Generator[UsageClient]:
    """Open a client with a progress bar; the key comes from the environment.

    Messages name the options of the command line.
    """
    from falusage.api import ways
    from falusage.api.client import UsageClient

    with (
        ways.advising(
            rows="--invalid quarantine loads the other rows, and lists these",
            keys="Try again, or load the rows with --reconcile warn",
        ),
        UsageClient(
            progress=not is_logging(), **{name: options[name] for name in CLIENT}
        ) as client,
    ):
        yield client


def load_with(client: UsageClient, query: UsageQuery, options: Mapping[str, Any]) -> UsageLoad:
    """Run a query, and print on stderr what was let through."""
    loaded = client.load(query, **check_options(options))
    say_let_through(loaded.quarantine, options)
    return loaded


def say_let_through(quarantine: pl.DataFrame | None, options: Mapping[str, Any]) -> None:
    """Print rejected rows on stderr as JSON lines, and warn if totals were not compared."""
    from falusage.snapshot import quarantine_lines

    if options["reconcile"] == "off":
        say("warning: not compared with the API's totals, because of --reconcile off")
    for line in () if quarantine is None else quarantine_lines(quarantine):
        say_data(f"{line}\n")


def is_given(context: click.Context, name: str) -> bool:
    """Return whether an option was given."""
    return context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def given_timezone(context: click.Context, options: Mapping[str, Any]) -> str | None:
    """Return the time zone if it was given; None means that of the table."""
    return options["timezone"] if is_given(context, "timezone") else None


def reject_query(
    context: click.Context,
    options: dict[str, Any],
    *,
    source: str = "--snapshot",
    but: Sequence[str] = (),
) -> None:
    """Raise if an option of a query is given together with a snapshot or a store.

    Raises:
        UsageError: An option of a query or of the client was given that is not in `but`.
    """
    for name in options:
        if name not in but and is_given(context, name):
            raise click.UsageError(f"{source} is read as it is; it takes no {option_name(name)}")
