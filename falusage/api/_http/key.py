"""The key, wrapped so that nothing prints, logs or pickles it by accident.

It is read in one place only: where the Authorization header of a request is written.
"""

from __future__ import annotations

import base64
import html
import os
import re
import string
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, NoReturn
from urllib.parse import unquote

import requests
from requests.auth import AuthBase

from falusage.errors import ConfigError

_WELL_FORMED: Final = re.compile(r"[\x21\x23-\x26\x28-\x7e]+")
"""ASCII without spaces and quotes."""
VARIABLES: Final = ("FAL_ADMIN_KEY", "FAL_KEY")
_RUN: Final = 8
"""So many characters of the key in a row are never shown."""
_LAYERS: Final = 3
"""How often an escaped key may be escaped again."""
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_STANDARD: Final = str.maketrans("-_", "+/")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{11,}={0,2}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{16,}")
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")


class Secret(AuthBase):
    """An admin key; as the `auth` of a request it writes the header."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Key {self._key}"
        return request

    def hide(self, text: str) -> str:
        """Return a foreign text without the key, its parts and their encodings.

        Every part of the key of eight characters is replaced, in upper or lower case, also if it
        is escaped for a URL, a page or JSON, or encoded in base64 or hexadecimal.

        Example:
            >>> Secret("0b1d5a2e-fa17:7f3c9e00c0ffee").hide("you sent 0B1D5A2E, 7f3c9e00c0%66f")
            'you sent ***, ***'
        """
        for _ in range(_LAYERS):
            for decode in (unquote, html.unescape, _unescaped):
                plain = decode(text)
                if plain != text and self._masked(plain) != plain:
                    text = plain
        return self._masked(text)

    def _masked(self, text: str) -> str:
        run = min(_RUN, len(self._key))
        key, low = self._key.translate(_LOWER), text.translate(_LOWER)
        runs = {key[at : at + run] for at in range(len(key) - run + 1)}
        kept: list[str] = []
        end = 0
        for at in range(len(text)):
            if low[at : at + run] in runs:
                if at >= end:
                    kept.append("***")
                end = at + run
            elif at >= end:
                kept.append(text[at])
        masked = "".join(kept)
        if len(key) < _RUN:
            return masked
        for words, decode in ((_HEX, _from_hex), (_BASE64, _from_base64)):
            masked = words.sub(
                lambda found, decode=decode: "***" if _has(decode(found[0]), runs) else found[0],
                masked,
            )
        return masked

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a key is not pickled or copied; make a new client where one is needed, "
            f"with the key from {VARIABLES[0]}"
        )


def find_key(api_key: str | None) -> Secret:
    """Return the key: the argument, or else `FAL_ADMIN_KEY`, or else `FAL_KEY`.

    Raises:
        ConfigError: The key is missing or malformed. The message does not show it.
    """
    source, key = "api_key", api_key
    for name in VARIABLES:
        if key is None and os.environ.get(name):
            source, key = name, os.environ[name]
    if key is None:
        raise ConfigError(
            f"no key: set {VARIABLES[1]} to a key of your workspace that may read billing, or "
            f"{VARIABLES[0]} to an admin key of your organization's root team (in Python, "
            "UsageClient(api_key=...) takes it, too)"
        )
    if type(key) is not str or not _WELL_FORMED.fullmatch(key):
        raise ConfigError(
            f"the key from {source} is malformed (not shown): expected the key alone, without "
            "quotes, spaces, line breaks or the word 'Key' before it"
        )
    return Secret(key)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def _from_hex(word: str) -> Iterator[bytes]:
    for at in range(2):
        yield bytes.fromhex(word[at : at + (len(word) - at) // 2 * 2])


def _from_base64(word: str) -> Iterator[bytes]:
    word = word.rstrip("=").translate(_STANDARD)
    for at in range(4):  # the key may begin anywhere in what was encoded
        with suppress(ValueError):
            yield base64.b64decode(word[at : at + (len(word) - at) // 4 * 4])


def _has(readings: Iterable[bytes], runs: set[str]) -> bool:
    """Return whether a part of the key is in one of several decodings of a word."""
    texts = (read.decode("latin-1").translate(_LOWER) for read in readings)
    return any(text[at : at + _RUN] in runs for text in texts for at in range(len(text)))


def strip_tracebacks(error: BaseException) -> BaseException:
    """Remove the frames and requests of a foreign error before it is chained: they have the key.

    Loggers that print local variables would print it.
    """
    seen: set[int] = set()
    queue: list[Any] = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        queue += [current.__cause__, current.__context__, *current.args]
        current.__traceback__ = None
        for name in ("request", "response", "pool", "conn"):
            if name in vars(current):
                setattr(current, name, None)
    return error
