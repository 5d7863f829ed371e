"""What an account knows besides usage, declared: teams, keys, prices, balance, and its report.

FOCUS is the provider's report as CSV, whose columns are not published, so it declares no fields.
"""

from __future__ import annotations

from typing import Final

from falusage.contract.endpoints import WORKSPACE, Endpoint
from falusage.contract.fields import FLAG, MOMENT, NUMBER, Field
from falusage.contract.parameters import Parameter
from falusage.contract.usage import ASKED, CURSOR, END, MOST_IDS, START


def _expanding(*choices: str) -> Parameter:
    return Parameter(kind="expand", choices=choices, default=(), help="What to add to the answer.")


TEAMS: Final = Endpoint(
    path="/organization/teams",
    summary="The teams of an organization.",
    needs="root team",
    editions=(4,),
    rows="teams",
    is_paged=False,
    fields=(
        Field("username", "key", "the team, as in usage"),
        Field("name", "label", "its display name", required=False, nullable=True),
        Field("is_org_root", "label", "whether it is the root team", dtype=FLAG),
        Field("created_at", "label", "when it was made", dtype=MOMENT, required=False,
              nullable=True),
    ),
)  # fmt: skip

KEYS: Final = Endpoint(
    path="/keys",
    summary="The account's keys of the scope API, without the keys themselves.",
    needs="a key",
    editions=(4,),
    rows="keys",
    paged={"cursor": CURSOR, "limit": ASKED["limit"], "expand": _expanding("creator_info")},
    fields=(
        Field("key_id", "key", "the key's id, as `api_key_id` in usage"),
        Field("alias", "label", "its name", required=False, nullable=True),
        Field("scope", "label", "what it may do", required=False, nullable=True),
        Field("created_at", "label", "when it was made", dtype=MOMENT, required=False,
              nullable=True),
        Field("creator_nickname", "label", "who made it", required=False, nullable=True,
              expand="creator_info"),
        Field("creator_email", "label", "their address", required=False, nullable=True,
              expand="creator_info"),
    ),
)  # fmt: skip

PRICES: Final = Endpoint(
    path="/models/pricing",
    summary="The list prices of endpoints.",
    needs="a key",
    editions=(4,),
    rows="prices",
    asked={
        "endpoint_id": Parameter(
            kind="names", required=True, default=(), column="endpoint_id", most=MOST_IDS,
            metavar="ID", help="The endpoints; at least one.",
        )
    },
    paged={"cursor": CURSOR},
    fields=(
        Field("endpoint_id", "key", "the endpoint"),
        Field("unit_price", "rate", "the list price of one unit", dtype=NUMBER),
        Field("unit", "label", "the unit of the price list, which may differ from that of usage"),
        Field("currency", "key", "three letters, such as `USD`", letters=3),
    ),
)  # fmt: skip

BALANCE: Final = Endpoint(
    path="/account/billing",
    summary="The account's name and, if expanded, its balance.",
    needs="billing",
    editions=(4,),
    rows=None,
    is_paged=False,
    paged={"expand": _expanding("credits")},
)

_REPORT: Final = {
    "source": Parameter(
        kind="choice", required=True, choices=("invoice", "estimate", "tagged-estimate"),
        metavar="SOURCE",
        help="invoice for finalized charges with credits and tax, or estimate, for at most 90 "
        "days.",
    ),
    "billing_month": Parameter(
        kind="opaque", metavar="YYYY-MM",
        help="The month in which the invoice was issued; only with invoice.",
    ),
    "charge_month": Parameter(
        kind="opaque", metavar="YYYY-MM",
        help="The month in which the charges were incurred, even if they are on several invoices; "
        "only with invoice.",
    ),
    "start": START,
    "end": END,
    **{name: ASKED[name] for name in ("timezone", "timeframe", "bound_to_timeframe")},
}  # fmt: skip

ACCOUNT_FOCUS: Final = Endpoint(
    path="/account/focus",
    summary="The FOCUS report of an account, as CSV.",
    needs="enterprise",
    editions=(4,),
    rows=None,
    media="text/csv",
    is_paged=False,
    most_days=90,
    paged={**_REPORT, "expand": _expanding("organization")},
)
ORGANIZATION_FOCUS: Final = Endpoint(
    path="/organization/focus",
    summary="The FOCUS report of an organization, as CSV.",
    needs="root team",
    instead=WORKSPACE,
    editions=(4,),
    rows=None,
    media="text/csv",
    is_paged=False,
    most_days=90,
    paged={
        **_REPORT,
        "team_username": Parameter(
            kind="names", default=(), most=1, splits=False, one_until=4, metavar="NAME",
            help="Only this team. Rejected for an invoice of teams that are billed together.",
        ),
    },
)  # fmt: skip
