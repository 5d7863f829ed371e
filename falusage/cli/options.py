"""The options that commands share: the query's fields, and the client's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from falusage.cli.terminal import say

if TYPE_CHECKING:
    from falusage.api.client import UsageClient
    from falusage.api.query import UsageQuery

_Command = TypeVar("_Command", bound=Callable[..., Any])

_QUERY: Final = (
    click.option("--end", metavar="WHEN", help="The end, exclusive. [default: now]"),
    click.option(
        "--product",
        multiple=True,
        metavar="NAME",
        help="Only model_apis, serverless or compute. Repeat it for several, as all below.",
    ),
    click.option("--team-username", multiple=True, metavar="NAME", help="Only these teams."),
    click.option("--endpoint-id", multiple=True, metavar="ID", help="Only these endpoints."),
    click.option("--api-key-id", multiple=True, metavar="ID", help="Only these keys, by their id."),
    click.option("--auth-method", is_flag=True, help="Ask who called, too."),
    click.option("--limit", type=int, metavar="N", help="The most items on a page."),
    click.option(
        "--base-url", metavar="URL", help="Where the API lives. [default: FALUSAGE_BASE_URL]"
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        default=8,
        show_default=True,
        help="Requests under way at once.",
    ),
)

FILE: Final = click.Path(dir_okay=False, path_type=Path)


class OutFile(click.Path):
    """A file to be written, of a kind that its name says; its place is looked at at once."""

    def __init__(self, *endings: str, otherwise: str = "") -> None:
        """Take the endings that are known, and what to do who wants another."""
        super().__init__(dir_okay=False, path_type=Path)
        self._endings, self._otherwise = endings, otherwise

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Give the path, or refuse it before anything is fetched."""
        from falusage.storage.atomic import require_place

        path = cast("Path", super().convert(value, param, ctx))
        if path.suffix not in self._endings:
            *others, last = self._endings
            endings = f"{', '.join(others)} or {last}" if others else last
            self.fail(f"{path} does not end in {endings}{self._otherwise}", param, ctx)
        place = require_place(path)
        return place if ".." in path.parts else path  # what is printed is where the file is


def asking(
    *,
    start: str | None = None,
    timeframe: str = "the API's rule for the range",
    timezone: str = "UTC",
) -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options that make a query and a client.

    Args:
        start: What a command does without `--start`, in words; None says nothing.
        timeframe: What it asks for without `--timeframe`, in words.
        timezone: Which zone it takes without `--timezone`, in words.
    """
    instead = "" if start is None else f" [default: {start}]"
    own = (
        click.option(
            "--start",
            metavar="WHEN",
            help="The first instant: 2025-03-01, or 2025-03-01T05:00:00Z. A date is midnight in "
            f"the time zone.{instead}",
        ),
        click.option(
            "--timezone",
            default="UTC",
            metavar="ZONE",
            help=f"An IANA time zone. [default: {timezone}]",
        ),
        click.option(
            "--timeframe",
            metavar="BUCKET",
            help=f"minute, hour, day, week or month. [default: {timeframe}]",
        ),
    )

    def added(command: _Command) -> _Command:
        for option in reversed((own[0], _QUERY[0], *own[1:], *_QUERY[1:])):
            command = option(command)
        return command

    return added


def query_of(options: dict[str, Any]) -> UsageQuery:
    """Make the query; an `end` that is left out is now, decided once.

    Raises:
        UsageError: There is no start.
        QueryError: The question cannot be asked.
    """
    from falusage.api.query import UsageQuery

    fields = {name: value for name, value in options.items() if name not in ("base_url", "workers")}
    if fields["start"] is None:
        raise click.MissingParameter(param_type="option", param_hint="'--start'")
    given = {name: fields[name] for name in ("start", "end") if fields[name] is not None}
    fields["end"] = fields["end"] or datetime.now(UTC)
    query = UsageQuery(**fields)
    _say_if_wider(query, given)
    return query


def _say_if_wider(query: UsageQuery, given: dict[str, Any]) -> None:
    from falusage.timeframes import instant, zone

    asked = (instant(at, timezone=query.timezone, name=name) for name, at in given.items())
    if list(asked) != [getattr(query, name) for name in given]:
        ends = (at.astimezone(zone(query.timezone)).isoformat() for at in (query.start, query.end))
        say(f"the range is widened to whole buckets of a {query.timeframe}: {' to '.join(ends)}")


def client_of(options: dict[str, Any]) -> UsageClient:
    """Make the client, with a bar; the key comes from the environment."""
    from falusage.api.client import UsageClient

    return UsageClient(base_url=options["base_url"], workers=options["workers"], progress=True)


def is_given(context: click.Context, name: str) -> bool:
    """Tell whether an option was given, and not left at what it is by default."""
    return context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def refuse_query(
    context: click.Context,
    options: dict[str, Any],
    *,
    source: str = "--snapshot",
    but: Sequence[str] = (),
) -> None:
    """Refuse a query beside a snapshot or a store, which is read as it is.

    Raises:
        UsageError: One of the options was given that make a query or a client.
    """
    for name in options:
        if name not in but and is_given(context, name):
            raise click.UsageError(
                f"{source} is read as it is; it takes no --{name.replace('_', '-')}"
            )
