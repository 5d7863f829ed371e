"""What can be done to an answer: on the wire, in its HTTP, in its JSON, in its rows.

Every kind is a function from an `Answer` to nothing, made by a noun that says what goes wrong;
`carries_*` say which answers a fault bites.
"""

from __future__ import annotations

import copy
import functools
import gzip
import re
import socket
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

from tests.faults.fault_server import Answer, as_json, cursor, hold, zip_body

Fault = Callable[[Answer], None]


def carries_series(answer: Answer) -> bool:
    """A truthful answer with a `time_series`, empty or not; not one whose text another edits."""
    return answer.status == 200 and "time_series" in answer.envelope and not answer.edits


def carries_rows(answer: Answer) -> bool:
    """A truthful answer with at least one line item."""
    return carries_series(answer) and bool(answer.rows)


def carries_several(answer: Answer) -> bool:
    """A truthful answer with at least two line items."""
    return carries_series(answer) and len(answer.rows) > 1


def carries_summary(answer: Answer) -> bool:
    """A truthful answer with a summary of something."""
    return answer.status == 200 and bool(answer.envelope.get("summary"))


def carries_more(answer: Answer) -> bool:
    """A truthful answer with rows, that another page follows."""
    return carries_rows(answer) and bool(answer.envelope.get("has_more"))


def later_page(answer: Answer) -> bool:
    """An answer to a request with a cursor."""
    return carries_series(answer) and answer.page > 1


# On the wire -------------------------------------------------------------------------------


def _abort(conn: socket.socket) -> bool:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _framed(answer: Answer) -> tuple[bytes, bytes]:
    body = answer.body()
    return answer.head(Content_Length=str(len(body))), body


def reset_before_head(answer: Answer) -> None:
    """Reset the connection instead of answering."""
    answer.wire = lambda conn, _: _abort(conn)


def hang_up(answer: Answer) -> None:
    """Close the connection instead of answering."""
    answer.wire = lambda _conn, _answer: False


def sent_up_to(share: float, *, reset: bool, stall: bool = False) -> Fault:
    """Send the head and a share of the body, then reset, close or fall silent."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        head, body = _framed(answer)
        conn.sendall(head + body[: int(len(body) * share)])
        if stall:
            return hold(conn, answer)
        time.sleep(0.05 if reset else 0)  # else the reset overtakes the bytes
        return _abort(conn) if reset else False

    return _wired(wire)


def _wired(wire: Callable[[socket.socket, Answer], bool]) -> Fault:
    def fault(answer: Answer) -> None:
        answer.wire = wire

    return fault


def stalled_head(answer: Answer) -> None:
    """Take the request and never say a word."""
    answer.wire = hold


def half_a_head(answer: Answer) -> None:
    """Stop in the middle of the headers."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        conn.sendall(_framed(answer)[0][:40])
        return hold(conn, answer)

    answer.wire = wire


def dripping(part: str, pause: float = 0.05) -> Fault:
    """Send the head or the body a byte at a time, so that no single read is late."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        head, body = _framed(answer)
        # Enough bytes that the drip outlasts any deadline of these tests.
        head = head[:-2] + b"X-Padding: " + b"x" * 2000 + b"\r\n\r\n"
        if part == "body":
            conn.sendall(head)
        for byte in head if part == "head" else body:
            if answer.server.stopped.wait(pause):
                return False
            conn.sendall(bytes([byte]))
        if part == "head":
            conn.sendall(body)
        return True

    return _wired(wire)


def chunked(*, size: int = 7, cut: bool = False, garbage: bool = False) -> Fault:
    """Frame the body in chunks: all of them, without the last, or with a senseless size."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        body = answer.body()
        conn.sendall(answer.head(Transfer_Encoding="chunked"))
        pieces = [body[n : n + size] for n in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        if garbage:
            framed = framed[: len(framed) // 2] + b"\r\nZZZ\r\n"
        conn.sendall(framed + (b"" if cut or garbage else b"0\r\n\r\n"))
        return not (cut or garbage)

    return _wired(wire)


def until_close(share: float = 1.0) -> Fault:
    """Send the body with no framing but the end of the connection."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        body = answer.body()
        conn.sendall(answer.head(Connection="close") + body[: int(len(body) * share)])
        return False

    return _wired(wire)


def claimed_length(difference: int) -> Fault:
    """Say a Content-Length that is off by some bytes, and keep the connection."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        body = answer.body()
        conn.sendall(answer.head(Content_Length=str(len(body) + difference)) + body)
        return difference < 0

    return _wired(wire)


def sent_twice(answer: Answer) -> None:
    """Send the whole answer twice, so that the next request finds the wrong one waiting."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        head, body = _framed(answer)
        conn.sendall((head + body) * 2)
        return True

    answer.wire = wire


def not_http(answer: Answer) -> None:
    """Answer in another language."""

    def wire(conn: socket.socket, _: Answer) -> bool:
        conn.sendall(b"220 smtp.example.com ESMTP\r\n")
        return False

    answer.wire = wire


def endless_head(answer: Answer) -> None:
    """Send headers for ever."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        conn.sendall(answer.head()[:-2])
        while not answer.server.stopped.is_set():
            conn.sendall(b"X-Again: " + b"y" * 4000 + b"\r\n")
        return False

    answer.wire = wire


# Content codings ---------------------------------------------------------------------------


def _coded(coding: Callable[[bytes], bytes], name: str = "gzip") -> Fault:
    def fault(answer: Answer) -> None:
        answer.coding = coding
        answer.headers["Content-Encoding"] = name

    return fault


gzip_whole: Fault = zip_body
gzip_cut = _coded(lambda body: gzip.compress(body)[:-12])
gzip_without_trailer = _coded(lambda body: gzip.compress(body)[:-8])
gzip_two_members = _coded(lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:]))
gzip_and_more = _coded(lambda body: gzip.compress(body) + gzip.compress(b'{"time_series":[]}'))
gzip_and_garbage = _coded(lambda body: gzip.compress(body) + b"and more")
gzip_bad_crc = _coded(
    lambda body: gzip.compress(body)[:-8] + b"\0\0\0\0" + gzip.compress(body)[-4:]
)
gzip_bad_length = _coded(lambda body: gzip.compress(body)[:-4] + b"\1\2\3\4")
deflate = _coded(zlib.compress, "deflate")
gzip_in_name_only = _coded(lambda body: body)
unknown_coding = _coded(lambda body: body, "lzw-of-1984")


