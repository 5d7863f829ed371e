"""Billing events, declared: one row for each request to a model API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypedDict, get_args

from falusage.contract.endpoints import WORKSPACE, Endpoint, declared
from falusage.contract.fields import MOMENT, NUMBER, WHOLE, Field
from falusage.contract.parameters import Names, Parameter
from falusage.contract.usage import ASKED, CALLERS, CURSOR, END, MOST_IDS, SCOPES, START, Scope

if TYPE_CHECKING:
    import polars as pl

EventSource = Literal["billed", "tagged-billed"]


def _names(name: str, help_: str, *, metavar: str = "ID") -> Parameter:
    short = ASKED[name].short if name in ASKED else ""
    return Parameter(
        kind="names", default=(), column=name, most=MOST_IDS, metavar=metavar, help=help_,
        short=short,
    )  # fmt: skip


class EventFields(TypedDict, total=False):
    """What can be asked of billing events besides the range."""

    scope: Annotated[
        Scope,
        Parameter(
            kind="choice", choices=SCOPES, default="organization", metavar="SCOPE",
            help="Whose events: those of all teams of an organization, or of one workspace.",
        ),
    ]  # fmt: skip
    endpoint_id: Annotated[Names, _names("endpoint_id", "Only these endpoints.")]
    request_id: Annotated[Names, _names("request_id", "Only these requests.")]
    api_key_id: Annotated[Names, _names("api_key_id", "Only these keys, by their id.")]
    team_username: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="username", metavar="NAME",
            short="team", help="Only these teams, of an organization.",
        ),
    ]  # fmt: skip
    login_username: Annotated[
        Names,
        _names("login_username", "Only calls of these logins, of a workspace.", metavar="NAME"),
    ]
    tag: Annotated[
        Names,
        Parameter(
            kind="names", default=(), most=10, splits=False, pattern=".+=.+", metavar="KEY=VALUE",
            help="Only calls with these tags, of a workspace with tagged reporting.",
        ),
    ]  # fmt: skip
    source: Annotated[
        EventSource | None,
        Parameter(
            kind="choice", choices=get_args(EventSource), metavar="SOURCE",
            help="billed, or tagged-billed, which has tags; of a workspace. By default, billed.",
        ),
    ]  # fmt: skip
    auth_method: Annotated[
        bool, Parameter(kind="expand", default=False, help="Also load who called, as text.")
    ]
    auth_method_structured: Annotated[
        bool,
        Parameter(
            kind="expand", default=False,
            help="Also load who called, as auth_detail, api_key_id and login_username.",
        ),
    ]  # fmt: skip
    limit: Annotated[
        int | None,
        Parameter(
            kind="count", per_page=True, metavar="N",
            help="The most events on a page. By default, as many as it can have: 100, or 10,000 "
            "of a workspace.",
        ),
    ]  # fmt: skip


EVENTS_ASKED: Final = declared(EventFields)
"""Every parameter that a query of events has, by name, in the order of its arguments."""

_PAGED: Final = {
    "start": START,
    "end": END,
    "cursor": CURSOR,
    "expand": Parameter(kind="expand", default=(), help="What to add to every event."),
}

_FIELDS: Final = (
    Field("timestamp", "key", "when the request was billed, in UTC", dtype=MOMENT),
    Field("request_id", "key", "the request"),
    Field("endpoint_id", "key", "the endpoint that was called"),
    Field("unit", "label", "what is counted", required=False, nullable=True),
    Field(
        "quantity", "amount", "how many units; null if the API does not say", dtype=NUMBER,
        required=False, nullable=True, sent_as={"quantity": 4, "output_units": 1},
    ),
    Field(
        "unit_price", "rate", "the price of one unit: before the discount if one is reported, "
        "else as negotiated", dtype=NUMBER, required=False, nullable=True,
    ),
    Field(
        "percent_discount", "rate", "the discount, 0 to 100; null if there is none",
        dtype=NUMBER, required=False, nullable=True, at_most=100.0,
    ),
    Field(
        "cost_subtotal", "amount", "the cost before the discount", dtype=NUMBER, required=False,
        nullable=True,
    ),
    Field(
        "cost_discount", "amount", "what the discount takes off", dtype=NUMBER, required=False,
        nullable=True,
    ),
    Field("cost", "amount", "the amount charged, in US dollars", dtype=NUMBER,
          sent_as={"cost_total": 1}),
    Field(
        "cost_nano", "amount", "the same in whole nano dollars, which add up without error",
        dtype=WHOLE, sent_as={"cost_estimate_nano_usd": 1},
    ),
    Field("currency", "key", "US dollars, unless the API says otherwise", required=False, since=5,
          letters=3),
    *CALLERS,
)  # fmt: skip

_TAGS: Final = Field("tags", "label", "the tags of the call, with source=tagged-billed, as JSON")


def _in_dollars() -> dict[str, pl.Expr]:
    """Return the currency: US dollars, unless the API says otherwise."""
    import polars as pl

    return {"currency": pl.coalesce("currency", pl.lit("USD"))}


def _asked_but(*names: str) -> dict[str, Parameter]:
    return {name: each for name, each in EVENTS_ASKED.items() if name not in {"scope", *names}}


MODELS_EVENTS: Final = Endpoint(
    path="/models/billing-events",
    summary="A workspace's billed requests to model APIs, one row each.",
    needs="a key",
    editions=(4,),
    asked=_asked_but("team_username"),
    paged=_PAGED,
    fields=_FIELDS,
    rows="billing_events",
    most_on_page=10_000,
    most_days=90,
    derive=_in_dollars,
    sparse=(_TAGS,),
)

ORGANIZATION_EVENTS: Final = Endpoint(
    path="/organization/billing-events",
    summary="The billed requests of all teams to model APIs, one row each.",
    needs="root team",
    instead=WORKSPACE,
    editions=(4,),
    asked=_asked_but("login_username", "tag", "source"),
    paged=_PAGED,
    fields=(*_FIELDS[:2], Field("username", "key", "the team"), *_FIELDS[2:]),
    rows="billing_events",
    most_on_page=100,
    most_days=90,
    derive=_in_dollars,
)
EVENT_ENDPOINTS: Final = {"organization": ORGANIZATION_EVENTS, "workspace": MODELS_EVENTS}
"""The endpoint of events that a scope reads."""
