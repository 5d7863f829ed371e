"""The answers' models, only for the OpenAPI document: the answers are written by Polars."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import SkipJsonSchema

from falusage import contract
from falusage.contract import Endpoint
from falusage.contract.dtypes import INSTANT

_TYPES: Final[dict[pl.DataType, Any]] = {
    pl.String(): str,
    pl.Float64(): float,
    pl.Int64(): int,
    pl.Boolean(): bool,
    INSTANT: datetime,
}
ErrorType = Literal[
    "authorization_error",
    "validation_error",
    "not_found",
    "rate_limited",
    "server_error",
    "not_implemented",
]


class Item(BaseModel):
    """A line item; a newer API may send more fields."""

    model_config = ConfigDict(extra="allow")


class Caller(BaseModel):
    """Who called."""


@functools.cache
def answer_model(endpoint: Endpoint, edition: int) -> type[BaseModel]:
    """Return the model of an endpoint's answers in an edition."""
    if endpoint.rows is None:
        return Account
    item = item_model(endpoint, edition)
    if endpoint.in_buckets:
        return Page[item]
    ends: dict[str, Any] = {"next_cursor": (str | None, ...), "has_more": (bool, ...)}
    listed: dict[str, Any] = {endpoint.rows: (list[item], ...)}
    members = {**listed, **(ends if endpoint.is_paged else {})}
    return create_model(f"List{_name(endpoint)}", **members)


def _name(endpoint: Endpoint) -> str:
    """Return the path as a name: OrganizationUsage."""
    return "".join(part.title() for part in endpoint.path.replace("-", "/").split("/"))


@functools.cache
def item_model(endpoint: Endpoint, edition: int) -> type[Item]:
    """Return the model of the items of an endpoint in an edition."""
    members: dict[str, Any] = {}
    objects: dict[str, dict[str, Any]] = {}
    for name, field in endpoint.in_edition(edition).items():
        if field.within is not None:
            objects.setdefault(field.within, {})[name] = _optional(_type(field), field.meaning)
        elif field.expand is not None:
            members[name] = _optional(_type(field), f"{field.meaning}; when expanded")
        else:
            kind = _type(field) | None if field.nullable else _type(field)
            members[name] = (kind, Field(description=field.meaning))
    for name, inner in objects.items():
        model = create_model(f"Caller{_name(endpoint)}{edition}", __base__=Caller, **inner)
        members[name] = _optional(model, "who called, in fields; when expanded")
    return create_model(f"{_name(endpoint)}{edition}", __base__=Item, **members)


def _type(field: contract.Field) -> Any:
    kind = _TYPES[field.dtype]
    if field.is_number:
        return Annotated[kind, Field(ge=0, le=field.at_most)]
    if field.letters is not None:
        return Annotated[kind, Field(pattern=f"^[A-Z]{{{field.letters}}}$")]
    return kind


def _optional(kind: Any, meaning: str) -> tuple[Any, Any]:
    """Return a member that may be left out, but is not null if it is there."""
    return kind | SkipJsonSchema[None], Field(None, description=meaning)


AnyItem = TypeVar("AnyItem", bound=Item)


class Bucket(BaseModel, Generic[AnyItem]):
    """What was used in one bucket; empty buckets are left out."""

    bucket: datetime = Field(description="Its start, with the offset of the requested timezone.")
    results: list[AnyItem]


class Page(BaseModel, Generic[AnyItem]):
    """An answer."""

    time_series: list[Bucket[AnyItem]] | SkipJsonSchema[None] = Field(
        None, description="When expanded. A bucket may continue on the next page."
    )
    summary: list[AnyItem] | SkipJsonSchema[None] = Field(
        None, description="When expanded: the whole range, on every page."
    )
    next_cursor: str | None
    has_more: bool


class Credits(BaseModel):
    """The account's balance, which may be below zero."""

    current_balance: float
    currency: str


class Account(BaseModel):
    """The account of the key."""

    username: str
    credits: Credits | SkipJsonSchema[None] = Field(None, description="When expanded.")


class ErrorDetail(BaseModel):
    """What went wrong."""

    type: ErrorType
    message: str
    docs_url: str | SkipJsonSchema[None] = None
    request_id: str | SkipJsonSchema[None] = None


class ErrorBody(BaseModel):
    """Every answer that is not a 200."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": meaning}
    for status, meaning in {
        400: "The parameters are invalid.",
        401: "No key, another scheme, or an unknown key.",
        403: "The key may not read this.",
        404: "Nothing is served there.",
        429: "Too many requests; see Retry-After.",
        500: "The server failed.",
    }.items()
}
