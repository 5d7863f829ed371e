"""The account of the keys, and what each key may read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from falusage.contract import Needs
    from falusage.emulator._app import Served
    from falusage.emulator._parameters import Parameters


def keys(api_key: str) -> dict[str, frozenset[Needs]]:
    """Return the keys that an emulator knows, with what each may read.

    The admin key of the root team reads everything. The key of a workspace without an organization
    reads its billing. A member's key, of the preset API, reads only what any key may.
    """
    return {
        api_key: frozenset({"a key", "billing", "root team", "enterprise"}),
        workspace_key(api_key): frozenset({"a key", "billing"}),
        member_key(api_key): frozenset({"a key"}),
    }


def workspace_key(api_key: str) -> str:
    """Return the key of a workspace that has no organization."""
    return f"{api_key}-of-a-workspace"


def member_key(api_key: str) -> str:
    """Return a key of the preset API, which may not read billing."""
    return f"{api_key}-of-a-member"


def balance(asked: Parameters, served: Served) -> bytes:
    """Return the account's name and, if asked for, its balance."""
    return json.dumps({"username": served.books.workspace}).encode()
