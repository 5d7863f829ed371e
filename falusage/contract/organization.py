"""`GET /organization/usage`, declared: what can be asked, and what comes back.

The editions are those of the provider's changelog: 2 is of June 2026, 3 of July, 4 of September.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict, get_args

from falusage.contract.endpoints import Endpoint, declared
from falusage.contract.fields import NUMBER, Field
from falusage.contract.parameters import TIMEFRAMES, Names, Parameter, Timeframe

Product = Literal["model_apis", "serverless", "compute"]
PRODUCTS: Final[tuple[Product, ...]] = get_args(Product)

_IDS: Final = 50


class UsageFields(TypedDict, total=False):
    """What can be asked besides the range."""

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
            kind="names", default=(), column="endpoint_id", most=_IDS, metavar="ID",
            help="Only these endpoints.",
        ),
    ]  # fmt: skip
    team_username: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="username", one_until=2, metavar="NAME",
            help="Only these teams.",
        ),
    ]  # fmt: skip
    product: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="product", choices=PRODUCTS, metavar="NAME",
            help="Only these products: model_apis, serverless or compute.",
        ),
    ]  # fmt: skip
    api_key_id: Annotated[
        Names,
        Parameter(
            kind="names", default=(), column="api_key_id", most=_IDS, since=3, metavar="ID",
            help="Only these keys, by their id.",
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


_PAGED: Final = {
    "start": Parameter(
        kind="instant", metavar="WHEN",
        help="The first instant, inclusive. By default, 24 hours ago.",
    ),
    "end": Parameter(
        kind="instant", metavar="WHEN", help="The end, exclusive. By default, now."
    ),
    "cursor": Parameter(
        kind="opaque", per_page=True, help="Where to go on: `next_cursor` of the page before."
    ),
    "expand": Parameter(
        kind="expand",
        choices=("time_series", "summary"),
        default=("time_series",),
        help="What to answer with; at least one of time_series and summary.",
    ),
}  # fmt: skip

_STRUCTURED: Final = "auth_method_structured"

_FIELDS: Final = (
    Field("username", "key", "the team"),
    Field("product", "key", "`model_apis`, `serverless` or `compute`", since=2),
    Field("endpoint_id", "key", "the endpoint, app or machine that was used"),
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
    Field(
        "auth_method", "caller", "who called, as text: the key and its owner, or a login",
        required=False, expand="auth_method",
    ),
    Field(
        "auth_detail", "caller", "how the caller was identified",
        required=False, since=3, sent_as={"detail": 3}, within=_STRUCTURED, expand=_STRUCTURED,
    ),
    Field(
        "api_key_id", "caller", "the key that called",
        required=False, since=3, within=_STRUCTURED, expand=_STRUCTURED,
    ),
    Field(
        "login_username", "caller", "the login that called",
        required=False, since=3, within=_STRUCTURED, expand=_STRUCTURED,
    ),
)  # fmt: skip

ORGANIZATION_USAGE: Final = Endpoint(
    path="/organization/usage",
    summary="The usage of all teams of an organization, by bucket and line item.",
    editions=(2, 3, 4),
    asked=declared(UsageFields),
    paged=_PAGED,
    fields=_FIELDS,
)
