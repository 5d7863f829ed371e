"""What can be asked of usage, and the fields that its endpoints share.

`/organization/usage` and the endpoints of one workspace send the same items, but for what they
say about the team and the product. So they share their parameters and fields, and one query asks
any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypedDict, get_args

from falusage.contract.endpoints import declared
from falusage.contract.fields import NUMBER, Field
from falusage.contract.parameters import TIMEFRAMES, Names, Parameter, Timeframe

Product = Literal["model_apis", "serverless", "compute"]
PRODUCTS: Final[tuple[Product, ...]] = get_args(Product)

Scope = Literal["organization", "workspace"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

Source = Literal["estimate", "tagged-estimate"]

MOST_IDS: Final = 50


class UsageFields(TypedDict, total=False):
    """What can be asked besides the range."""

    scope: Annotated[
        Scope,
        Parameter(
            kind="choice", choices=SCOPES, default="organization", metavar="SCOPE",
            help="Whose usage: organization for all teams, which needs an admin key of its root "
            "team, or workspace for the one that the key belongs to.",
        ),
    ]  # fmt: skip
    timezone: Annotated[
        str,
        Parameter(
            kind="zone",
            default="UTC",
            metavar="ZONE",
            help="The IANA time zone that decides where buckets begin.",
        ),
    ]
    timeframe: Annotated[
        Timeframe | None,
        Parameter(
            kind="choice",
            choices=TIMEFRAMES,
            metavar="BUCKET",
            help="The length of a bucket: minute, hour, day, week or month. By default, the API's "
            "rule for the range: minute under 2 hours, hour under 2 days, day under 64 days, week "
            "under 183 days, else month.",
        ),
    ]
    bound_to_timeframe: Annotated[
        bool,
        Parameter(
            kind="switch",
            default=True,
            help="Widen both ends to whole buckets, as the API does by default. Otherwise the "
            "first bucket has the name of a whole one and holds only what came from `start` on.",
        ),
    ]
    endpoint_id: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="endpoint_id", most=MOST_IDS, metavar="ID",
            short="endpoint", help="Only these endpoints.",
        ),
    ]  # fmt: skip
    team_username: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="username", one_until=2, metavar="NAME",
            short="team", help="Only these teams, of an organization.",
        ),
    ]  # fmt: skip
    product: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="product", choices=PRODUCTS, metavar="NAME",
            help="Only these products: model_apis, serverless or compute.",
        ),
    ]  # fmt: skip
    app: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="app", most=MOST_IDS, metavar="NAME",
            help="Only these serverless apps, of a workspace.",
        ),
    ]  # fmt: skip
    api_key_id: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="api_key_id", most=MOST_IDS, since=3, metavar="ID",
            short="key", help="Only these keys, by their id.",
        ),
    ]  # fmt: skip
    login_username: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="login_username", most=MOST_IDS, since=4,
            metavar="NAME", help="Only calls of these logins, of a workspace.",
        ),
    ]  # fmt: skip
    tag: Annotated[
        Names,
        Parameter(
            kind="names", default=(), most=10, splits=False, pattern=".+=.+", since=4,
            metavar="KEY=VALUE",
            help="Only calls with these tags, of a workspace with tagged reporting. Different "
            "keys must all match; of one key, any value. The value (untagged) matches calls "
            "without the key.",
        ),
    ]  # fmt: skip
    source: Annotated[
        Source | None,
        Parameter(
            kind="choice", choices=get_args(Source), since=4, metavar="SOURCE",
            help="Where the usage of a workspace's model APIs comes from: estimate, or "
            "tagged-estimate, which has tags and shows recent usage later. By default, estimate.",
        ),
    ]  # fmt: skip
    auth_method: Annotated[
        bool, Parameter(kind="expand", default=False, help="Also load who called, as text.")
    ]
    auth_method_structured: Annotated[
        bool,
        Parameter(
            kind="expand", default=False, since=3,
            help="Also load who called, as auth_detail, api_key_id and login_username.",
        ),
    ]  # fmt: skip
    limit: Annotated[
        int | None,
        Parameter(
            kind="count", per_page=True, metavar="N",
            help="The most items on a page. By default, the server decides.",
        ),
    ]  # fmt: skip


ASKED: Final = declared(UsageFields)
"""Every parameter that a query of usage has, by name, in the order of its arguments."""

START: Final = Parameter(
    kind="instant",
    metavar="WHEN",
    help="The first instant, inclusive. By default, 24 hours ago.",
)
END: Final = Parameter(kind="instant", metavar="WHEN", help="The end, exclusive. By default, now.")
CURSOR: Final = Parameter(
    kind="opaque", per_page=True, help="Where to go on: `next_cursor` of the page before."
)
PAGED: Final = {
    "start": START,
    "end": END,
    "cursor": CURSOR,
    "expand": Parameter(
        kind="expand",
        choices=("time_series", "summary"),
        default=("time_series",),
        help="What to answer with; at least one of time_series and summary.",
    ),
}
"""The parameters that are not a caller's choice: the range, the page, and its contents."""

STRUCTURED: Final = "auth_method_structured"

MEASURES: Final = (
    Field("unit", "key", "what is counted, such as `image` or `second`"),
    Field("quantity", "amount", "how many units, from 0", dtype=NUMBER),
    Field("unit_price", "rate", "the price of one unit, before the discount", dtype=NUMBER),
    Field(
        "percent_discount", "rate", "the discount, 0 to 100; null if there is none",
        dtype=NUMBER, required=False, nullable=True, since=4, at_most=100.0,
    ),
    Field(
        "cost_subtotal", "amount", "the cost before the discount: quantity × unit_price",
        dtype=NUMBER, required=False, since=4,
    ),
    Field(
        "cost_discount", "amount", "what the discount takes off: cost_subtotal − cost",
        dtype=NUMBER, required=False, since=4,
    ),
    Field(
        "cost", "amount", "the amount charged",
        dtype=NUMBER, sent_as={"cost_total": 4, "cost": 1},
    ),
    Field("currency", "key", "three letters, such as `USD`", letters=3),
)  # fmt: skip
"""How much was used, at which price, and what it cost."""

CALLERS: Final = (
    Field(
        "auth_method", "caller", "who called, as text: the key and its owner, or a login",
        required=False, expand="auth_method",
    ),
    Field(
        "auth_detail", "caller", "how the caller was identified",
        required=False, since=3, sent_as={"detail": 3}, within=STRUCTURED, expand=STRUCTURED,
    ),
    Field(
        "api_key_id", "caller", "the key that called",
        required=False, since=3, within=STRUCTURED, expand=STRUCTURED,
    ),
    Field(
        "login_username", "caller", "the login that called",
        required=False, since=3, within=STRUCTURED, expand=STRUCTURED,
    ),
)  # fmt: skip
"""Who called, if it is asked for."""


def asked_but(*names: str) -> dict[str, Parameter]:
    """Return every parameter of a query that is sent, without some."""
    return {name: each for name, each in ASKED.items() if name not in {"scope", *names}}


def filters(asked: Mapping[str, object]) -> tuple[str, ...]:
    """Return the filters among what was asked, as text: the column and its values.

    >>> filters({"team_username": ("ads", "labs"), "product": ()})
    ('username: ads, labs',)
    """
    found: list[str] = []
    for name, parameter in ASKED.items():
        values = asked.get(name)
        if parameter.kind == "names" and isinstance(values, tuple | list) and values:
            found.append(f"{parameter.column or name}: {', '.join(map(str, values))}")
    return tuple(found)