def padded(size: int, *, zipped: bool) -> Fault:
    """Grow the decoded body to about `size` bytes, inside a field that nobody knows."""

    def edit(body: bytes) -> bytes:
        return body[:-1] + b',"padding":"' + b"x" * (size - len(body) - 14) + b'"}'

    def fault(answer: Answer) -> None:
        answer.edits.append(edit)
        if zipped:
            _zip_repeats(answer)

    return fault


def stuffed(piece: bytes, size: int) -> Fault:
    """Grow the decoded body to about `size` bytes with a list of small things, zipped."""

    def edit(body: bytes) -> bytes:
        pieces = (piece + b",") * ((size - len(body)) // (len(piece) + 1))
        return body[:-1] + b',"stuffing":[' + pieces[:-1] + b"]}"

    def fault(answer: Answer) -> None:
        answer.edits.append(edit)
        _zip_repeats(answer)

    return fault


_REPEAT = 9 << 17
"""About a megabyte; a multiple of what the bodies here repeat, so that their blocks are equal."""


def _zip_repeats(answer: Answer) -> None:
    """Send the body as gzip, and compress each of its equal blocks once."""

    def coding(body: bytes) -> bytes:
        blocks = [_deflated(body[at : at + _REPEAT]) for at in range(0, len(body), _REPEAT)]
        end = zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()
        sums = struct.pack("<II", zlib.crc32(body), len(body) % 2**32)
        return b"".join([b"\x1f\x8b\x08", bytes(7), *blocks, end, sums])

    answer.coding = coding
    answer.headers["Content-Encoding"] = "gzip"


@functools.lru_cache(maxsize=8)
def _deflated(block: bytes) -> bytes:
    compressor = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)


def empty_buckets(count: int) -> Fault:
    """Put many buckets without a row after the others, as text: to write each takes long."""

    def fault(answer: Answer) -> None:
        last = answer.envelope["time_series"][-1]
        end = as_json(last) + b"]"
        more = (b"," + as_json({**last, "results": []})) * count + b"]"
        answer.edits.append(lambda body: body.replace(end, end[:-1] + more))

    return fault


def claims_terabytes(answer: Answer) -> None:
    """Say that the body is a terabyte long, and begin to send it."""

    def wire(conn: socket.socket, answer: Answer) -> bool:
        conn.sendall(answer.head(Content_Length=str(1 << 40)) + b'{"padding":"')
        while not answer.server.stopped.is_set():
            conn.sendall(b"x" * 65536)
        return False

    answer.wire = wire


# Statuses and bodies -----------------------------------------------------------------------

HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


def status(code: int, kind: str = "server_error", /, **headers: str) -> Fault:
    """Answer with an error in the documented body."""

    def fault(answer: Answer) -> None:
        answer.status = code
        answer.envelope = {
            "error": {
                "type": kind,
                "message": "something about it",
                "docs_url": "https://docs.example.com/errors",
                "request_id": "req-42",
            }
        }
        answer.headers.update({k.replace("_", "-"): v for k, v in headers.items()})

    return fault


def page_of_html(code: int = 200) -> Fault:
    """Answer with a proxy's page."""

    def fault(answer: Answer) -> None:
        answer.status = code
        answer.headers["Content-Type"] = "text/html"
        answer.edits.append(lambda _: HTML)

    return fault


