"""Names as text: titles of columns, and names of teams and endpoints in little room."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from falusage._wording.numbers import NOTHING

TITLES: Final = {
    "username": "team",
    "endpoint_id": "endpoint",
    "auth_method": "caller",
    "api_key_id": "API key",
    "pct_change": "change, %",
    "previous_price": "price before",
    "excess": "above expected",
    "chance_over": "chance over",
    "projected": "will end at",
    "settling": "still expected",
}
"""The titles of columns that are not their names with spaces."""

ELLIPSIS: Final = "…"

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def title(column: str) -> str:
    """Return the title of a column, wherever it is shown.

    >>> title("username"), title("runs_out_on")
    ('team', 'runs out on')
    """
    return TITLES.get(column, column.replace("_", " "))


def printable(name: str | None) -> str:
    r"""Return a name that cannot control a terminal: control characters become `?`.

    >>> printable("team\x1b[2J"), printable(None)
    ('team?[2J', '-')
    """
    return NOTHING if name is None else _UNPRINTABLE.sub("?", name)


def labelled(name: str | None, labels: Mapping[str, str]) -> str:
    """Return a name with its display name before it, if it has one.

    >>> labelled("acme-paris", {"acme-paris": "Paris office"}), labelled("acme", {})
    ('Paris office (acme-paris)', 'acme')
    """
    label = None if name is None else labels.get(name)
    return printable(name) if label is None else f"{printable(label)} ({printable(name)})"


def shorten(name: str, width: int) -> str:
    """Cut a name that is wider than `width` in its middle, where ids differ least.

    >>> shorten("fal-ai/kling-video/v2/master/image-to-video", 28)
    'fal-ai/kling-…image-to-video'
    >>> shorten("fal-ai/flux/dev", 28)
    'fal-ai/flux/dev'
    """
    if len(name) <= width:
        return name
    room = max(width - len(ELLIPSIS), 2)
    _, slash, last = name.rpartition("/")
    tail = len(last) if slash and len(last) <= room * 2 // 3 else room // 2
    return name[: room - tail] + ELLIPSIS + name[len(name) - tail :]


def short_names(names: Iterable[str], width: int) -> dict[str, str]:
    """Shorten names; names that would look alike keep their full length.

    >>> short_names(["fal-ai/flux-pro/v1.1/ultra", "fal-ai/flux-pro/v1.0/ultra"], 16)
    {'fal-ai/flux-pro/v1.1/ultra': 'fal-ai/flux-pro/v1.1/ultra', \
'fal-ai/flux-pro/v1.0/ultra': 'fal-ai/flux-pro/v1.0/ultra'}
    """
    short = {name: shorten(name, width) for name in names}
    seen = Counter(short.values())
    return {name: text if seen[text] == 1 else name for name, text in short.items()}
