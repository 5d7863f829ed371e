"""Suggestions for messages that reject a name: the known name that was probably meant.

Names are compared without case and punctuation, then by meaning, then by their parts, and last by
their spelling. Without anything in common, there is no suggestion.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_MEANINGS: Final = (
    ("username", "team_username", "team", "user", "member", "account", "workspace", "org"),
    ("endpoint_id", "endpoint", "model", "model id", "machine", "app id"),
    ("api_key_id", "api_key", "key", "key id", "token"),
    ("login_username", "login", "owner", "email", "person"),
    ("auth_method", "auth", "caller", "called by"),
    ("product", "service", "category", "kind"),
    ("unit_price", "price", "list price", "price per unit"),
    ("quantity", "count", "units", "volume", "requests"),
    ("budget", "monthly budget", "amount", "allowance", "cap", "ceiling"),
    ("cost", "amount", "spend", "spent", "spending", "charge", "charges", "billed", "total"),
    ("currency", "currency code", "ccy", "curr"),
    ("bucket", "date", "day", "time", "timestamp", "datetime"),
    ("timeframe", "every", "granularity", "interval", "resolution", "frequency", "bucket", "step"),
    ("timezone", "tz", "zone", "time zone"),
    ("start", "from", "since", "begin", "after", "date from", "month"),
    ("end", "to", "until", "till", "before", "date to"),
    ("out", "output", "output file", "file", "filename"),
    ("format", "output format", "json", "csv"),
    ("base_url", "url", "host", "server", "address", "api url"),
    ("workers", "threads", "jobs", "concurrency", "parallel"),
    ("limit", "page size", "per page", "max rows"),
    ("snapshot", "input", "file", "parquet"),
    ("store", "folder", "history", "delta"),
    ("horizon", "ahead", "periods", "steps"),
    ("load", "fetch", "get", "list", "show", "usage", "print"),
    ("snapshot", "download", "save", "export", "dump"),
    ("sync", "update", "refresh", "pull", "fetch"),
    ("report", "summary", "page", "html"),
    ("forecast", "predict", "outlook", "budget", "project"),
    ("history", "versions", "log"),
    ("restatements", "changes", "diff", "corrections"),
    ("settling", "final", "maturity", "completeness"),
    ("serve", "server", "emulator", "run", "mock"),
    ("demo", "example", "sample", "try"),
    ("minute", "1m", "min", "minutes", "minutely"),
    ("hour", "1h", "h", "hours", "hourly", "60m"),
    ("day", "1d", "d", "days", "daily", "24h"),
    ("week", "1w", "w", "weeks", "weekly", "7d"),
    ("month", "1mo", "mo", "months", "monthly"),
    ("1q", "quarter", "q", "quarters", "quarterly", "3mo"),
    ("1y", "year", "y", "years", "yearly", "annual", "12mo"),
    ("model_apis", "models", "model", "apis", "api", "inference", "endpoints"),
    ("serverless", "apps", "functions"),
    ("compute", "gpu", "gpus", "instance", "instances", "vm", "machines"),
    ("seasonal_naive", "naive", "snaive", "last year"),
    ("average", "blend", "ensemble", "combination", "mean"),
    ("level", "rhythm", "median", "recent", "weekly pattern"),
    ("smoothing", "ets", "ses", "exponential smoothing", "autoets"),
    ("theta", "autotheta"),
    ("trend", "linear", "holt", "growth"),
    ("drift", "random walk"),
    ("auto", "best", "automatic"),
    ("USD", "$", "US$", "dollar", "dollars", "US dollar", "US dollars"),
    ("EUR", "€", "euro", "euros"),
    ("GBP", "£", "pound", "pounds", "sterling"),
    ("JPY", "¥", "yen"),
    ("UTC", "z", "zulu", "greenwich"),
    ("America/New_York", "ET", "EDT", "eastern"),
    ("America/Chicago", "CT", "CDT", "central"),
    ("America/Denver", "MT", "MDT", "mountain"),
    ("America/Los_Angeles", "PT", "PST", "PDT", "pacific", "san francisco"),
    ("Europe/London", "BST"),
    ("Europe/Paris", "CEST"),
    ("Asia/Kolkata", "IST", "india"),
    ("Asia/Shanghai", "beijing", "china"),
)
"""Words with the same meaning, our own most usual name first."""

_WORD: Final = re.compile(r"[^\W_]+")
_ALIKE: Final = 0.65
"""The least similarity of two spellings, as `difflib` measures it."""


def closest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None.

    Args:
        name: The rejected name.
        known: The valid names, the most usual first.

    Example:
        >>> closest("america/new_york", ["UTC", "America/New_York"])
        'America/New_York'
        >>> closest("team", ["timezone", "team_username"]), closest("adz", ["ads", "labs"])
        ('team_username', 'ads')
        >>> closest("reconcile", ["timezone", "timeframe", "endpoint_id"]) is None
        True
    """
    if not isinstance(name, str) or not name.strip():
        return None
    names = list(dict.fromkeys(known))
    plain = _plain(name)
    of_plain: dict[str, str] = {}
    for each in names:
        of_plain.setdefault(_plain(each), each)
    one = plain.removesuffix("s")
    for same in ((plain, one, f"{plain}s"), *_MEANINGS):
        alike = [_plain(word) for word in same]
        if plain in alike or one in alike:
            for word in alike:
                if word in of_plain:
                    return of_plain[word]
    words = set(_words(name))
    if parts := [each for each in names if words and words <= set(_words(each))]:
        return min(parts, key=lambda each: len(_words(each)))
    near = difflib.get_close_matches(plain, of_plain, n=1, cutoff=_ALIKE)
    return of_plain[near[0]] if near else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return a sentence that suggests the closest known name, to be added to a message.

    Returns:
        The sentence, after a space; an empty string if no name is close.

    Example:
        >>> did_you_mean("daily", ["hour", "day", "week"])
        " Did you mean 'day'?"
    """
    near = closest(name, known)
    return "" if near is None else f" Did you mean {near!r}?"


def _words(name: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", name).casefold())


def _plain(name: str) -> str:
    """Return a name without case, spaces and punctuation; a name of only signs is kept."""
    return "".join(_words(name)) or name.strip()
