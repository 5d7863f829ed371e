"""The answers' models, for the OpenAPI document alone: answers are written by Polars."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

_Amount = Annotated[float, Field(ge=0)]
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
    username: str = Field(description="The team.")
    product: str = Field(description="model_apis, serverless or compute.")
    endpoint_id: str
    unit: str
    quantity: _Amount
    unit_price: _Amount
    cost: _Amount
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217.")
    auth_method: str | SkipJsonSchema[None] = Field(None, description="When expanded.")


class AuthMethod(BaseModel):
    """Who called."""

    detail: str
    api_key_id: str | SkipJsonSchema[None] = None
    login_username: str | SkipJsonSchema[None] = None


class KeyedItem(Item):
    """A line item of today's edition."""

    auth_method_structured: AuthMethod | SkipJsonSchema[None] = Field(
        None, description="When expanded."
    )


AnyItem = TypeVar("AnyItem", bound=Item)


class Bucket(BaseModel, Generic[AnyItem]):
    """What was used in one bucket; empty ones are left out."""

    bucket: datetime = Field(description="Its start, with the offset of the asked timezone.")
    results: list[AnyItem]


class Page(BaseModel, Generic[AnyItem]):
    """An answer."""

    time_series: list[Bucket[AnyItem]] | SkipJsonSchema[None] = Field(
        None, description="When expanded. A bucket may go on on the next page."
    )
    summary: list[AnyItem] | SkipJsonSchema[None] = Field(
        None, description="When expanded: the whole range, on every page."
    )
    next_cursor: str | None
    has_more: bool


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
        400: "The parameters make no question.",
        401: "No key, another scheme, or a key that is not known.",
        403: "Not an admin's key.",
        404: "Nothing is served there.",
        429: "Too many requests; see Retry-After.",
        500: "The server failed.",
    }.items()
}
