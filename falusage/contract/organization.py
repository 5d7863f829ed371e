"""`GET /organization/usage`, declared: the usage of all teams.

The editions are those of the provider's changelog: 2 is of June 2026, 3 of July, 4 of September.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from falusage.contract.endpoints import WORKSPACE, Endpoint
from falusage.contract.fields import Field
from falusage.contract.usage import CALLERS, MEASURES, PAGED, asked_but

Edition = Literal[2, 3, 4]

ORGANIZATION_USAGE: Final = Endpoint(
    path="/organization/usage",
    summary="The usage of all teams of an organization, by bucket and line item.",
    needs="root team",
    instead=WORKSPACE,
    editions=get_args(Edition),
    asked=asked_but("app", "login_username", "tag", "source"),
    paged=PAGED,
    fields=(
        Field("username", "key", "the team"),
        Field("product", "key", "`model_apis`, `serverless` or `compute`", since=2),
        Field("endpoint_id", "key", "the endpoint, app or machine that was used"),
        *MEASURES,
        *CALLERS,
    ),
)
