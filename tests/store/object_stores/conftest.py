"""Real object-store servers on the loopback, each behind a proxy that breaks things on demand."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import http.client
import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.store.object_stores import servers
from tests.store.object_stores.fault_proxy import proxy_of
from tests.store.object_stores.servers import Service

PATIENCE = {"timeout": "60s", "retry_timeout": "1s", "max_retries": "1"}


@pytest.fixture(scope="module", autouse=True)
def _no_credentials_of_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def moto() -> Iterator[int]:
    """The port of the server that plays S3 and GCS."""
    with servers.s3() as port:
        yield port


@pytest.fixture(scope="session")
def s3(moto: int) -> Iterator[Service]:
    """S3, as moto plays it."""
    _put(moto, "/bucket", servers.SIGNED)
    with proxy_of(moto) as proxy:
        options = {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            **PATIENCE,
        }
        yield Service(proxy, "s3://bucket", options)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Azure's blobs, as azurite plays them."""
    command = servers.azurite()
    if command is None:
        if os.environ.get("CI"):
            pytest.fail("CI installs azurite, and its tests may not be skipped there")
        pytest.skip("azurite is not installed: npm install --prefix .venv/azurite azurite")
    folder = tmp_path_factory.mktemp("azurite")
    with (
        servers.azure(command, folder) as port,
        proxy_of(port, mend=servers.start_from) as proxy,
    ):
        _put(port, f"/{servers.AZURE_ACCOUNT}/bucket?restype=container", _signed())
        options = {
            "azure_storage_account_name": servers.AZURE_ACCOUNT,
            "azure_storage_account_key": servers.AZURE_KEY,
            "azure_storage_endpoint": f"{proxy.url}/{servers.AZURE_ACCOUNT}",
            "allow_http": "true",
            **PATIENCE,
        }
        yield Service(proxy, "az://bucket", options)


@pytest.fixture(scope="session")
def gcs(moto: int) -> Iterator[Service]:
    """GCS, by the interface that it shares with S3."""
    _put(moto, "/gcsbucket", servers.SIGNED)
    with proxy_of(moto, translate=servers.as_s3) as proxy:
        account = {"gcs_base_url": proxy.url, "disable_oauth": True}
        unused = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        options = {
            "google_service_account_key": json.dumps({**account, **unused}),
            "allow_http": "true",
            **PATIENCE,
        }
        yield Service(proxy, "gs://gcsbucket", options)


@pytest.fixture(scope="module", params=servers.SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the servers."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def names() -> Callable[[], str]:
    """Return a maker of names that no other test has."""
    return lambda: f"store-{os.urandom(4).hex()}"


def _signed() -> dict[str, str]:
    date, version = email.utils.formatdate(usegmt=True), "2021-08-06"
    account = servers.AZURE_ACCOUNT
    text = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{version}\n"
    text += f"/{account}/{account}/bucket\nrestype:container"
    key = base64.b64decode(servers.AZURE_KEY)
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    authorization = f"SharedKey {account}:{signature}"
    return {"x-ms-date": date, "x-ms-version": version, "Authorization": authorization}


def _put(port: int, path: str, headers: dict[str, str]) -> None:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        server.request("PUT", path, headers={**headers, "Content-Length": "0"})
        answer = server.getresponse()
        assert answer.status < 300, answer.read()
    finally:
        server.close()
