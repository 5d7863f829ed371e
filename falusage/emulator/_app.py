"""The HTTP side: routes, keys, faults and the documented error bodies, on FastAPI.

Imported by the call that serves, because FastAPI is in the extra `emulator`. Requests are answered
in worker threads, because Polars and zlib release the interpreter's lock.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, get_origin

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

from falusage.contract import (
    ACCOUNT_FOCUS,
    BALANCE,
    EVENT_ENDPOINTS,
    KEYS,
    ORGANIZATION_FOCUS,
    PRICES,
    TEAMS,
    USAGE_ENDPOINTS,
    Endpoint,
)
from falusage.emulator import _directory as directory
from falusage.emulator import _events as events
from falusage.emulator import _focus as focus
from falusage.emulator import _usage as usage
from falusage.emulator._document import ERRORS, answer_model
from falusage.emulator._faults import Faults
from falusage.emulator._parameters import Parameters, parameters_model
from falusage.errors import QueryError

if TYPE_CHECKING:
    from falusage.emulator._books import Books

GZIP_FROM: Final = 8 * 1024
_TYPES: Final = {
    400: "validation_error",
    401: "authorization_error",
    403: "authorization_error",
    404: "not_found",
    405: "not_implemented",
    429: "rate_limited",
}
_DENIED: Final = {
    "a key": "The key may not read this.",
    "billing": "The key has no permission billing:usage:read.",
    "root team": "The key is not an admin key of the organization's root team.",
    "enterprise": "The account is not an enterprise account.",
}
_key = APIKeyHeader(
    name="Authorization",
    description="`Key <key>`; what a key may read depends on its preset and its account.",
    auto_error=False,
)


class Served(Protocol):
    """What the application reads for each request, because it may change."""

    api_key: str
    latency: float
    page_size: int
    pooled_billing: bool
    books: Books
    statuses: Iterator[int]

    @property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """What each known key may read."""
        ...

    @property
    def faults(self) -> Faults:
        """Which requests fail, and how."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The function that returns the time."""
        ...


@functools.cache
def application(edition: int) -> FastAPI:
    """Return the ASGI application of an edition. Each request's scope has what is `served`.

    It takes 60 ms of CPU time to make, which is most of what starting an emulator takes, so all
    emulators of the edition share it. The OpenAPI document is at `/openapi.json`, next to the base
    `/v1`, and needs no key.
    """
    app = FastAPI(title="fal", docs_url=None, redoc_url=None, redirect_slashes=False)
    for endpoint, answer in ANSWERS.items():
        _add(app, endpoint, answer, edition)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(QueryError, _rejected)
    app.add_exception_handler(HTTPException, _failed)
    app.add_exception_handler(Exception, _failed)
    app.openapi = functools.cache(lambda: _document(app))  # type: ignore[method-assign]
    return app


Answer = Callable[[Parameters, "Served"], bytes]
"""Answers the parameters of a request, or raises a `QueryError`."""

ANSWERS: Final[dict[Endpoint, Answer]] = {
    **{each: usage.answer for scope in USAGE_ENDPOINTS.values() for each in scope.values()},
    ORGANIZATION_FOCUS: focus.report,
    ACCOUNT_FOCUS: focus.report,
    TEAMS: directory.teams,
    KEYS: directory.keys,
    PRICES: directory.prices,
    BALANCE: directory.balance,
    **dict.fromkeys(EVENT_ENDPOINTS.values(), events.answer),
}
"""What answers each endpoint."""


def _add(app: FastAPI, endpoint: Endpoint, answer: Answer, edition: int) -> None:
    """Add the route of an endpoint, with its parameters, its key and its faults."""
    if edition not in endpoint.editions:
        edition = endpoint.editions[-1]

    async def admit(given: Annotated[str | None, Depends(_key)], request: Request) -> None:
        served: Served = request.scope["served"]
        _check_key(given, endpoint, served)
        status = next(served.statuses)
        await asyncio.sleep(served.latency)
        if status == 429:
            after = {"Retry-After": str(served.faults.retry_after)}
            raise HTTPException(429, "Too many requests.", after)
        if status == 500:
            raise HTTPException(500, "The server failed on purpose.")

    parameters = parameters_model(endpoint, edition)

    def route(asked: Annotated[parameters, Query()], request: Request) -> Response:  # type: ignore[valid-type]
        _check_once(asked, request)
        return _sent(answer(asked, request.scope["served"]), endpoint, request)

    route.__annotations__["asked"] = Annotated[parameters, Query()]
    content = {"model": answer_model(endpoint, edition)}
    if endpoint.media != "application/json":
        content = {"content": {endpoint.media: {"schema": {"type": "string"}}}}
    app.add_api_route(
        f"/v1{endpoint.path}",
        route,
        responses={200: content, **ERRORS},
        operation_id=endpoint.path.strip("/").replace("/", "_").replace("-", "_"),
        summary=endpoint.summary,
        dependencies=[Depends(admit)],
    )


def _check_key(given: str | None, endpoint: Endpoint, served: Served) -> None:
    scheme, _, key = (given or "").partition(" ")
    if scheme != "Key" or key not in served.keys:
        raise HTTPException(401, "Expected the header 'Authorization: Key <key>'.")
    if endpoint.needs not in served.keys[key]:
        raise HTTPException(403, _DENIED[endpoint.needs])


def _sent(body: bytes, endpoint: Endpoint, request: Request) -> Response:
    headers = {"x-request-id": uuid.uuid4().hex, "vary": "Accept-Encoding"}
    if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=endpoint.media, headers=headers)


def _check_once(asked: Parameters, request: Request) -> None:
    for name in _lone(type(asked)):
        if len(request.query_params.getlist(name)) > 1:
            raise QueryError(f"{name} is given more than once; it takes one value")


@functools.cache
def _lone(parameters: type[Parameters]) -> tuple[str, ...]:
    """Return the parameters that take one value."""
    return tuple(
        name
        for name, field in parameters.model_fields.items()
        if get_origin(field.annotation) is not list
    )


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (narrows for the type checker)
    said: dict[str, str] = {}  # one error per parameter is enough
    for each in error.errors():
        unknown = each["type"] == "extra_forbidden"
        said.setdefault(str(each["loc"][1]), "unknown parameter" if unknown else each["msg"])
    return _error(request, 400, "; ".join(f"{name}: {what}" for name, what in said.items()))


async def _rejected(request: Request, error: Exception) -> Response:
    return _error(request, 400, str(error))


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _error(request, 500, "The emulator itself failed.")
    return _error(request, error.status_code, error.detail, error.headers)


def _error(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    request_id = uuid.uuid4().hex
    detail = {
        "type": _TYPES.get(status, "server_error"),
        "message": message,
        "docs_url": f"{request.base_url}openapi.json",
        "request_id": request_id,
    }
    return Response(
        json.dumps({"error": detail}),
        status,
        {**(headers or {}), "x-request-id": request_id},
        "application/json",
    )


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes
    )
    # FastAPI documents its own 422, but here such requests get the contract's 400.
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document
