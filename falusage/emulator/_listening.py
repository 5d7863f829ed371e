"""Sockets that listen, the addresses they are bound to, and a warning if others can reach them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from falusage.errors import ConfigError

LOOPBACK: Final = "127.0.0.1"
NOT_A_REAL_KEY: Final = "sample-id:not-a-real-key"
WAITING: Final = 128
"""How many connections may wait to be accepted."""


def listener(host: str, port: int) -> socket.socket:
    """Open a socket that listens.

    Raises:
        ConfigError: The address is unknown or in use.
    """
    try:
        # The protocol is named because asyncio turns Nagle's delay off only if it is: otherwise
        # every small answer would wait 40 ms for an acknowledgement.
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(place)
            opened.listen(WAITING)
        except BaseException:
            opened.close()
            raise
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not a host name or an address"
        raise ConfigError(f"cannot listen on {host}:{port}: {why}") from error
    return opened


def address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse a socket's own address, without its zone; a mapped IPv4 address becomes IPv4."""
    parsed = ipaddress.ip_address(name.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def warning(host: str, port: int, api_key: str) -> str:
    """Return the warning that other machines can reach the address."""
    key = (
        f"the key {api_key!r}, which is the same in every installation"
        if api_key == NOT_A_REAL_KEY
        else "the key, which plain http shows to everyone on the network"
    )
    return (
        f"other machines can reach {host}: with {key}, they can read every row of the table, "
        f"with its teams and costs; use {LOOPBACK} unless you want that (from another machine, "
        f"ask http://NAME-OF-THIS-ONE:{port}/v1, with allow_http=True)"
    )
