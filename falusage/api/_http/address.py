"""The API's base URL, and whether the key may be sent there."""

from __future__ import annotations

import ipaddress
import os
from typing import Final
from urllib.parse import urlsplit

import requests

from falusage.errors import ConfigError

BASE_URL: Final = "https://api.fal.ai/v1"


def find_base_url(base_url: str | None, *, allow_http: bool) -> str:
    """Return the base URL: the argument, or else `FALUSAGE_BASE_URL`, or else the provider's.

    Raises:
        ConfigError: It is not a URL, or plain HTTP to another machine, where others could read
            the key on the way.
    """
    name = "base_url" if base_url is not None else "FALUSAGE_BASE_URL"
    base = base_url if base_url is not None else os.environ.get(name) or BASE_URL
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # raises if a part of the name is empty or too long
        requests.Request("GET", base).prepare()
        sound = parts.scheme in {"http", "https"} and bool(host) and base.split() == [base]
    except (ValueError, requests.RequestException):
        sound, host, parts = False, "", urlsplit("")
    if not sound:
        raise ConfigError(
            f"{name} is not a URL; expected one such as {BASE_URL!r}, and nothing before or after"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(f"{name} has a user, a query or a fragment; expected none of these")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigError(
            f"{name} is plain http to {host}, so others could read the key on the way; "
            "use https (in Python, allow_http=True sends it anyway)"
        )
    return base.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
