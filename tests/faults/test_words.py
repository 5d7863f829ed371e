"""The server's own words reach the reader, whatever their shape, and the key does not."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import falusage as fu
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import PAGED, SMALL, always
from tests.faults.fault_server import Answer, FaultServer, Rule

QUERY = fu.UsageQuery("2025-01-01", "2025-01-04")
LOCKED = "User is locked. Reason: Exhausted balance. Top up at https://fal.ai/dashboard/billing."
CLOUDFLARE = """<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title>
<style>body { color: red }</style><script>var secret = "no words";</script></head>
<body><h1>Sorry, you have been <b>blocked</b></h1>
<p>You are unable to access api.fal.ai&nbsp;&ndash; Ray ID: 8f1</p></body></html>"""
SHAPES = {
    "the contract's": ({"error": {"type": "t", "message": LOCKED}}, LOCKED),
    "an error that is a text": ({"error": LOCKED}, LOCKED),
    "a detail": ({"detail": LOCKED}, LOCKED),
    "a detail of its own": ({"detail": {"message": LOCKED, "code": 7}}, LOCKED),
    "FastAPI's details": (
        {
            "detail": [
                {"type": "missing", "loc": ["query", "start"], "msg": "Field required"},
                {"type": "enum", "loc": ["query", "expand", 0], "msg": "Input should be 'x'"},
            ]
        },
        "query.start: Field required; query.expand.0: Input should be 'x'",
    ),
    "a message": ({"message": LOCKED, "status": "error"}, LOCKED),
    "AWS's": ({"Message": LOCKED}, LOCKED),
    "a problem's": ({"title": "Locked", "status": 403, "detail": LOCKED}, f"Locked; {LOCKED}"),
    "OAuth's": ({"error": "denied", "error_description": LOCKED}, f"{LOCKED}; denied"),
    "errors by field": ({"errors": {"start": ["too early"]}}, "start: too early"),
    "errors in a list": ({"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
    "members that nobody knows": ({"kaputt": {"weil": LOCKED}}, f"kaputt: weil: {LOCKED}"),
    "a JSON text": (LOCKED, LOCKED),
    "a list of texts": (["one", "two"], "one; two"),
    "plain text": (LOCKED.encode(), LOCKED),
    "plain text on lines": (b"upstream connect error\r\n  or disconnect", "error or disconnect"),
    "a page": (CLOUDFLARE.encode(), "Sorry, you have been blocked You are unable to access"),
    "XML": (b"<Error><Code>AccessDenied</Code><Message>No</Message></Error>", "AccessDenied No"),
    "Latin-1": ("caf\u00e9 ferm\u00e9".encode("latin-1"), "caf"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + json.dumps({"detail": LOCKED}).encode(), LOCKED),
}


@pytest.fixture
def refused(serve: Callable[..., FaultServer], key: str) -> Callable[..., fu.ApiError]:
    """The error that an answer gives."""

    def ask(status: int, body: Any, **headers: str) -> fu.ApiError:
        def fault(answer: Answer) -> None:
            answer.status = status
            answer.headers.update({k.replace("_", "-"): v for k, v in headers.items()})
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer.edits.append(lambda _: raw)

        server = serve(SMALL, rules=[Rule(fault)])
        with (
            fu.UsageClient(api_key=key, base_url=server.base_url, max_attempts=1) as client,
            pytest.raises(fu.ApiError) as caught,
        ):
            client.load(QUERY)
        return caught.value

    return ask


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 418, 422, 429, 451, 500, 503])
def test_every_status_carries_the_words(status: int, refused: Callable[..., fu.ApiError]) -> None:
    """The status and a `detail` stand in the message, unchanged, before any advice of ours."""
    told = str(refused(status, {"detail": LOCKED}))
    assert told.startswith(f'status {status}: "{LOCKED}"')


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read(shape: str, refused: Callable[..., fu.ApiError]) -> None:
    """The words are found in JSON of any form, in text and in pages."""
    body, words = SHAPES[shape]
    assert words in str(refused(403, body))


def test_a_page_does_not_blame_the_key(refused: Callable[..., fu.ApiError]) -> None:
    """What a proxy or a firewall refuses says nothing of the key."""
    told = str(refused(403, CLOUDFLARE.encode(), Content_Type="text/html", cf_ray="8f1-FRA"))
    assert "a proxy, a firewall or a login page may have answered" in told
    assert "root team" not in told
    assert "no words" not in told
    assert "color" not in told
    assert told.endswith("(request id 8f1-FRA)")


def test_a_page_with_status_200_is_read_too(refused: Callable[..., fu.ApiError]) -> None:
    """What a login page says stands in the error, without its tags."""
    error = refused(200, CLOUDFLARE.encode(), Content_Type="text/html")
    assert isinstance(error, fu.ProtocolError)
    assert "Sorry, you have been blocked You are unable to access" in str(error)
    assert "<p>" not in str(error)


def test_a_body_in_an_unknown_encoding_does_not_hide_the_status(
    refused: Callable[..., fu.ApiError],
) -> None:
    """A proxy may compress its page as nobody asked it to; the 403 is still a 403."""
    error = refused(403, b"\x1b\x00\x00", Content_Encoding="br")
    assert isinstance(error, fu.PermissionDeniedError)
    assert "status 403, without a message" in str(error)


def test_a_403_says_what_it_may_mean(refused: Callable[..., fu.ApiError]) -> None:
    """After the server's words: no key of the root team, no permission, or no organizations."""
    for body in (b"", {"detail": LOCKED}):
        told = str(refused(403, body))
        assert "not a key of the organization's root team" in told
        assert "without permission to read billing" in told
        assert "organizations are not enabled" in told
        assert "use scope='workspace' (--scope workspace)" in told
    assert "without a message from the server" in str(refused(403, b""))


