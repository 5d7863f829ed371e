"""The key is shown to nobody but the API."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import falusage as fu
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import SMALL, always
from tests.faults.fault_server import FaultServer, Rule


def test_the_client_shows_no_key(key: str, serve: Callable[..., FaultServer]) -> None:
    """Neither repr, str, vars nor a copy of a client shows its key."""
    server = serve(SMALL)
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        shown = [repr(client), str(client), f"{client}", repr(getattr(client, "__dict__", {}))]
        assert not any(key in text for text in shown)


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy])
def test_the_client_is_not_kept(take: Callable[[Any], Any], key: str) -> None:
    """A client may refuse to be pickled or copied; what it gives has no key in it."""
    with fu.UsageClient(api_key=key) as client:
        try:
            shown = take(client)
        except (TypeError, pickle.PicklingError, fu.FalUsageError) as error:
            shown = error
        assert key not in (shown.decode("latin-1") if isinstance(shown, bytes) else repr(shown))


@pytest.mark.parametrize(
    "broken",
    [
        "{}\n",
        "{}\r\nX-Injected: yes",
        "{}\0",
        "\n{}",
        "{} and more\n",
        "schl\u00fcssel-{}",
        "{}\u2028",
        "",
        "   ",
        '"{}"',
        "'{}",
    ],
    ids=[
        "newline",
        "header",
        "NUL",
        "newline first",
        "words",
        "umlaut",
        "U+2028",
        "empty",
        "blank",
        "quoted",
        "a quote",
    ],
)
def test_a_malformed_key_is_refused_without_an_echo(
    broken: str, key: str, serve: Callable[..., FaultServer]
) -> None:
    """A key that cannot stand in a header is a ConfigError, before anything is sent."""
    server = serve(SMALL)
    malformed = broken.format(key)

    def load() -> Any:
        with fu.UsageClient(api_key=malformed, base_url=server.base_url) as client:
            return client.load(fu.UsageQuery("2025-01-01", "2025-01-04"))

    with pytest.raises(fu.ConfigError) as caught:
        load()
    told = [str(caught.value), repr(caught.value), repr(vars(caught.value))]
    told += traceback.format_exception(caught.value)
    assert not any(key in text for text in told)
    assert server.requests == []


def test_no_key_is_a_config_error(serve: Callable[..., FaultServer]) -> None:
    """Without a key nothing is sent."""
    server = serve(SMALL)
    with pytest.raises(fu.ConfigError, match="FAL_ADMIN_KEY"):
        fu.UsageClient(base_url=server.base_url).load(fu.UsageQuery("2025-01-01", "2025-01-04"))
    assert server.requests == []


@pytest.mark.parametrize(
    ("admin", "plain"), [(True, False), (False, True), (True, True)], ids=["admin", "plain", "both"]
)
def test_the_key_of_the_environment(
    admin: bool,
    plain: bool,
    key: str,
    serve: Callable[..., FaultServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`FAL_ADMIN_KEY` comes before `FAL_KEY`."""
    server = serve(SMALL)
    if plain:
        monkeypatch.setenv("FAL_KEY", "other:key" if admin else key)
    if admin:
        monkeypatch.setenv("FAL_ADMIN_KEY", key)
    monkeypatch.setenv("FALUSAGE_BASE_URL", server.base_url)
    with fu.UsageClient() as client:
        load = client.load(fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day"))
    assert load.usage.height == len(SMALL.rows)


@pytest.mark.parametrize(
    "address",
    [
        "http://api.fal.ai/v1",
        "http://192.0.2.7:8080/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1@example.com/v1",
        "http://0.0.0.0/v1",
        "ftp://127.0.0.1/v1",
        "file:///etc/passwd",
        "127.0.0.1:8000/v1",
        "https://",
        "",
    ],
)
def test_an_address_that_would_show_the_key_is_refused(address: str, key: str) -> None:
    """Plain http goes to the loopback alone, and an address has a scheme and a host."""
    with pytest.raises(fu.ConfigError) as caught:
        fu.UsageClient(api_key=key, base_url=address).load(
            fu.UsageQuery("2025-01-01", "2025-01-04")
        )
    assert key not in str(caught.value)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308, 300])
