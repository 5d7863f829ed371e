"""The provider's FOCUS report: what can be asked of it, and the request for it.

An invoice is asked for by its month, an estimate by its range. The answer is CSV, which
`falusage.focus` reads; here it is only told apart from JSON and from web pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, NoReturn, TypeVar

from falusage import _clocks as clocks
from falusage._suggestions import did_you_mean
from falusage.api._http.refusal import NotJsonError
from falusage.api.asks import utc_text
from falusage.api.client import UsageClient
from falusage.contract import ACCOUNT_FOCUS, ORGANIZATION_FOCUS, Endpoint, Scope, Timeframe
from falusage.errors import ApiError, BadRequestError, NotFoundError, ProtocolError, QueryError
from falusage.timeframes import instant, month_span

_T = TypeVar("_T")
FocusSource = Literal["invoice", "estimate", "tagged-estimate"]

_ENDPOINTS: Final[dict[Scope, Endpoint]] = {
    "organization": ORGANIZATION_FOCUS,
    "workspace": ACCOUNT_FOCUS,
}
_MOST_CELLS: Final = 10_000_000
"""A report of the largest size has some six million; more would fill the memory."""

_BEGINNING: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(\S?)")
_ESTIMATED: Final = ("start", "end", "timeframe", "bound_to_timeframe")
"""What can be asked only of an estimate, besides the time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusQuery:
    """What to ask of the FOCUS report, checked before anything is sent; see `load_focus`.

    Raises:
        QueryError: A field is invalid, or does not fit the source or the scope.
    """

    month: str | None = None
    billing_month: str | None = None
    start: date | datetime | str | None = None
    end: date | datetime | str | None = None
    source: FocusSource = "invoice"
    scope: Scope = "organization"
    team_username: str | None = None
    timezone: str = "UTC"
    timeframe: Timeframe | None = None
    bound_to_timeframe: bool | None = None
    window: tuple[datetime, datetime] | None = field(init=False, default=None)
    """The range of an estimate."""

    def __post_init__(self) -> None:
        _one_of("scope", self.scope, tuple(_ENDPOINTS))
        for name in ("source", "timeframe"):
            value = getattr(self, name)
            if value is not None or name == "source":
                _one_of(name, value, self.endpoint.parameters[name].choices)
        if type(self.bound_to_timeframe) not in {bool, type(None)}:
            raise QueryError(
                f"bound_to_timeframe is {self.bound_to_timeframe!r}; expected True or False"
            )
        for name in ("month", "billing_month"):
            if (month := getattr(self, name)) is not None:
                _require_month(name, month)
        self._require_team()
        if self.source == "invoice":
            self._require_invoice()
        else:
            object.__setattr__(self, "window", self._estimated())

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that has the report."""
        return _ENDPOINTS[self.scope]

    @property
    def params(self) -> list[tuple[str, str]]:
        """The request's parameters."""
        asked: dict[str, str | None] = {"source": self.source}
        if self.window is None:
            asked |= {"charge_month": self.month, "billing_month": self.billing_month}
        else:
            start, end = map(utc_text, self.window)
            bound = {None: None, True: "true", False: "false"}[self.bound_to_timeframe]
            asked |= {"start": start, "end": end, "timezone": self.timezone}
            asked |= {"timeframe": self.timeframe or "day", "bound_to_timeframe": bound}
        asked["team_username"] = self.team_username
        return [(name, value) for name, value in asked.items() if value is not None]

    def _require_team(self) -> None:
        team = self.team_username
        if team is None:
            return
        if not isinstance(team, str) or not team.strip():
            raise QueryError(f"team_username is {team!r}; expected the name of one team")
        if self.scope == "workspace":
            raise QueryError(
                "team_username is for scope='organization'; a workspace is one team already"
            )

    def _require_invoice(self) -> None:
        for name in _ESTIMATED:
            if getattr(self, name) is not None:
                raise QueryError(
                    f"{name} is for an estimate; an invoice is asked for by its month: use "
                    "month='2025-06', or source='estimate'"
                )
        if self.timezone != "UTC":
            raise QueryError(f"timezone is {self.timezone!r}; an invoice has no other than UTC")
        if (self.month is None) == (self.billing_month is None):
            raise QueryError(
                f"month is {self.month!r} and billing_month is {self.billing_month!r}; expected "
                "one of them: month='2025-06' for the charges incurred then, or "
                "billing_month='2025-07' for the invoices issued then"
            )

    def _estimated(self) -> tuple[datetime, datetime]:
        """Return the range of an estimate, in UTC."""
        if self.billing_month is not None:
            raise QueryError("billing_month is for an invoice; an estimate has not been issued")
        if self.month is not None:
            if self.start is not None or self.end is not None:
                raise QueryError("month and start or end are two ranges; name one")
            return month_span(self.month, timezone=self.timezone)
        if self.start is None or self.end is None:
            raise QueryError("an estimate needs a month, or a start and an end; one is missing")
        start, end = (
            instant(value, timezone=self.timezone, name=name)
            for name, value in (("start", self.start), ("end", self.end))
        )
        most = self.endpoint.most_days or 0
        if not start < end:
            raise QueryError(f"start {utc_text(start)} is not before end {utc_text(end)}")
        if end - start > timedelta(days=most):
            raise QueryError(
                f"the range is {(end - start) / timedelta(days=1):g} days long; an estimate covers "
                f"at most {most}. Ask for it in parts, as by month, and join them with pl.concat"
            )
        return start, end


