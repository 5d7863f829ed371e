"""Why there was no whole answer: whether that may pass by itself, and what to do about it.

An error of this machine's settings (a proxy's URL, a missing file of certificates, a misspelt
host) does not pass. It ends a load at once, unless the load has had an answer before.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import requests
import urllib3

from falusage.api._http.key import Secret
from falusage.api._http.words import one_line, shortened
from falusage.errors import ConfigError, TransportError

_PROXIES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NO_SUCH_HOST: Final = {
    getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL", "EAI_SERVICE")
}
"""The errors of a resolver for a name that does not exist; `EAI_AGAIN` means that it may exist."""
_NO_TLS: Final = re.compile(
    r"WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|"
    r"ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE|UNRECOGNIZED_NAME|ILLEGAL_PARAMETER|ACCESS_DENIED)|"
    r"CERTIFICATE_REQUIRED|NO_SHARED_CIPHER|DH_KEY_TOO_SMALL|UNSAFE_LEGACY_RENEGOTIATION"
)
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")


class LastingError(TransportError):
    """There was no answer, for a reason that does not pass by itself."""


def no_answer(error: BaseException, *, host: str, key: Secret) -> TransportError:
    """Return the error that a failure of the network, or of its settings, means.

    Args:
        error: What requests, urllib3 or Python raised.
        host: The host that was asked, with its port.
        key: The key, which no text of the error may hold.

    Raises:
        ConfigError: A setting of this machine cannot be used.
    """
    inner = list(_chain(error))
    _refuse_settings(error, inner)
    reason = shortened(key.hide(_without_passwords(one_line(_reason(inner)))))
    lasting, advice = _judged(error, inner, host)
    kind = LastingError if lasting else TransportError
    return kind(f"no complete answer from {host}: {reason}{advice and '; ' + advice}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and those inside it, under requests' and urllib3's."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)


def _reason(inner: list[BaseException]) -> str:
    words = [str(each) for each in inner]
    return next((text for text in reversed(words) if text), type(inner[-1]).__name__)


def _without_passwords(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def _refuse_settings(error: BaseException, inner: list[BaseException]) -> None:
    """Raise if the error shows a setting with which no request can be sent."""
    proxy = _set(_PROXIES)
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error):
        raise ConfigError(
            f"{proxy or 'the proxy'} is a SOCKS proxy, which needs the package PySocks; "
            "pip install 'requests[socks]', or name an http proxy"
        ) from error
    malformed = requests.exceptions.InvalidURL | urllib3.exceptions.LocationValueError
    if isinstance(error, malformed | UnicodeError | requests.exceptions.InvalidSchema):
        what = proxy or "the proxy of this system"  # the base URL was checked by the client
        raise ConfigError(
            f"{what} is not a URL that can be used (not shown, because it may have a password); "
            "expected one such as http://proxy.example.com:8080"
        ) from None
    unread = any(isinstance(each, FileNotFoundError | PermissionError) for each in inner)
    unfit = any(
        isinstance(each, ssl.SSLError) and re.search("X509|PEM", str(each)) for each in inner
    )
    in_tls = isinstance(error, requests.exceptions.SSLError) and (unread or unfit)
    if in_tls or "CA certificate bundle" in str(error):
        raise ConfigError(
            f"{_set(_BUNDLES) or 'the bundle of certificates'} does not name a file of "
            f"certificates that can be read: {one_line(_reason(inner))}; expected a PEM file"
        ) from error


def _judged(error: BaseException, inner: list[BaseException], host: str) -> tuple[bool, str]:
    """Return whether a failure lasts, and what to do."""
    through = isinstance(error, requests.exceptions.ProxyError)
    proxy = f"check the proxy in {_set(_PROXIES) or 'HTTPS_PROXY'}"
    network = "check the network, and FALUSAGE_BASE_URL where it is set"
    last = inner[-1]
    tunnel = _TUNNEL.search(str(last))
    if tunnel:
        status = int(tunnel[1])
        login = ", which asks for a user and a password: http://user:password@host:port"
        lasting = 400 <= status < 500 and status not in {408, 429}
        return lasting, f"{proxy}{login if status == 407 else ', and what it allows'}"
    if isinstance(last, ssl.SSLCertVerificationError):
        return True, _on_certificates(str(last))
    if isinstance(last, ssl.SSLError) and _NO_TLS.search(str(last)):
        other = f"{host} does not speak https, or not a version of it that we do; {network}"
        return True, f"{proxy}; most proxies are named with http://" if through else other
    if isinstance(last, socket.gaierror):
        return last.errno in _NO_SUCH_HOST, proxy if through else network
    connected = not any(isinstance(each, urllib3.exceptions.NewConnectionError) for each in inner)
    if not (through or connected) and isinstance(last, ConnectionRefusedError):
        network = f"nobody listens at {host}; {network}"
    return False, proxy if through else "" if connected else network


def _on_certificates(reason: str) -> str:
    if "expired" in reason or "not yet valid" in reason:
        return "check the clock of this machine; if it is right, the server's certificate is not"
    if "mismatch" in reason:
        return "another server answers at that address; check the network and FALUSAGE_BASE_URL"
    return "if your network has a certificate of its own, name its file in REQUESTS_CA_BUNDLE"


def _set(names: tuple[str, ...]) -> str:
    """Return the first of some variables that is set."""
    return next((name for name in names if os.environ.get(name)), "")
