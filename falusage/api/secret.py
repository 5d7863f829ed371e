"""The key, held so that nothing prints, logs or pickles it by accident.

It is taken out in one place only: where the Authorization header of a request is written.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final, NoReturn

import requests
from requests.auth import AuthBase

from falusage.errors import ConfigError

_WELL_FORMED: Final = re.compile(r"[\x21-\x7e]+")
VARIABLES: Final = ("FAL_ADMIN_KEY", "FAL_KEY")


class Secret(AuthBase):
    """An admin key; as the `auth` of a request it writes the header and leaves no copy."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(  # noqa: D102 - AuthBase's own
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Key {self._key}"
        return request

    def hide(self, text: str) -> str:
        """Take the key, and either half of it, out of a text that somebody else wrote."""
        parts = [self._key, *(part for part in self._key.split(":") if len(part) >= 8)]
        for part in parts:
            text = text.replace(part, "***")
        return text

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
    """Take the key from the argument, `FAL_ADMIN_KEY`, then `FAL_KEY`.

    Raises:
        ConfigError: There is none, or it cannot be a key. What was given is not shown.
    """
    source, key = "api_key", api_key
    for name in VARIABLES:
        if key is None and os.environ.get(name):
            source, key = name, os.environ[name]
    if key is None:
        raise ConfigError(
            f"no key: set {VARIABLES[0]} to an admin key of your organization's root team "
            "(in Python, api_key= takes it, too)"
        )
    if type(key) is not str or not _WELL_FORMED.fullmatch(key):
        raise ConfigError(
            f"the key from {source} is malformed (not shown): expected the key alone, without "
            "spaces, line breaks or the word 'Key' before it"
        )
    return Secret(key)


def strip_tracebacks(error: BaseException) -> BaseException:
    """Make a foreign error fit to be chained: its frames and requests hold the header.

    Loggers that print local variables would print the key with them.
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