def fetch_focus(
    asked: FocusQuery, read: Callable[[bytes], _T], *, client: UsageClient | None = None
) -> _T:
    """Fetch a FOCUS report and return what `read` makes of its CSV.

    Args:
        asked: What to ask.
        read: Reads the CSV.
        client: The client to ask with; by default one from the environment.

    Raises:
        ProtocolError: The answer is empty, JSON or a web page.
        ApiError: The exchange failed.
    """
    if client is None:
        with UsageClient() as own:
            return fetch_focus(asked, read, client=own)
    exchange = client.exchange()
    window = None
    if asked.window is not None:
        window = utc_text(asked.window[0]), utc_text(asked.window[1])
    try:
        found = exchange.get(
            asked.endpoint, asked.params, lambda body: read(_csv(body)), window=window
        )
    except (BadRequestError, NotFoundError) as error:
        _advise(error, asked)
    clocks.report(exchange.tally.skew, on_this_machine=exchange.on_this_machine)
    return found


def _csv(body: bytes) -> bytes:
    """Return a body that can be CSV.

    Raises:
        ProtocolError: It is empty, JSON or a web page, or has too many cells.
    """
    found = _BEGINNING.match(body)
    first = found[1] if found else b""
    if not first:
        raise NotJsonError("the answer is empty; expected CSV, which has its header at least")
    if first in b"{[":
        raise ProtocolError("the answer is JSON; expected CSV")
    if first == b"<":
        raise NotJsonError("the answer is a web page; expected CSV")
    if body.count(b",") > _MOST_CELLS:
        raise ProtocolError(f"the answer has more than {_MOST_CELLS:,} cells")
    return body


def _advise(error: ApiError, asked: FocusQuery) -> NoReturn:
    """Raise an error again, with what to do about it."""
    said, advice = str(error.args[0]), ""
    if asked.source == "invoice" and isinstance(error, NotFoundError):
        month = asked.month or asked.billing_month
        advice = (
            f"; if there is no invoice of {month} yet, use source='estimate' (--source estimate)"
        )
    elif asked.source == "invoice" and asked.team_username and "team_username" in said:
        advice = (
            "; an invoice of teams that are billed together cannot be filtered by team: leave out "
            "team_username and compare all teams with tie_out, or ask for source='estimate'"
        )
    if not advice:
        raise error
    facts: dict[str, Any] = vars(error)
    raise type(error)(f"{said}{advice}", **facts) from error.__cause__


def _require_month(name: str, month: object) -> None:
    try:
        month_span(month, timezone="UTC")  # type: ignore[arg-type]
    except QueryError:
        raise QueryError(
            f"{name} is {month!r}; expected a year and a month, as '2025-03'"
        ) from None


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise QueryError(
            f"{name} is {value!r}; expected one of {', '.join(choices)}."
            f"{did_you_mean(str(value), choices)}"
        )
