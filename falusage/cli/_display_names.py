"""The display names of teams and keys, fetched for a report if the key may read them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient

_TIMEOUT: Final = 10.0


def fetch_names(usage: pl.DataFrame, options: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the arguments `teams` and `keys` of a report, as far as they can be fetched.

    A report without names is whole, so a failure is not told and each request is sent once. Keys
    are asked for only if the usage has some.

    Args:
        usage: The usage that is reported.
        options: The options of the command.
    """
    from falusage.api.account import load_keys, load_teams
    from falusage.api.client import UsageClient

    wanted: dict[str, Callable[..., pl.DataFrame]] = {}
    if options.get("scope") != "workspace":
        wanted["teams"] = load_teams
    if usage["api_key_id"].null_count() < usage.height:
        wanted["keys"] = load_keys
    with UsageClient(base_url=options["base_url"], timeout=_TIMEOUT, max_attempts=1) as client:
        found = {name: _or_none(load, client) for name, load in wanted.items()}
    return {name: frame for name, frame in found.items() if frame is not None}


def _or_none(load: Callable[..., pl.DataFrame], client: UsageClient) -> pl.DataFrame | None:
    from falusage.errors import FalUsageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return load(client=client)
        except FalUsageError:
            return None
