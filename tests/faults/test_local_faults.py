"""What is wrong on this machine ends a load at once, and says what to do about it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import falusage as fu
from falusage.api._http.key import Secret
from falusage.api._http.unreachable import LastingError, no_answer
from tests.faults.fault_catalogue import SMALL
from tests.faults.fault_server import FaultServer

QUERY = fu.UsageQuery("2025-01-01", "2025-01-04")
SETTINGS = (
    *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


class Listener:
    """A port that says the same to whoever comes, and counts them."""

    def __init__(self, reply: bytes, context: ssl.SSLContext | None = None) -> None:
        self.calls = 0
        self._reply = reply
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            with contextlib.suppress(OSError), conn:
                if self._context:
                    conn = self._context.wrap_socket(conn, server_side=True)
                conn.recv(65536)
                conn.sendall(self._reply)

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """A function that starts a listener."""
    with contextlib.ExitStack() as stack:

        def start(reply: bytes, context: ssl.SSLContext | None = None) -> Listener:
            return stack.enter_context(contextlib.closing(Listener(reply, context)))

        yield start


def refused(base_url: str) -> fu.FalUsageError:
    """Load with a client that would try six times, which takes seconds; give its error."""
    sent = threading.active_count()
    with (
        fu.UsageClient("id:s3cret-of-mine", base_url=base_url) as client,
        pytest.raises(fu.FalUsageError) as caught,
    ):
        client.load(QUERY)
    assert threading.active_count() <= sent
    assert "s3cret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks5://127.0.0.1:9", r"HTTPS_PROXY is a SOCKS proxy.*pip install 'requests\[socks\]'"),
        ("socks5h://me:s3cret@127.0.0.1:9", "HTTPS_PROXY is a SOCKS proxy"),
        ("http://", "HTTPS_PROXY is not a URL"),
        ("://proxy", "HTTPS_PROXY is not a URL"),
        ("http://[bad", "HTTPS_PROXY is not a URL"),
        ("http://me:s3cret@proxy:99999", "HTTPS_PROXY is not a URL"),
        ("http://me:s3cret@proxy:port", "HTTPS_PROXY is not a URL"),
        ("http://a b:1", "HTTPS_PROXY is not a URL"),
        ("ftp://127.0.0.1:9", "HTTPS_PROXY is not a URL"),
        (f"http://{'a' * 70}.com:1", "HTTPS_PROXY is not a URL"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    proxy: str, said: str, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """A proxy's address comes from the environment; the ConfigError names the variable."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = refused("https://nowhere.invalid/v1")
    assert isinstance(error, fu.ConfigError)
    assert pytest.RaisesExc(fu.ConfigError, match=said).matches(error)
    assert [] == slept


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts."""
    from falusage.api._http.exchange import Exchange

    pauses: list[float] = []
    real = Exchange._sleep

    def sleep(exchange: Exchange, seconds: float) -> None:
        if seconds > 0:
            pauses.append(seconds)
        real(exchange, min(seconds, 0.01))

    monkeypatch.setattr(Exchange, "_sleep", sleep)
    return pauses


def test_a_host_that_nobody_has(slept: list[float]) -> None:
    """A misspelt base URL is found out at the first look-up."""
    error = refused("https://api.fal.invalid/v1")
    assert isinstance(error, fu.TransportError)
    assert type(error) is fu.TransportError
    assert "api.fal.invalid" in str(error)
    assert "check the network, and FALUSAGE_BASE_URL" in str(error)
    assert [] == slept


def test_a_proxy_that_nobody_has(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> None:
    """A misspelt proxy, too."""
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    assert "check the proxy in https_proxy" in str(refused("https://nowhere.invalid/v1"))
    assert [] == slept


@pytest.mark.parametrize(
    ("reply", "lasts", "said"),
    [
        (b"407 Proxy Authentication Required", True, "asks for a user and a password"),
        (b"403 Forbidden", True, "check the proxy in HTTPS_PROXY, and what it allows"),
        (b"503 Service Unavailable", False, "check the proxy in HTTPS_PROXY"),
        (b"429 Too Many", False, "check the proxy in HTTPS_PROXY"),
    ],
)
def test_a_proxy_that_refuses(  # noqa: PLR0917 - cases and fixtures
    reply: bytes,
    lasts: bool,
    said: str,
    listen: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
) -> None:
    """A proxy that wants a password, or forbids the host, goes on doing so; an outage may pass."""
    proxy = listen(b"HTTP/1.1 " + reply + b"\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert said in str(refused("https://nowhere.invalid/v1"))
    assert lasts == (1 == proxy.calls)
    assert lasts == (not slept)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_certificates_that_cannot_be_read(  # noqa: PLR0917 - cases and fixtures
    name: str,
    content: str | None,
    tmp_path: Path,
    listen: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
) -> None:
    """A bundle that is missing, empty or no PEM is a ConfigError that names its variable."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(name, str(bundle))
    error = refused(f"https://127.0.0.1:{listen(b'').port}/v1")
    assert isinstance(error, fu.ConfigError)
    assert f"{name} does not name a file of certificates that can be read" in str(error)
    assert [] == slept


