"""A body, read to its end and proved whole by its length, its chunks or its gzip trailer.

It is decoded in steps, up to a limit, and only a few large bodies are in memory at once, so that a
hostile server cannot fill the memory.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import requests

from falusage.errors import ProtocolError, TransportError

BODY_LIMIT: Final = 64 * 2**20
"""The largest decoded body, in bytes."""

_STEP: Final = 2**18
_BIG: Final = 2**22
# A body and its table take several times its size. Two of the largest at a time keep a load under
# 1 GB, with any number of workers.
BIG_BODIES: Final = threading.BoundedSemaphore(2)


def read_body(
    response: requests.Response, hold: Callable[[], object], *, shows_its_end: bool = True
) -> bytes:
    """Read and decode a body.

    Args:
        response: A response whose body has not been read.
        hold: Called once if the body is large; acquires one of `BIG_BODIES`.
        shows_its_end: Whether the text itself shows where it ends, as JSON does and CSV does not.

    Raises:
        TransportError: The body was cut short or damaged on the way, or nothing shows that it is
            whole.
        ProtocolError: It is too large, or has an encoding that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise ProtocolError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
    declared = response.headers.get("Content-Length", "").strip()
    length = int(declared) if declared.isdigit() else None
    is_chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if not (shows_its_end or is_chunked or length is not None or encoding == "gzip"):
        raise TransportError(
            "the answer has no Content-Length and is not chunked, so nobody can tell whether it is "
            "whole; a proxy may have removed them"
        )
    _reject_above_limit(length or 0)
    if length is not None and not is_chunked and encoding != "gzip":
        if length > _BIG:
            hold()
        return _read_length(response, length)
    chunks = _received(response, length)
    parts: list[bytes] = []
    size = 0
    for part in _inflated(chunks) if encoding == "gzip" else chunks:
        parts.append(part)
        if size <= _BIG < size + len(part):
            hold()
        size += len(part)
        _reject_above_limit(size)
    return b"".join(parts)


def _reject_above_limit(size: int) -> None:
    if size > BODY_LIMIT:
        raise ProtocolError(f"the answer is larger than {BODY_LIMIT // 2**20} MiB")


def _read_length(response: requests.Response, length: int) -> bytes:
    """Read a body at once, into memory that is acquired once."""
    body: bytes = response.raw.read(length, decode_content=False)
    _require_length(len(body), length)
    return body


def _received(response: requests.Response, length: int | None) -> Iterator[bytes]:
    """Yield the bytes as received. http.client checks the chunks, this function the length."""
    raw: Any = response.raw
    received = 0
    while chunk := raw.read1(_STEP, decode_content=False):
        received += len(chunk)
        yield chunk
    if length is not None:
        _require_length(received, length)


def _require_length(received: int, length: int) -> None:
    if received != length:
        raise TransportError(f"the body was cut: {received} bytes of {length}; run this again")


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unzip to the end of the stream, in small steps."""
    inflate = zlib.decompressobj(wbits=31)
    begun = False
    for chunk in chunks:
        begun = True
        rest = chunk
        while rest:
            try:
                part = inflate.decompress(rest, _STEP)
            except zlib.error as error:
                raise TransportError(f"the gzip body is damaged: {error}") from None
            if inflate.unused_data:
                raise TransportError("the gzip body goes on after its end")
            rest = inflate.unconsumed_tail
            yield part
    if begun and not inflate.eof:
        raise TransportError("the gzip body was cut before its end")
