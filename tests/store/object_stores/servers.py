"""Object-store servers on the loopback: moto for S3 and GCS, azurite for Azure.

The emulators of GCS serve its JSON interface. The Delta library speaks the XML one, which is made
to be that of S3, so moto answers it, too; only the name of the precondition is another.
"""

from __future__ import annotations

import html
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import falusage as fu
from tests.store.object_stores.fault_proxy import Proxy, Request, until

SERVICES = ("s3", "azure", "gcs")
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""The account and the key that every azurite has; its documentation prints them."""


@dataclass(frozen=True, slots=True)
class Service:
    """An object-store server: its proxy, and how its stores are addressed and reached."""

    proxy: Proxy
    bucket: str
    options: dict[str, str]

    def store(self, name: str, **further: str) -> fu.UsageStore:
        """Return the store of a name in the bucket."""
        return fu.UsageStore(f"{self.bucket}/{name}", storage_options={**self.options, **further})


def azurite() -> Path | None:
    """Return where azurite is: on the path, or in the environment's folder, as in CI."""
    found = shutil.which("azurite-blob")
    own = Path(sys.prefix, "azurite", "node_modules", ".bin", "azurite-blob")
    return Path(found) if found else own if own.exists() else None


def _free_port() -> int:
    """Return a port that nobody listens at, below those that the system gives to connections."""
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("fifty ports are taken")


@contextmanager
def running(command: Sequence[str], port: int) -> Generator[None]:
    """Run a server until it is no longer needed."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - named by a test
        try:
            until(lambda: _answers(port) or process.poll() is not None)
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"{command[0]} did not start: {log.read().decode()}")
            yield
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def s3() -> Generator[int]:
    """Run moto's server; it is as strict about conditional PUT as S3 is."""
    port = _free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield port


@contextmanager
def azure(command: Path, folder: Path) -> Generator[int]:
    """Run azurite's blob server."""
    port = _free_port()
    options = ["--location", os.fspath(folder), "--silent", "--skipApiVersionCheck"]
    options += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with running([os.fspath(command), *options], port):
        yield port


def start_from(request: Request, content: bytes) -> bytes:
    """Leave names before `startFrom` out of a listing, as Azure does and azurite 3.35 does not."""
    first = parse_qs(urlsplit(request.path).query).get("startFrom")
    if not (request.is_list and first):
        return content
    edge = first[0].encode()
    return re.sub(
        rb"<Blob><Name>([^<]*)</Name>.*?</Blob>",
        lambda blob: blob[0] if html.unescape(blob[1].decode()).encode() >= edge else b"",
        content,
        flags=re.DOTALL,
    )


SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=a/20250101/us-east-1/s3/aws4_request"}
"""By these words moto knows that S3 is asked."""


def as_s3(request: Request) -> Request:
    """Translate the precondition of GCS for S3: generation 0 means that no such object exists."""
    headers = {name: text for name, text in request.headers.items() if "x-goog-" not in name}
    if request.headers.get("x-goog-if-generation-match") == "0":
        headers["if-none-match"] = "*"
    return Request(request.method, request.path, {**headers, **SIGNED})