def test_long_words_are_shortened(refused: Callable[..., fu.ApiError]) -> None:
    """A message stays readable, however much the server says, and in whatever form."""
    for body in ({"detail": "much " * 10_000}, b"much " * 10_000, b"<p>" + b"much " * 10_000):
        told = str(refused(422, body))
        assert "much much" in told
        assert "…" in told
        assert len(told) < 700


def test_no_command_reaches_a_terminal(refused: Callable[..., fu.ApiError]) -> None:
    """Escapes, line breaks and marks of writing direction become spaces."""
    told = str(refused(400, {"detail": "one\x1b[31m\n\u202etwo\x00three\x9b"}))
    assert told.isprintable()
    assert "one [31m two three" in told


@pytest.mark.parametrize("status", [401, 403, 422, 500])
def test_the_request_id_is_in_the_message(status: int, refused: Callable[..., fu.ApiError]) -> None:
    """From the body or a header, and once only."""
    contract = {"error": {"type": "t", "message": "no", "request_id": "req-7"}}
    for error in (
        refused(status, contract),
        refused(status, {"detail": "no"}, x_request_id="req-7"),
        refused(status, {"detail": "no", "request_id": "req-7"}),
        refused(status, b"<p>no", x_fal_request_id="req-7"),
        refused(status, {"detail": "no (req-7)", "request_id": "req-7"}),
    ):
        assert "req-7" == error.request_id
        assert 1 == str(error).count("req-7")


def test_a_broken_answer_names_its_request_id(refused: Callable[..., fu.ApiError]) -> None:
    """An answer outside the contract can be asked after, too."""
    for body in (b"{", b"<html>", {"detail": "no"}):
        error = refused(200, body, x_request_id="req-7")
        assert "req-7" == error.request_id
        assert 1 == str(error).count("req-7")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://login.example.com/sso?token=s3cret#part", "https://login.example.com/sso,"),
        ("//login.example.com/sso", "http://login.example.com/sso,"),
        ("/elsewhere?token=s3cret", "/elsewhere,"),
        ("https://me:s3cret@login.example.com/sso", "https://login.example.com/sso,"),
        ("https://[bad", "a redirect without a URL"),
        ("", "a redirect without a URL"),
    ],
)
def test_a_redirect_names_its_target(
    status: int, location: str, target: str, serve: Callable[..., FaultServer], key: str
) -> None:
    """The address is shown without its query, its user and its password."""
    server = serve(SMALL, rules=always(kinds.redirect(status, lambda: location)))
    with (
        fu.UsageClient(api_key=key, base_url=server.base_url) as client,
        pytest.raises(fu.ProtocolError) as caught,
    ):
        client.load(QUERY)
    assert target in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert 1 == len(server.requests)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "its beginning": lambda key: key[:12],
    "its end": lambda key: key[-10:],
    "its middle": lambda key: key[10:22],
    "masked": lambda key: f"{key[:9]}****",
    "for an address": lambda key: quote(key, safe=""),
    "for an address, every letter": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "for an address, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "for a page": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "for a page, by name": lambda key: html.escape(key).replace(":", "&colon;"),
    "for JSON": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: base64.b64encode(f"Key {key}".encode()).decode(),
    "base64 of a user and the key": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(f"~{key}".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal in capitals": lambda key: key.encode().hex().upper(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_form_of_the_key_is_repeated(
    encoding: str, key: str, refused: Callable[..., fu.ApiError]
) -> None:
    """What the server repeats of the key is taken out, however it is written."""
    heard = ENCODINGS[encoding](key)
    contract = {"error": {"type": heard, "message": f"you sent {heard}", "request_id": heard}}
    for status, body in (
        (401, contract),
        (403, {"detail": f"you sent {heard}"}),
        (403, f"you sent {heard}".encode()),
        (500, f"<p>you sent {heard}</p>".encode()),
        (400, {"detail": "x" * 270 + f" you sent {heard}"}),  # cut in the middle of it
        (200, f"you sent {heard}".encode()),
        (302, b""),
    ):
        error = refused(status, body, Location=f"/login/{heard}", x_request_id=heard)
        told = str(error) + repr(error) + repr(vars(error))
        assert heard not in told
        assert heard[:8] not in told


def test_words_are_kept_where_they_are_not_the_key(
    key: str, refused: Callable[..., fu.ApiError]
) -> None:
    """Ids and numbers that look like keys are no key."""
    words = "request 4f9e1d7c-aaaa-bbbb-cccc-0123456789ab of team acme-ml, dGhpcyBpcyBubyBrZXk="
    assert words in str(refused(400, {"detail": words}))
    assert key not in words


def test_a_later_page_names_the_page(serve: Callable[..., FaultServer], key: str) -> None:
    """The words of a page that fails come with its cursor as a field."""
    server = serve(PAGED, rules=always(kinds.status(400, "validation_error"), kinds.later_page))
    with (
        fu.UsageClient(api_key=key, base_url=server.base_url) as client,
        pytest.raises(fu.BadRequestError, match="something about it") as caught,
    ):
        client.load(fu.UsageQuery(**PAGED.query))
    assert "Mg==" == caught.value.cursor