def test_a_certificate_that_nobody_vouches_for(
    tmp_path: Path, listen: Callable[..., Listener], slept: list[float]
) -> None:
    """As behind a firewall that looks into https: the message says where to name its file."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    command += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - as written here
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate, and is not here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = listen(b"", context)
    error = refused(f"https://127.0.0.1:{server.port}/v1")
    assert isinstance(error, fu.TransportError)
    assert "name its file in REQUESTS_CA_BUNDLE" in str(error)
    assert 1 == server.calls
    assert [] == slept


def test_a_server_without_https(listen: Callable[..., Listener], slept: list[float]) -> None:
    """An https address of a server that speaks plain http is not tried again."""
    server = listen(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "does not speak https" in str(refused(f"https://127.0.0.1:{server.port}/v1"))
    assert 1 == server.calls
    assert [] == slept


@pytest.mark.parametrize(
    "address",
    [
        "https://exa mple.com/v1",
        "https://.example.com/v1",
        "https://x..example.com/v1",
        f"https://{'a' * 70}.com/v1",
        "https://*example.com/v1",
        "https://\u2603.example.com/v1",
        "https://[::1/v1",
        "https://example.com:99999/v1",
        "https:/example.com/v1",
        "https//example.com/v1",
        "https://example.com/v1\n",
        " https://example.com/v1",
        "'https://example.com/v1'",
    ],
)
@pytest.mark.parametrize("by", ["argument", "variable"])
def test_an_address_that_cannot_be_used(
    address: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused when the client is made, and the message names where it came from."""
    if by == "variable":
        monkeypatch.setenv("FALUSAGE_BASE_URL", address)
    name = "base_url" if by == "argument" else "FALUSAGE_BASE_URL"
    with pytest.raises(fu.ConfigError, match=f"^{name} is not a URL; expected one such as"):
        fu.UsageClient("id:secret", base_url=address if by == "argument" else None)


def test_a_refused_connection_is_tried_again(slept: list[float]) -> None:
    """A server that restarts refuses for a moment; the message says that nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert f"nobody listens at 127.0.0.1:{port}" in str(refused(f"http://127.0.0.1:{port}/v1"))
    assert 5 == len(slept)


def test_a_resolver_that_does_not_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """`EAI_AGAIN` says that nobody could be asked, not that the name does not exist."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert "Temporary failure" in str(refused("https://api.fal.invalid/v1"))
    assert 5 == len(slept)


def test_what_worked_before_is_tried_again(
    serve: Callable[..., FaultServer],
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
) -> None:
    """After an answer, a name that is suddenly unknown is a fault of the network, and may pass."""
    server = serve(SMALL, page_size=2, latency=0.05)  # so that one connection is not enough
    real, calls = socket.getaddrinfo, 0

    def forget(*args: object, **settings: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(*args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", forget)
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        assert client.load(QUERY).receipt.retries == 1


@pytest.mark.parametrize("reason", ["certificate has expired", "certificate is not yet valid"])
def test_a_wrong_clock_is_thought_of(reason: str) -> None:
    """A certificate out of its time is more often this machine's clock than the server's fault."""
    error = ssl.SSLCertVerificationError(f"certificate verify failed: {reason} (_ssl.c:1006)")
    told = no_answer(error, host="example.com", key=Secret("id:secret"))
    assert isinstance(told, LastingError)
    assert "check the clock of this machine" in str(told)
