"""Load the provider's FOCUS report: the invoice of a month, or an estimate of a range."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

import polars as pl

from falusage.api.client import UsageClient
from falusage.api.focus import FocusQuery, FocusSource, fetch_focus
from falusage.contract import Scope, Timeframe
from falusage.focus._reading import read_report


def load_focus(
    month: str | None = None,
    *,
    billing_month: str | None = None,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    source: FocusSource = "invoice",
    scope: Scope = "organization",
    team_username: str | None = None,
    timezone: str = "UTC",
    timeframe: Timeframe | None = None,
    bound_to_timeframe: bool | None = None,
    client: UsageClient | None = None,
) -> pl.DataFrame:
    """Load the provider's FOCUS report of an enterprise account.

    An invoice is asked for by one month. An estimate is asked for by a month or a range.

    Args:
        month: The month in which the charges were incurred, such as `"2025-06"`, even if they are
            on several invoices.
        billing_month: The month in which the invoices were issued, instead; only of an invoice.
        start: The first instant of an estimate, inclusive; a date means midnight in `timezone`.
        end: Its end, exclusive; at most 90 days after the start.
        source: `"invoice"` for finalized charges with credits and tax, `"estimate"` for usage
            that is not invoiced yet and may change, or `"tagged-estimate"`.
        scope: `"organization"` for all teams, with a key of the root team; `"workspace"` for the
            account that the key belongs to. For all teams, `/organization/focus` is asked, and
            never `/account/focus?expand=organization`, which has the same charges.
        team_username: Only this team of the organization. The provider rejects it for an invoice
            of teams that are billed together.
        timezone: The IANA time zone of an estimate's charge periods. `tie_out` needs UTC.
        timeframe: The length of an estimate's charge periods; by default `"day"`.
        bound_to_timeframe: Whether an estimate is widened to whole charge periods; by default the
            provider decides, and widens it.
        client: The client to ask with; by default one from the environment.

    Returns:
        The charges, as `read_focus` returns those of a file. A report without charges has no rows
        and all of its columns.

    Raises:
        QueryError: An argument is invalid, or does not fit the source or the scope.
        ConfigError: The key is missing or malformed, or the address is rejected.
        ApiError: The exchange failed; a `ProtocolError` if the answer is not CSV.
        MissingColumnError: A column that every charge needs is missing.
        SchemaError: The report has an invalid value, or is not whole CSV.

    Example:
        >>> import falusage as fu
        >>> with fu.Emulator() as emulator, fu.UsageClient(
        ...     emulator.api_key, base_url=emulator.base_url
        ... ) as client:
        ...     focus = fu.load_focus("2025-05", client=client)
        >>> sorted(focus["ChargeCategory"].unique())
        ['Credit', 'Tax', 'Usage']
    """
    asked = FocusQuery(
        month=month,
        billing_month=billing_month,
        start=start,
        end=end,
        source=source,
        scope=scope,
        team_username=team_username,
        timezone=timezone,
        timeframe=timeframe,
        bound_to_timeframe=bound_to_timeframe,
    )
    return fetch_focus(asked, partial(read_report, where=asked.endpoint.path), client=client)
