"""The keys that an emulator knows, and what each may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from falusage.contract import Needs


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
    return f"{api_key}-billing"


def member_key(api_key: str) -> str:
    """Return a key of the preset API, which may not read billing."""
    return f"{api_key}-api"
