"""The name of the workspace that a key belongs to."""

from __future__ import annotations

from typing import Final

from falusage.api._http.exchange import Exchange
from falusage.api._pages.documents import parse, take
from falusage.contract import BALANCE
from falusage.errors import FalUsageWarning, NotFoundError, PermissionDeniedError, warn

UNNAMED: Final = "workspace"
"""The name of a workspace whose own name the key may not read."""


def read_name(exchange: Exchange) -> str | None:
    """Return the name of the workspace, from `/account/billing`; None if the key may not read it.

    Raises:
        ApiError: The exchange failed for another reason.
    """
    try:
        return exchange.get(BALANCE, (), _username)
    except (PermissionDeniedError, NotFoundError):
        return None


def workspace_name(exchange: Exchange) -> str:
    """Return the name of the workspace; `workspace`, with a warning, if it cannot be read."""
    name = read_name(exchange)
    if name is None:
        warn(
            f"the key may not read the name of its workspace, so username is {UNNAMED!r}",
            FalUsageWarning,
        )
        return UNNAMED
    return name


def _username(body: bytes) -> str | None:
    username: str = take(parse(body), "username", str, "a string")
    return username if username.strip() else None