@pytest.mark.parametrize("abroad", [True, False], ids=["other host", "same host"])
def test_a_redirect_is_not_followed(
    code: int, abroad: bool, serve: Callable[..., FaultServer], key: str
) -> None:
    """A redirect is a ProtocolError, and the address that it names hears nothing."""
    other = serve(SMALL)
    address = f"{other.base_url}/organization/usage" if abroad else "/v1/elsewhere"
    server = serve(SMALL, rules=always(kinds.redirect(code, lambda: address)))
    with (
        fu.UsageClient(api_key=key, base_url=server.base_url) as client,
        pytest.raises(fu.ProtocolError),
    ):
        client.load(fu.UsageQuery("2025-01-01", "2025-01-04"))
    assert other.requests == []
    assert {"/v1/organization/usage"} == {request.path for request in server.requests}


def test_a_proxy_of_the_environment_does_not_hear_the_key(
    serve: Callable[..., FaultServer], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain-http request to the loopback goes to the loopback, whatever `http_proxy` says."""
    proxy = serve(SMALL)
    server = serve(SMALL)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        client.load(fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day"))
    assert proxy.requests == []


def test_netrc_does_not_replace_the_key(
    serve: Callable[..., FaultServer],
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    """A ~/.netrc with an entry for the host changes nothing."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(SMALL)
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        load = client.load(fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day"))
    assert load.usage.height == len(SMALL.rows)


def test_an_echoed_key_is_not_repeated(serve: Callable[..., FaultServer], key: str) -> None:
    """A server that puts the key into its answers does not get it into our errors."""

    def echo(answer: Any) -> None:
        answer.status = code
        heard = answer.request.headers["authorization"]
        answer.envelope = {
            "error": {"type": heard, "message": f"you sent {heard}", "request_id": heard}
        }

    for code in (400, 401, 403, 404, 429, 500, 200):
        server = serve(SMALL, rules=[Rule(echo)])
        with (
            fu.UsageClient(api_key=key, base_url=server.base_url, max_attempts=1) as client,
            pytest.raises(fu.ApiError) as caught,
        ):
            client.load(fu.UsageQuery("2025-01-01", "2025-01-04"))
        told = [str(caught.value), repr(caught.value), repr(vars(caught.value))]
        assert not any(key in text for text in told), code


def test_an_echoed_key_is_not_logged(
    serve: Callable[..., FaultServer], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure that is tried again is in the log, with the server's words and without the key."""

    def echo(answer: Any) -> None:
        answer.status = 503
        heard = answer.request.headers["authorization"]
        answer.envelope = {"error": {"type": "busy", "message": f"busy; you sent {heard}"}}

    caplog.set_level("DEBUG", logger="falusage")
    server = serve(SMALL, rules=[Rule(echo, times=1)])
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        client.load(fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day"))

    assert "attempt 1 failed" in caplog.text
    assert "busy; you sent" in caplog.text
    assert not any(key[at : at + 8] in caplog.text for at in range(len(key) - 7))


@pytest.mark.slow
def test_debug_logs_of_a_whole_process_show_no_key(
    serve: Callable[..., FaultServer], key: str
) -> None:
    """With every logger at DEBUG and an error that nobody catches, stderr holds no key."""
    server = serve(SMALL, rules=always(kinds.status(401, "authorization_error")))
    script = (
        "import logging; logging.basicConfig(level=0)\n"
        "import falusage as fu\n"
        "fu.UsageClient().load(fu.UsageQuery('2025-01-01', '2025-01-04'))\n"
    )
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-X", "dev", "-c", script],
        env={"FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": server.base_url, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "AuthenticationError" in done.stderr
    assert key not in done.stderr + done.stdout
