"""The usage of one workspace, declared: that of the model APIs, and that of one's own apps.

Most accounts have no organization, and a team can read its own usage. Compute has no such endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from falusage.contract.endpoints import Endpoint
from falusage.contract.fields import FLAG, NUMBER, Field
from falusage.contract.organization import ORGANIZATION_USAGE
from falusage.contract.parameters import Parameter
from falusage.contract.usage import CALLERS, MEASURES, PAGED, Scope, asked_but

if TYPE_CHECKING:
    import polars as pl


def _of_models() -> dict[str, pl.Expr]:
    import polars as pl

    return {"product": pl.lit("model_apis")}


def _of_serverless() -> dict[str, pl.Expr]:
    """Return the product, and the endpoint: the machine, with its app and environment."""
    import polars as pl

    parts = [pl.when(pl.col(name) != "").then(name) for name in ("app", "environment")]
    inside = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    named = pl.format("{} ({})", "machine_type", inside)
    endpoint = pl.when(inside == "").then("machine_type").otherwise(named)
    return {"product": pl.lit("serverless"), "endpoint_id": endpoint}


MODELS_USAGE: Final = Endpoint(
    path="/models/usage",
    summary="A workspace's usage of the model APIs, by bucket and line item.",
    needs="a key",
    editions=(4,),
    asked=asked_but("team_username", "product", "app"),
    paged=PAGED,
    fields=(
        Field("endpoint_id", "key", "the endpoint that was used"),
        *MEASURES,
        *CALLERS,
    ),
    derive=_of_models,
    sparse=(Field("tags", "label", "the tags of the calls, with source=tagged-estimate, as JSON"),),
)

SERVERLESS_USAGE: Final = Endpoint(
    path="/serverless/usage",
    summary="A workspace's machine-seconds of its own apps, by bucket and line item.",
    needs="billing",
    editions=(4,),
    asked={
        name: each
        for name, each in asked_but().items()
        if name in {"timezone", "timeframe", "bound_to_timeframe", "app", "limit"}
    },
    paged=PAGED
    | {"search": Parameter(kind="opaque", help="Only apps with this text in their name.")},
    fields=(
        Field("app", "label", "the app", required=False, nullable=True),
        Field("environment", "label", "its environment", required=False, nullable=True),
        Field("machine_type", "label", "the machine, such as `GPU-H100`"),
        *MEASURES,
        Field(
            "is_surge", "label", "whether this is surge usage, which has its own price",
            dtype=FLAG,
        ),
    ),
    derive=_of_serverless,
    sparse=(
        Field("net_unit_price", "rate", "the price of one unit, after the discount", dtype=NUMBER),
    ),
)  # fmt: skip

USAGE_ENDPOINTS: Final[Mapping[Scope, Mapping[str, Endpoint]]] = {
    "organization": {"": ORGANIZATION_USAGE},
    "workspace": {"model_apis": MODELS_USAGE, "serverless": SERVERLESS_USAGE},
}
"""The endpoints that a scope reads, by the product that each has; "" has all products."""
