"""An answer that is not the API's, as an error: what the server said, then what to do about it."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from falusage.api._http.key import Secret
from falusage.api._http.throttling import LONGEST_WAIT, Wait, asked_wait
from falusage.api._http.transport import Response
from falusage.api._http.words import Words, one_line, read_words, shortened
from falusage.contract import DENIED, Endpoint
from falusage.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
)


class NotJsonError(ProtocolError):
    """The body is not JSON, as when a proxy answers for the API; worth one retry."""


_ERRORS: Final[dict[int, type[ApiError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}
_BASE: Final = "check the base URL (FALUSAGE_BASE_URL), which mostly ends in /v1"
_ADVICE: Final = {
    400: "check the fields of the query",
    401: "the API does not know the key; check the api_key of UsageClient, or else FAL_ADMIN_KEY, "
    "then FAL_KEY",
    402: "look at the account's balance and payment on the provider's dashboard",
    404: f"there is nothing at this URL, or nothing with this id; {_BASE}",
    405: f"this URL does not accept GET; {_BASE}",
    407: "a proxy asks for a user and a password; put them into HTTPS_PROXY",
    414: "ask for fewer ids at a time",
    422: "check the fields of the query",
    429: "ask with fewer workers, or later",
    431: "ask for fewer ids at a time",
}
_PAGE_ADVICE: Final = (
    "a proxy, a firewall or a login page may have answered in the API's place; check the network, "
    "HTTPS_PROXY and FALUSAGE_BASE_URL"
)
_OUTAGE: Final = "the error is the server's; try again later"
_ID_FIELDS: Final = ("x-fal-request-id", "x-request-id", "request-id", "cf-ray")
_ID_LENGTH: Final = 100


def refusal(
    response: Response, endpoint: Endpoint, *, url: str, key: Secret, facts: dict[str, Any]
) -> ApiError:
    """Return the error that a status other than 200 means.

    Args:
        response: The answer.
        endpoint: The endpoint that was asked.
        url: The base URL.
        key: The key, which the error's text must not have.
        facts: The `cursor` and `window` of the request.
    """
    status = response.status
    words = read_words(response.body, response.headers.get("Content-Type", ""))
    facts = {**facts, "status": status, "request_id": request_id(response, key, words)}
    if 300 <= status < 400:
        return ProtocolError(_redirect(response, url + endpoint.path, key), **facts)
    said = _quoted(words, key)
    if status < 300:
        return ProtocolError(f"status {status}{said}; expected 200", **facts)
    wait = asked_wait(response.headers, clocks=response.clocks)
    kind = _ERRORS.get(status, ServerError if status >= 500 else BadRequestError)
    if wait.seconds is not None and wait.seconds > LONGEST_WAIT and may_pass(status):
        kind = RateLimitError
    advice = _advice(status, words, endpoint)
    parts = [f"status {status}{said}", advice, key.hide(_on_waiting(wait, kind))]
    return kind(
        "; ".join(part for part in parts if part),
        type=shortened(key.hide(words.type), _ID_LENGTH) if words.type else None,
        retry_after=wait.seconds,
        **facts,
    )


def may_pass(status: int) -> bool:
    """Return whether a status may pass by itself."""
    return status in {408, 429} or status >= 500


def request_id(response: Response, key: Secret, words: Words | None = None) -> str | None:
    """Return the id for the provider's support, from the body or the headers, or None."""
    sent = [words.request_id] if words else []
    sent += [response.headers.get(name) for name in _ID_FIELDS]
    found = next((one for one in sent if one), None)
    return None if found is None else shortened(key.hide(one_line(found)), _ID_LENGTH)


def _quoted(words: Words, key: Secret) -> str:
    text = shortened(key.hide(words.text))
    if words.is_page:
        return f', with a web page in place of the API\'s JSON: "{text}"'
    return f': "{text}"' if text else ", without a message from the server"


def _advice(status: int, words: Words, endpoint: Endpoint) -> str:
    if words.is_page:
        return _PAGE_ADVICE
    if status == 403:
        reason = f"{endpoint.path}: {DENIED[endpoint.needs]}"
        return f"{reason}; {endpoint.instead}" if endpoint.instead else reason
    return _ADVICE.get(status, _OUTAGE if status >= 500 else "")


def _on_waiting(wait: Wait, kind: type[ApiError]) -> str:
    if wait.invalid and wait.seconds is None:
        return f"the server's header {wait.invalid} is invalid, so the usual pauses were used"
    if wait.seconds is None or kind is not RateLimitError or wait.seconds <= LONGEST_WAIT:
        return ""
    hours = f" ({wait.seconds / 3600:,.1f} hours)" if wait.seconds >= 3600 else ""
    return (
        f"the server asks to wait {wait.seconds:,.0f} s{hours}, longer than the "
        f"{LONGEST_WAIT:.0f} s that falusage waits; try again after that"
    )


def _redirect(response: Response, url: str, key: Secret) -> str:
    """Return where a redirect leads, without the parts of the URL that may be secret."""
    named = response.headers.get("Location", "")
    try:
        parts = urlsplit(urljoin(url, named))
        place = re.sub(r"^.*@", "", parts.netloc)
    except ValueError:
        parts, place = None, ""
    if not named or parts is None or not place:
        target = "a redirect without a URL"
    else:
        shown = f"{parts.scheme}://{place}{parts.path}"
        target = f"a redirect to {shortened(key.hide(one_line(shown)), 200)}"
    return (
        f"status {response.status}: {target}, which is not followed; a login page or a proxy may "
        "stand before the API, or the API has moved: check the network and FALUSAGE_BASE_URL"
    )
