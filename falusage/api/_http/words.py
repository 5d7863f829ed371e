"""The message in an answer that is an error, in any of the usual forms.

The API has one form for its errors, but its framework, its gateways and the proxies before it have
others: a `detail`, a list of details, a `message`, plain text, a web page. All become one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final

LENGTH: Final = 300
"""The most characters of a server's message that are shown."""

_READ: Final = 2**18
_DEPTH: Final = 6
_NAMES: Final = (
    "title",
    "message",
    "error_message",
    "errormessage",
    "error_description",
    "detail",
    "details",
    "msg",
    "description",
    "reason",
    "faultstring",
    "error",
    "errors",
    "fault",
)
_IDS: Final = ("request_id", "requestid", "request-id")
_UNREAD: Final = {"script", "style", "noscript", "svg", "template"}


@dataclass(frozen=True, slots=True)
class Words:
    """A server's message.

    Attributes:
        text: The message on one line; empty without one.
        is_page: Whether the answer is a web page, and so probably not from the API.
        type: The server's own name of the error, or None.
        request_id: The request id in the body, or None.
    """

    text: str = ""
    is_page: bool = False
    type: str | None = None
    request_id: str | None = None


def read_words(body: bytes, content_type: str = "") -> Words:
    """Return the message in the body of an answer, from JSON, a web page or plain text.

    Example:
        >>> read_words(b'{"detail": [{"loc": ["query", "start"], "msg": "Field required"}]}').text
        'query.start: Field required'
        >>> read_words(b"<html><title>Access denied</title><p>Go away.").text
        'Access denied Go away.'
    """
    text = _decoded(body[:_READ], content_type)
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        return Words(
            one_line("; ".join(dict.fromkeys(_said(document)))),
            type=_named(document, ("type", "error_type", "code")),
            request_id=_named(document, _IDS),
        )
    if text.lstrip().startswith("<") or "html" in content_type.lower():
        return Words(one_line(_text_of(text)), is_page=True)
    return Words(one_line(text))


def one_line(text: str) -> str:
    """Return a text without line breaks and without control characters for terminals."""
    legible = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(legible.split())


def shortened(text: str, length: int = LENGTH) -> str:
    """Return the beginning of a text, with an ellipsis if it is longer."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _decoded(body: bytes, content_type: str) -> str:
    found = re.search(r"charset=[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    with suppress(LookupError, ValueError):
        return body.decode(found[1] if found else "utf-8", "replace").removeprefix("\ufeff")
    return body.decode("utf-8", "replace")


def _said(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list) and depth < _DEPTH:
        for each in value:
            yield from _said(each, depth + 1)
    elif isinstance(value, dict) and depth < _DEPTH:
        yield from _said_by_members(value, depth + 1)


def _said_by_members(value: dict[str, Any], depth: int) -> Iterator[str]:
    members = {name.lower(): each for name, each in value.items()}
    named = [text for name in _NAMES for text in _said(members.get(name), depth)]
    place = members.get("loc")
    if named and isinstance(place, list):  # FastAPI's name of the wrong parameter
        yield f"{'.'.join(map(str, place))}: {'; '.join(named)}"
    elif named:
        yield from named
    else:
        for name, each in value.items():
            for text in _said(each, depth):
                yield f"{name}: {text}"


def _named(document: Any, names: tuple[str, ...]) -> str | None:
    """Return a text member of the document or of its `error`."""
    if not isinstance(document, dict):
        return None
    for holder in (document.get("error"), document):
        if isinstance(holder, dict):
            members = {name.lower(): value for name, value in holder.items()}
            for name in names:
                if isinstance(members.get(name), str) and members[name]:
                    return one_line(members[name])
    return None


class _Text(HTMLParser):
    """Collects the visible text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unread += tag in _UNREAD

    def handle_endtag(self, tag: str) -> None:
        self._unread = max(self._unread - (tag in _UNREAD), 0)

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.parts.append(data)


def _text_of(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    parser.close()
    parts = dict.fromkeys(one_line(part) for part in parser.parts)
    return " ".join(part for part in parts if part)
