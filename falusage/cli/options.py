"""The options that commands share: the query's fields, the client's, and a file of budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from falusage.cli.terminal import say

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient
    from falusage.api.query import UsageQuery
    from falusage.api.receipt import Receipt

_Command = TypeVar("_Command", bound=Callable[..., Any])

_QUERY: Final = (
    click.option(
        "--start",
        metavar="WHEN",
        help="The first instant: 2025-03-01, or 2025-03-01T05:00:00Z. A date is midnight in the "
        "time zone. A report and a forecast of the API have a range of their own without it.",
    ),
    click.option("--end", metavar="WHEN", help="The end, exclusive. [default: now]"),
    click.option(
        "--timezone", default="UTC", show_default=True, metavar="ZONE", help="An IANA time zone."
    ),
    click.option(
        "--timeframe",
        metavar="BUCKET",
        help="minute, hour, day, week or month. [default: the API's rule for the range]",
    ),
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

_TITLES: Final = {"team": "username", "endpoint": "endpoint_id"}
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


def asking(command: _Command) -> _Command:
    """Add the options that make a query and a client."""
    for option in reversed(_QUERY):
        command = option(command)
    return command


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


def say_if_nothing(receipt: Receipt) -> None:
    """Say of an answer without rows which filters it had, since names may be misspelt."""
    fields = ("product", "team_username", "endpoint_id", "api_key_id")
    filters = [
        f"--{field.replace('_', '-')} {' or '.join(named)}"
        for field in fields
        if (named := getattr(receipt.query, field))
    ]
    if filters and not receipt.rows_received:
        say(
            f"nothing matched {' and '.join(filters)} in that range; the API compares names and "
            "ids letter by letter, so compare them with an answer that has no filter"
        )


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


def read_budgets(path: Path) -> pl.DataFrame:
    """Read a CSV of budgets: all is text, as names are, but the column `budget`.

    Raises:
        QueryError: It is no CSV, or a budget is no number.
    """
    import polars as pl

    from falusage.errors import QueryError

    try:
        read = pl.read_csv(path.read_bytes(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise QueryError(f"{path} is no CSV of budgets: {str(error).splitlines()[0]}") from error
    # As every table that is printed calls them.
    named = {title: name for title, name in _TITLES.items() if name not in read.columns}
    read = read.rename(named, strict=False)
    if "budget" not in read.columns:
        return read
    number = pl.col("budget").cast(pl.Float64, strict=False)
    for wrong in read.filter(number.is_null())["budget"].head(1):
        said = "no budget in a row" if wrong is None else f"a budget of {wrong!r}"
        raise QueryError(f"{path} has {said}; expected a number that no comma parts, as 20000.50")
    return read.with_columns(number)