def body(raw: bytes, code: int = 200) -> Fault:
    """Answer with these bytes."""

    def fault(answer: Answer) -> None:
        answer.status = code
        answer.edits.append(lambda _: raw)

    return fault


def redirect(code: int, location: Callable[[], str]) -> Fault:
    """Send the client to another address."""

    def fault(answer: Answer) -> None:
        answer.status = code
        answer.headers["Location"] = location()
        answer.edits.append(lambda _: b"")

    return fault


# JSON text ---------------------------------------------------------------------------------


def text(edit: Callable[[bytes], bytes], *, bites: bool = False) -> Fault:
    """Edit the JSON's bytes; with `bites`, it must change them as they stand by now.

    Another fault may still put a body in their place, in which there is nothing to edit.
    """

    def fault(answer: Answer) -> None:
        if bites and answer.text() == edit(answer.text()):
            raise AssertionError(f"the fault found nothing to edit in {answer.text()[:300]!r}")
        answer.edits.append(edit)

    return fault


def rewritten(pattern: str, replacement: str | bytes, *, count: int = 1) -> Fault:
    """Replace a pattern in the JSON's bytes, where it is first found; it must be found."""
    new = replacement if isinstance(replacement, bytes) else replacement.encode()

    def edit(body: bytes) -> bytes:
        return re.sub(pattern.encode(), lambda match: match.expand(new), body, count=count)

    return text(edit, bites=True)


def prefixed(member: str | bytes) -> Fault:
    """Put a raw member at the head of the first line item; there must be one."""
    new = member if isinstance(member, bytes) else member.encode()
    head = b'{"username":'
    return text(lambda body: body.replace(head, b"{" + new + b',"username":', 1), bites=True)


def all_of(*faults: Fault) -> Fault:
    """Do several things to one answer."""

    def fault(answer: Answer) -> None:
        for each in faults:
            each(answer)

    return fault


# Envelope and rows -------------------------------------------------------------------------


def envelope(**members: Any) -> Fault:
    """Set members of the envelope; `...` takes one away."""

    def fault(answer: Answer) -> None:
        answer.envelope = {**answer.envelope, **members}
        for name, value in members.items():
            if value is ...:
                del answer.envelope[name]

    return fault


def edited(edit: Callable[[Any], object]) -> Fault:
    """Edit a deep copy of the envelope in place."""

    def fault(answer: Answer) -> None:
        answer.envelope = copy.deepcopy(answer.envelope)
        edit(answer.envelope)

    return fault


def bucket(**members: Any) -> Fault:
    """Set members of the first bucket; `...` takes one away."""
    return edited(lambda envelope: _put(envelope["time_series"][0], members))


def item(**members: Any) -> Fault:
    """Set members of the first line item; `...` takes one away."""
    return edited(lambda envelope: _put(envelope["time_series"][0]["results"][0], members))


def items(*each: dict[str, Any]) -> Fault:
    """Set members of the first line items, one dict for each of them in turn."""

    def edit(envelope: Any) -> None:
        flat = [item for bucket in envelope["time_series"] for item in bucket["results"]]
        for target, members in zip(flat, each, strict=False):
            _put(target, members)

    return edited(edit)


def put_each(envelope: Any, members: dict[str, Any]) -> None:
    """Set members of all line items, of the rows and of the summary; `...` takes one away."""
    rows = [item for bucket in envelope.get("time_series", ()) for item in bucket["results"]]
    for target in (*rows, *envelope.get("summary", ())):
        _put(target, members)


def sum_item(**members: Any) -> Fault:
    """Set members of the summary's first item; `...` takes one away."""
    return edited(lambda envelope: _put(envelope["summary"][0], members))


def _put(target: dict[str, Any], members: dict[str, Any]) -> None:
    for name, value in members.items():
        if value is ...:
            del target[name]
        else:
            target[name] = value


def next_page(number: int | None) -> Fault:
    """Say that this page follows, or none."""
    return envelope(
        has_more=number is not None, next_cursor=None if number is None else cursor(number)
    )


def one_page_further(answer: Answer) -> None:
    """Say that there is always another page."""
    answer.envelope = {
        **answer.envelope,
        "has_more": True,
        "next_cursor": cursor(answer.page + 1),
    }


def empty_pages_first(count: int) -> Fault:
    """Put empty pages before the true ones: page n + count answers as page n would have."""

    def fault(answer: Answer) -> None:
        real = answer.page - count
        if real < 1:
            answer.envelope = {**answer.envelope, "time_series": []}
            one_page_further(answer)
            return
        params = {**answer.request.params, "cursor": [cursor(real)]}
        truth = answer.server.reread(answer.request, params)
        if truth["has_more"]:
            truth["next_cursor"] = cursor(answer.page + 1)
        answer.envelope = truth

    return fault


def then(change: Callable[[list[Any]], object]) -> Fault:
    """Answer truly, and change the table before the next request is read."""

    def fault(answer: Answer) -> None:
        change(answer.server.rows)
        answer.server.versions.append(list(answer.server.rows))

    return fault
