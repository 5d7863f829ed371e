"""The fault catalogue: what can go wrong, and what a load promises when it does.

A promise is EQUAL (the load is the truth, row for row), an error's exact class, or QUARANTINE
(the broken row set aside, all others kept). Where the design leaves a choice, each allowed
outcome is named; a silent difference never is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Literal

from falusage import errors
from tests.faults import fault_kinds as kinds
from tests.faults.fault_kinds import (
    carries_more,
    carries_rows,
    carries_series,
    carries_summary,
    later_page,
)
from tests.faults.fault_server import Answer, Rule
from tests.faults.usage_world import Row, discounted, row, rows

EQUAL: Literal["equal"] = "equal"
QUARANTINE: Literal["quarantine"] = "quarantine"
Promise = Literal["equal", "quarantine"] | type[errors.FalUsageError]

PROTOCOL = errors.ProtocolError
PAGINATION = errors.PaginationError
TRANSPORT = errors.TransportError
SCHEMA = errors.SchemaError
RECONCILIATION = errors.ReconciliationError
SERVER = errors.ServerError
RATE = errors.RateLimitError


@dataclass(frozen=True)
class World:
    """What the server holds, how it pages, and what is asked of it."""

    rows: tuple[Row, ...]
    server: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)

    def having(self, **server: Any) -> World:
        """Give the same world behind a server with other settings."""
        return replace(self, server={**self.server, **server})


@dataclass(frozen=True)
class Case:
    """One row of the catalogue."""

    name: str
    promised: tuple[Promise, ...]
    rules: tuple[Rule, ...] = ()
    world: World = field(default_factory=lambda: SMALL)
    client: Mapping[str, Any] = field(default_factory=dict)
    load: Mapping[str, Any] = field(default_factory=dict)
    warns: tuple[type[Warning], ...] = ()
    within: float | None = None
    asks_once: bool = False
    may_miss: bool = False
    known_columns_only: bool = False
    most_pages: int | None = None  # a lower limit than the real one
    slow: bool = False


JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
THREE_DAYS = {"start": "2025-01-01", "end": "2025-01-04", "timeframe": "day"}
ONE_DAY = {"start": "2025-01-01", "end": "2025-01-02", "timeframe": "day"}
HOURS = {"start": "2025-01-01", "end": "2025-01-02", "timeframe": "hour"}
FORTY_DAYS = {"start": "2025-01-01", "end": "2025-02-10", "timeframe": "day"}

SMALL = World(tuple(rows(12)), {}, THREE_DAYS)
PAGED = World(tuple(rows(45, days=1)), {"page_size": 10}, ONE_DAY)
LONG = World(tuple(rows(400, days=40)), {"page_size": 50}, FORTY_DAYS)
ALIKE = World(
    tuple(row(JANUARY + timedelta(minutes=50 * n)) for n in range(25)), {"page_size": 10}, HOURS
)


def always(fault: kinds.Fault, when: Any = carries_rows) -> tuple[Rule, ...]:
    """Bite every answer of the kind."""
    return (Rule(fault, when),)


def once(fault: kinds.Fault, when: Any = carries_rows, skip: int = 0) -> tuple[Rule, ...]:
    """Bite one answer of the kind."""
    return (Rule(fault, when, skip=skip, times=1),)


def first_row(answer: Answer) -> bool:
    """The answers that carry the table's first row, as their first."""
    return carries_rows(answer) and answer.rows[0]["quantity"] == 1.0


def page(number: int) -> Any:
    """The answers that are this page of a `time_series`."""
    return lambda answer: carries_series(answer) and answer.page == number


# Healthy worlds, awkward but within the contract --------------------------------------------

AWKWARD = (
    'fal-ai/"quoted"',
    "back\\slash",
    'x", "cost": 9, "y": "',
    "NaN Infinity -Infinity 1e400",
    "},]}{[",
    "tab\tnewline\nreturn\r",
    "nul\0inside",
    "snow ☃ flag 🇯🇲 clef 𝄞",
    "\u202eright to left",
    "\u2028line separator",
    "\\ud800",
    '{"a":1,"a":2}',
    "",
    " ",
)
EXACT = (
    0.0,
    5e-324,
    2.2250738585072014e-308,
    1e-300,
    0.1,
    0.30000000000000004,
    1 / 3,
    0.1 + 0.7,
    1.7976931348623157,
    9007199254740993,
    123456789012345680.0,
    999999999999999900.0,
    4,
    1e17,
    7.0e-10,
    123456.78901234567,
)


def healthy() -> Iterator[Case]:
    """Worlds without a fault: whatever else the checks do, they must let these through."""
    odd = [row(JANUARY + timedelta(hours=n), endpoint_id=name) for n, name in enumerate(AWKWARD)]
    exact = [
        row(
            JANUARY + timedelta(hours=n),
            quantity=number,
            unit_price=1.0,
            cost=float(number),
            endpoint_id=f"fal-ai/{n}",
        )
        for n, number in enumerate(EXACT)
    ]
    twins = tuple(r for r in SMALL.rows for _ in range(3))
    new_york = {**THREE_DAYS, "timezone": "America/New_York"}
    march = {"start": "2025-03-08", "end": "2025-03-11", "timeframe": "day"}
    spring = tuple(rows(70, start="2025-03-08", days=4))
    for name, world in {
        "one page": SMALL,
        "several pages": PAGED,
        "several windows": LONG,
        "small pages over many windows": LONG.having(page_size=7),
        "one row a page": SMALL.having(page_size=1),
        "no rows": replace(SMALL, rows=()),
        "rows only in the last bucket": replace(SMALL, rows=SMALL.rows[-1:]),
        "identical rows are all kept": replace(SMALL, rows=twins),
        "identical rows over pages": replace(ALIKE, rows=ALIKE.rows * 3),
        "awkward text": replace(SMALL, rows=tuple(odd)),
        "doubles to the last bit": replace(SMALL, rows=tuple(exact)),
        "gzip": LONG.having(zipped=True),
        "New York days": replace(SMALL, query=new_york),
        "a day of 23 hours": replace(
            SMALL, rows=spring, query={**march, "timezone": "America/New_York"}
        ),
        "hours over a clock change": replace(
            SMALL, rows=spring, query={**march, "timezone": "America/New_York", "timeframe": "hour"}
        ),
        "weeks": replace(LONG, query={**FORTY_DAYS, "timeframe": "week"}),
        "months": replace(LONG, query={**FORTY_DAYS, "timeframe": "month"}),
        "one team": replace(SMALL, query={**THREE_DAYS, "team_username": ["acme-art"]}),
        "two products": replace(SMALL, query={**THREE_DAYS, "product": ["compute", "serverless"]}),
        "an id with commas": replace(
            SMALL, query={**THREE_DAYS, "endpoint_id": ["type: gpu_1x (my-app, production)"]}
        ),
        "120 ids": replace(
            SMALL,
            query={
                **THREE_DAYS,
                "endpoint_id": [*(f"fal-ai/none-{n}" for n in range(119)), "fal-ai/flux/dev"],
            },
        ),
        "summary on the first page only": PAGED.having(placement="first"),
        "summary on every page": PAGED.having(placement="every"),
        "summary in pages": PAGED.having(placement="paged", page_size=3),
    }.items():
        yield Case(f"healthy: {name}", (EQUAL,), world=world)


# Transport ----------------------------------------------------------------------------------


def transport() -> Iterator[Case]:
    """Connections that break, bodies that are cut, bytes that come too late."""
    late = {"timeout": 0.5, "max_attempts": 2}
    patient = {"timeout": 1.0, "max_attempts": 6}  # a busy machine may be late itself
    cut: dict[str, kinds.Fault] = {
        "reset before the head": kinds.reset_before_head,
        "closed before the head": kinds.hang_up,
        "reset after the head": kinds.sent_up_to(0, reset=True),
        "reset mid-body": kinds.sent_up_to(0.5, reset=True),
        "body cut short of its length": kinds.sent_up_to(0.5, reset=False),
        "body one byte short": kinds.claimed_length(1),
        "chunks without the last": kinds.chunked(cut=True),
        "a senseless chunk size": kinds.chunked(garbage=True),
        "gzip cut short": kinds.gzip_cut,
        "gzip without its trailer": kinds.gzip_without_trailer,
    }
    slow: dict[str, kinds.Fault] = {
        "no head at all": kinds.stalled_head,
        "half a head": kinds.half_a_head,
        "half a body": kinds.sent_up_to(0.5, reset=False, stall=True),
        "a head that drips": kinds.dripping("head"),
        "a body that drips": kinds.dripping("body"),
    }
    either: dict[str, kinds.Fault] = {
        "gzip with a wrong checksum": kinds.gzip_bad_crc,
        "gzip with a wrong length": kinds.gzip_bad_length,
        "gzip and then another answer": kinds.gzip_and_more,
        "another language than HTTP": kinds.not_http,
        "a body longer than its length": kinds.claimed_length(-9),
        "gzip in name only": kinds.gzip_in_name_only,
    }
    for name, fault in cut.items():
        yield Case(f"transport: {name}, once", (EQUAL,), once(fault))
        yield Case(f"transport: {name}, always", (TRANSPORT,), always(fault))
    for name, fault in slow.items():
        waits: dict[str, Any] = {"within": 20, "slow": True}
        yield Case(f"late: {name}, once", (EQUAL,), once(fault), client=patient, **waits)
        yield Case(f"late: {name}, always", (TRANSPORT,), always(fault), client=late, **waits)
    for name, fault in either.items():
        yield Case(f"transport: {name}, once", (EQUAL,), once(fault), client={"max_attempts": 4})
        yield Case(f"transport: {name}, always", (TRANSPORT, PROTOCOL), always(fault))
    for name, fault in {
        "second page reset": kinds.sent_up_to(0.5, reset=True),
        "second page cut": kinds.sent_up_to(0.5, reset=False),
        "second page a proxy's": kinds.page_of_html(),
        "second page 503": kinds.status(503),
    }.items():
        yield Case(f"transport: {name}, once", (EQUAL,), once(fault, later_page), world=PAGED)
    yield Case(
        "transport: the connection breaks again and again",
        (EQUAL,),
        (Rule(kinds.sent_up_to(0.3, reset=True), carries_rows, times=3),),
        world=LONG,
        client={"max_attempts": 5},
    )
    for name, fault in {
        "a body in chunks": kinds.chunked(),
        "a body until the end of the connection": kinds.until_close(),
        "gzip": kinds.gzip_whole,
        "an answer sent twice": kinds.sent_twice,
    }.items():
        yield Case(f"transport: {name}", (EQUAL,), always(fault))
    yield Case("transport: deflate", (EQUAL, PROTOCOL, TRANSPORT), always(kinds.deflate))
    # RFC 1952 allows a body of several members.
    yield Case(
        "transport: gzip in two members",
        (EQUAL, PROTOCOL, TRANSPORT),
        always(kinds.gzip_two_members),
    )
    yield Case(
        "transport: gzip and then garbage",
        (EQUAL, PROTOCOL, TRANSPORT),
        always(kinds.gzip_and_garbage),
    )
    yield Case(
        "transport: a coding that nobody knows",
        (PROTOCOL, TRANSPORT),
        always(kinds.unknown_coding),
    )
    yield Case(
        "transport: cut, with no length to tell",
        (PROTOCOL, TRANSPORT),
        always(kinds.until_close(0.5)),
    )
    yield Case(
        "transport: headers without end",
        (PROTOCOL, TRANSPORT),
        always(kinds.endless_head),
        client=late,
        within=20,
    )
    for name, size, zipped in (
        ("gzip bomb", 70 << 20, True),
        ("gzip bomb of 256 MiB", 256 << 20, True),
        ("body of 70 MiB", 70 << 20, False),
    ):
        yield Case(
            f"limits: {name}",
            (PROTOCOL,),
            always(kinds.padded(size, zipped=zipped)),
            slow=size > 100 << 20 or not zipped,
        )
    yield Case(
        "limits: body of 20 MiB",
        (EQUAL,),
        always(kinds.padded(20 << 20, zipped=True)),
        warns=(errors.UnknownFieldWarning,),
    )
    yield Case(
        "limits: a length of a terabyte",
        (PROTOCOL,),
        always(kinds.claims_terabytes),
        within=20,
    )


# Statuses -----------------------------------------------------------------------------------


def statuses() -> Iterator[Case]:
    """What HTTP says instead of 200."""
    for code, error in {500: SERVER, 502: SERVER, 503: SERVER, 504: SERVER, 429: RATE}.items():
        yield Case(f"status: {code} once", (EQUAL,), once(kinds.status(code)))
        yield Case(f"status: {code} always", (error,), always(kinds.status(code)))
    yield Case("status: 408 once", (EQUAL,), once(kinds.status(408)))
    yield Case(
        "status: 408 always",
        (TRANSPORT, SERVER, errors.BadRequestError),
        always(kinds.status(408)),
    )
    yield Case("status: 502 with a proxy's page, once", (EQUAL,), once(kinds.page_of_html(502)))
    yield Case(
        "status: 502 with a proxy's page, always", (SERVER,), always(kinds.page_of_html(502))
    )
    yield Case("status: 501", (SERVER,), always(kinds.status(501, "not_implemented")))
    final = {
        400: ("validation_error", errors.BadRequestError),
        401: ("authorization_error", errors.AuthenticationError),
        403: ("authorization_error", errors.PermissionDeniedError),
        404: ("not_found", errors.NotFoundError),
        409: ("validation_error", errors.BadRequestError),
        422: ("validation_error", errors.BadRequestError),
    }
    for code, (kind, error) in final.items():
        yield Case(f"status: {code}", (error,), always(kinds.status(code, kind)), asks_once=True)
        yield Case(
            f"status: {code} as HTML", (error,), always(kinds.page_of_html(code)), asks_once=True
        )
    yield Case(
        "status: 404 on the second page only",
        (errors.NotFoundError,),
        always(kinds.status(404, "not_found"), later_page),
        world=PAGED,
        asks_once=True,
    )
    for code in (204, 202, 206, 304):
        yield Case(f"status: {code}", (PROTOCOL,), always(kinds.body(b"", code)))
    for name, header in {
        "half a second": {"Retry_After": "0.5"},
        "a negative time": {"Retry_After": "-5"},
        "garbage": {"Retry_After": "soon"},
        "nothing": {"Retry_After": ""},
        "not a number": {"Retry_After": "nan"},
        "a date long past": {"Retry_After": "Sun, 06 Nov 1994 08:49:37 GMT"},
        "an impossible date": {"Retry_After": "Sun, 99 Nov 1994 08:49:37 GMT"},
        "a date without a zone": {"Retry_After": "Sun, 06 Nov 1994 08:49:37"},
        "a reset in garbage": {"x_ratelimit_reset": "tomorrow"},
    }.items():
        for code in (429, 503):
            if code == 429 or "Retry_After" in header:
                yield Case(
                    f"status: {code} that asks to wait for {name}, once",
                    (EQUAL,),
                    once(kinds.status(code, "rate_limited", **header)),
                    within=20,
                )
    for name, header in {
        "a day": {"Retry_After": "99999"},
        "a century": {"Retry_After": "3155760000"},
        "a date far away": {"Retry_After": "Thu, 31 Dec 2099 23:59:59 GMT"},
    }.items():
        for code in (429, 503):
            yield Case(
                f"status: {code} that asks to wait for {name}",
                (RATE,),
                once(kinds.status(code, "rate_limited", **header)),
                within=20,
            )
    for value in ("inf", "1e400", "9" * 400, "9" * 20):
        shown = value if len(value) < 10 else f"a number of {len(value)} digits of"
        yield Case(
            f"status: 429 that asks to wait for {shown} seconds",
            (RATE, EQUAL),
            once(kinds.status(429, "rate_limited", Retry_After=value)),
            within=20,
        )


# JSON ---------------------------------------------------------------------------------------


def documents() -> Iterator[Case]:
    """Bodies that are not the API's JSON, or not JSON."""
    whole = {
        "a proxy's page": kinds.HTML,
        "nothing": b"",
        "blanks": b"  \n ",
        "null": b"null",
        "a list": b"[]",
        "a number": b"42",
        "a string": b'"time_series"',
        "an empty object": b"{}",
        "an error": b'{"error":{"type":"server_error","message":"oops","request_id":"req-9"}}',
        "half a document": b'{"time_series":[{"bucket":"2025-01-01T00:00:00Z","results":[',
        "lines of JSON": b'{"has_more":false}\n{"next_cursor":null}\n',
        "bytes": bytes(range(256)),
    }
    for name, raw in whole.items():
        yield Case(f"document: {name} instead", (PROTOCOL,), always(kinds.body(raw)))
    for name in ("a proxy's page", "nothing", "half a document"):
        yield Case(f"document: {name} instead, once", (EQUAL,), once(kinds.body(whole[name])))
    broken: dict[str, kinds.Fault] = {
        "invalid UTF-8": kinds.rewritten('"username":"', b'"username":"\xff\xfe'),
        "overlong UTF-8": kinds.rewritten('"username":"', b'"username":"\xc0\xaf'),
        "a surrogate in UTF-8": kinds.rewritten('"username":"', b'"username":"\xed\xa0\x80'),
        "invalid UTF-8 in an unknown field": kinds.prefixed(b'"x":"\xff"'),
        "UTF-16": kinds.text(lambda body: body.decode().encode("utf-16")),
        "trailing garbage": kinds.text(lambda body: body + b"xyz"),
        "a trailing brace": kinds.text(lambda body: body + b"}"),
        "two documents": kinds.text(lambda body: body + body),
        "a trailing NUL": kinds.text(lambda body: body + b"\0"),
        "a trailing comma": kinds.text(lambda body: body[:-1] + b",}"),
        "a comma too many in a list": kinds.rewritten(r'"results":\[', '"results":[,'),
        "a comment": kinds.text(lambda body: b"/* hi */" + body),
        "single quotes": kinds.text(lambda body: body.replace(b'"', b"'")),
        "a raw newline in a string": kinds.rewritten('"username":"', '"username":"\n'),
        "a raw control character in a string": kinds.rewritten('"username":"', b'"username":"\x01'),
        "an unknown escape": kinds.rewritten('"username":"', rb'"username":"\\q'),
        "half an escape": kinds.rewritten('"username":"', rb'"username":"\\u12"'),
        "a number with a leading zero": kinds.rewritten('"cost":', '"cost":0'),
        "a number with a plus": kinds.rewritten('"cost":', '"cost":+'),
        "a number without its fraction": kinds.rewritten('"cost":[^,]*', '"cost":1.'),
        "a number without its integer": kinds.rewritten('"cost":[^,]*', '"cost":.5'),
        "a number in hexadecimal": kinds.rewritten('"cost":[^,]*', '"cost":0x10'),
        "NaN for a number": kinds.rewritten('"cost":[^,]*', '"cost":NaN'),
        "nan for a number": kinds.rewritten('"cost":[^,]*', '"cost":nan'),
        "Infinity for a number": kinds.rewritten('"cost":[^,]*', '"cost":Infinity'),
        "-Infinity for a number": kinds.rewritten('"quantity":[^,]*', '"quantity":-Infinity'),
        "NaN in an unknown field": kinds.prefixed('"x":NaN'),
        "Infinity inside an unknown object": kinds.prefixed('"x":{"y":[1,Infinity]}'),
        "NaN in the envelope": kinds.rewritten("^{", '{"x":NaN,'),
        "1e400 in an unknown field": kinds.prefixed('"x":1e400'),
        "a number of 5,000 digits": kinds.rewritten('"cost":[^,]*', '"cost":' + "7" * 5000),
        "a number of 5,000 decimals": kinds.rewritten('"cost":[^,]*', '"cost":0.' + "7" * 5000),
        "an unknown number of 5,000 digits": kinds.prefixed('"x":' + "7" * 5000),
        "nesting of 100,000 lists": kinds.prefixed('"x":' + "[" * 100_000 + "]" * 100_000),
        "nesting of 100,000 objects": kinds.prefixed(
            '"x":' + '{"a":' * 100_000 + "1" + "}" * 100_000
        ),
        "nesting of 100,000 in the envelope": kinds.rewritten(
            "^{", '{"x":' + "[" * 100_000 + "]" * 100_000 + ","
        ),
        "100,000 brackets that never close": kinds.prefixed('"x":' + "[" * 100_000),
        "half a surrogate pair": kinds.rewritten('"username":"', rb'"username":"\\ud800'),
        "the other half": kinds.rewritten('"username":"', rb'"username":"\\uDC00'),
        "a pair the wrong way round": kinds.rewritten(
            '"username":"', rb'"username":"\\udc00\\ud800'
        ),
        "half a pair and then text": kinds.rewritten('"unit":"', rb'"unit":"\\ud83dx'),
        "half a pair in a name": kinds.prefixed(rb'"\ud800":1'),
        "half a pair in an unknown field": kinds.prefixed(rb'"x":"\ud800"'),
        "half a pair in the envelope": kinds.rewritten("^{", rb'{"x":"\\ud800",'),
    }
    for name, fault in broken.items():
        yield Case(f"json: {name}", (PROTOCOL,), always(fault))
    # Beyond a double, but not beyond JSON: the document or the row may be blamed for it.
    yield Case(
        "json: 1e400 for a number",
        (PROTOCOL, SCHEMA),
        always(kinds.rewritten('"cost":[^,]*', '"cost":1e400')),
    )
    yield Case(
        "json: a byte order mark",
        (EQUAL, PROTOCOL),
        always(kinds.text(lambda body: b"\xef\xbb\xbf" + body)),
    )
    fine: dict[str, kinds.Fault] = {
        "blanks around it": kinds.text(lambda body: b" \n\t" + body + b"\r\n "),
        "blanks inside it": kinds.text(lambda body: body.replace(b'":', b'" :\n ')),
        "a name spelled with escapes": kinds.rewritten('"cost"', rb'"co\\u0073t"'),
        "a value spelled with escapes": kinds.rewritten('"USD"', rb'"\\u0055SD"'),
        "escaped slashes": kinds.text(lambda body: body.replace(b"fal-ai/", rb"fal-ai\/")),
        "names in another order": kinds.edited(
            lambda envelope: [
                bucket["results"].__setitem__(
                    slice(None), [dict(reversed(item.items())) for item in bucket["results"]]
                )
                for bucket in envelope["time_series"]
            ]
        ),
        "exponents": kinds.rewritten('"quantity":1.0', '"quantity":1E+0'),
        "the envelope in another order": kinds.edited(
            lambda envelope: [
                envelope.__setitem__(name, envelope.pop(name)) for name in ("time_series",)
            ]
        ),
        "no buckets but an empty one": kinds.edited(
            lambda envelope: envelope["time_series"].append(
                {**envelope["time_series"][-1], "results": []}
            )
        ),
        "a bucket in two parts": kinds.edited(_split_a_bucket),
        "buckets in Zulu time": kinds.text(lambda body: body.replace(b"+00:00", b"Z")),
        "buckets with milliseconds": kinds.text(lambda body: body.replace(b"+00:00", b".000Z")),
        "buckets with a foreign offset": kinds.text(
            lambda body: body.replace(b"T00:00:00+00:00", b"T05:30:00+05:30")
        ),
    }
    for name, fault in fine.items():
        when = first_row if name == "exponents" else carries_rows
        yield Case(f"json: {name}", (EQUAL,), always(fault, when))


def _split_a_bucket(envelope: Any) -> None:
    bucket = envelope["time_series"][0]
    rest = {**bucket, "results": bucket["results"][1:]}
    bucket["results"] = bucket["results"][:1]
    envelope["time_series"].insert(1, rest)


def duplicates() -> Iterator[Case]:
    """A name twice in one object, at every level, whatever makes up for it elsewhere."""
    twice: dict[str, kinds.Fault] = {
        "time_series": kinds.rewritten("^{", '{"time_series":[],'),
        "time_series, after": kinds.rewritten("}$", ',"time_series":[]}'),
        "has_more, the same": kinds.rewritten(
            '"has_more":false', '"has_more":false,"has_more":false'
        ),
        "has_more, another": kinds.rewritten(
            '"has_more":false', '"has_more":true,"has_more":false'
        ),
        "next_cursor": kinds.rewritten('"next_cursor":', '"next_cursor":null,"next_cursor":'),
        "an unknown name in the envelope": kinds.rewritten("^{", '{"x":1,"x":2,'),
        "bucket, the same": kinds.rewritten('("bucket":"[^"]*")', r"\1,\1"),
        "bucket, another": kinds.rewritten('"bucket"', '"bucket":"2025-01-02T00:00:00Z","bucket"'),
        "results": kinds.rewritten('"results"', '"results":[],"results"'),
        "results, after": kinds.rewritten('{"bucket"', '{"results":[],"bucket"'),
        "cost, the same": kinds.rewritten('("cost":[^,]*)', r"\1,\1"),
        "cost, another before": kinds.rewritten('"cost"', '"cost":9.5,"cost"'),
        "cost, another after": kinds.rewritten('("cost":[^,]*)', r'\1,"cost":9.5'),
        "cost, spelled with an escape": kinds.prefixed(rb'"cos\u0074":9.5'),
        "cost, both spelled with escapes": kinds.all_of(
            kinds.rewritten('"cost"', rb'"c\\u006fst"'), kinds.prefixed(rb'"cos\u0074":9.5')
        ),
        "currency, another": kinds.prefixed('"currency":"EUR"'),
        "username with blanks between": kinds.prefixed('"username" \n : "someone"'),
        "an unknown name, the same": kinds.prefixed('"x":1,"x":1'),
        "an unknown name, another": kinds.prefixed('"x":1,"x":2'),
        "an unknown name, spelled with an escape": kinds.prefixed(rb'"x":1,"\u0078":2'),
        "a name inside an unknown object": kinds.prefixed('"x":{"a":1,"a":2}'),
        "a name inside a list of an unknown object": kinds.prefixed('"x":{"b":[{"a":1,"a":2}]}'),
        "auth_method, not asked for": kinds.prefixed('"auth_method":"a","auth_method":"b"'),
        "unit, made up for in the next row": kinds.all_of(
            kinds.items({}, {"unit": ...}), kinds.rewritten('("unit":"[^"]*")', r"\1,\1")
        ),
        "cost, made up for in the next row": kinds.all_of(
            kinds.items({}, {"cost": ...}), kinds.rewritten('"cost"', '"cost":9.5,"cost"')
        ),
        "unit, made up for by an unknown name in the next row": kinds.all_of(
            kinds.items({}, {"unit": ..., "unit ": "image"}),
            kinds.rewritten('("unit":"[^"]*")', r"\1,\1"),
        ),
        "cost, with an unknown object that holds one": kinds.all_of(
            kinds.items({}, {"cost": ..., "x": {"cost": 1}}),
            kinds.rewritten('"cost"', '"cost":9.5,"cost"'),
        ),
    }
    for name, fault in twice.items():
        at = kinds.carries_several if "made up" in name or "that holds" in name else carries_rows
        yield Case(f"twice: {name}", (PROTOCOL,), always(fault, at))
        if "made up" in name:
            quarantine = {"invalid": "quarantine"}
            yield Case(
                f"twice: {name}, with a quarantine", (PROTOCOL,), always(fault, at), load=quarantine
            )
    yield Case(
        "twice: summary",
        (PROTOCOL,),
        always(kinds.rewritten('"summary":', '"summary":[],"summary":'), carries_summary),
    )
    yield Case(
        "twice: cost in the summary",
        (PROTOCOL,),
        always(kinds.rewritten('("summary":.*?"cost":[^,]*)', r'\1,"cost":9.5'), carries_summary),
    )


# Envelope -----------------------------------------------------------------------------------


def envelopes() -> Iterator[Case]:
    """Envelopes with something missing, mistyped, or at odds with the question."""
    broken: dict[str, kinds.Fault] = {
        "time_series missing": kinds.envelope(time_series=...),
        "time_series null": kinds.envelope(time_series=None),
        "time_series an object": kinds.envelope(time_series={}),
        "time_series a string": kinds.envelope(time_series="rows"),
        "has_more missing": kinds.envelope(has_more=...),
        "has_more a string": kinds.envelope(has_more="false"),
        "has_more a number": kinds.envelope(has_more=0),
        "has_more null": kinds.envelope(has_more=None),
        "next_cursor missing": kinds.envelope(next_cursor=...),
        "next_cursor a number": kinds.envelope(next_cursor=2, has_more=True),
        "next_cursor an object": kinds.envelope(next_cursor={}, has_more=True),
        "an error beside the data": kinds.envelope(
            error={"type": "server_error", "message": "half of it"}
        ),
        "a bucket null": kinds.edited(lambda e: e["time_series"].insert(0, None)),
        "a bucket a number": kinds.edited(lambda e: e["time_series"].append(7)),
        "a bucket a list": kinds.edited(lambda e: e["time_series"].append([])),
        "bucket missing": kinds.bucket(bucket=...),
        "bucket null": kinds.bucket(bucket=None),
        "bucket a number": kinds.bucket(bucket=1735689600),
        "bucket without an offset": kinds.bucket(bucket="2025-01-01T00:00:00"),
        "bucket a bare date": kinds.bucket(bucket="2025-01-01"),
        "bucket not a date": kinds.bucket(bucket="the first of January"),
        "bucket an impossible date": kinds.bucket(bucket="2025-02-30T00:00:00Z"),
        "bucket an empty string": kinds.bucket(bucket=""),
        "bucket with a zone's name": kinds.bucket(bucket="2025-01-01T00:00:00 Europe/Paris"),
        "bucket with garbage after it": kinds.bucket(bucket="2025-01-01T00:00:00Zulu"),
        "bucket in the year 300000": kinds.bucket(bucket="300000-01-01T00:00:00Z"),
        "bucket before the window": kinds.bucket(bucket="2024-12-31T00:00:00Z"),
        "bucket at the window's end": kinds.bucket(bucket="2025-01-04T00:00:00Z"),
        "bucket a microsecond early": kinds.bucket(bucket="2024-12-31T23:59:59.999999Z"),
        "results missing": kinds.bucket(results=...),
        "results null": kinds.bucket(results=None),
        "results an object": kinds.bucket(results={}),
        "results a string": kinds.bucket(results="none"),
        "an item null": kinds.edited(lambda e: e["time_series"][0]["results"].append(None)),
        "an item a number": kinds.edited(lambda e: e["time_series"][0]["results"].insert(0, 3)),
        "an item a list": kinds.edited(lambda e: e["time_series"][0]["results"].append([])),
        "an item a string": kinds.edited(lambda e: e["time_series"][0]["results"].append("x")),
    }
    for name, fault in broken.items():
        yield Case(f"envelope: {name}", (PROTOCOL,), always(fault))
    for name, load in {"reconciled": {}, "with a quarantine": {"invalid": "quarantine"}}.items():
        yield Case(
            f"envelope: a broken bucket is never set aside, {name}",
            (PROTOCOL,),
            always(kinds.bucket(bucket="2025-01-01T00:00:00")),
            load=load,
        )
    for name, query, members in (
        ("a team", {"team_username": ["acme-ml"]}, {"username": "acme-art"}),
        ("a product", {"product": ["model_apis"]}, {"product": "compute"}),
        ("an endpoint", {"endpoint_id": ["fal-ai/flux/dev"]}, {"endpoint_id": "fal-ai/other"}),
    ):
        for mode in ("raise", "off"):
            yield Case(
                f"envelope: {name} that was not asked for, reconcile={mode}",
                (PROTOCOL,),
                always(kinds.item(**members)),
                world=replace(SMALL, query={**THREE_DAYS, **query}),
                load={"reconcile": mode},
            )
    yield Case(
        "envelope: the last page in the window of another",
        (PROTOCOL,),
        always(kinds.bucket(bucket="2024-06-01T00:00:00Z"), later_page),
        world=PAGED,
    )
    for name, value in {"missing": ..., "null": None, "an object": {}, "a string": "x"}.items():
        yield Case(
            f"envelope: summary {name}",
            (PROTOCOL,),
            always(kinds.envelope(summary=value), carries_summary),
        )
    for name, value in {"null": None, "a number": 3, "a list": []}.items():
        yield Case(
            f"envelope: an item of the summary {name}",
            (PROTOCOL,),
            always(kinds.edited(lambda e, v=value: e["summary"].append(v)), carries_summary),
        )


def cursors() -> Iterator[Case]:
    """Cursors that disagree, repeat or never end; and those that are only odd."""
    broken: dict[str, tuple[Rule, ...]] = {
        "more, but no cursor": always(kinds.envelope(has_more=True, next_cursor=None)),
        "a cursor, but no more": always(kinds.envelope(has_more=False), carries_more),
        "no cursor where there is more": always(kinds.envelope(next_cursor=None), carries_more),
        "A, B, A": always(kinds.next_page(2), page(4)),
        "A, A": always(kinds.next_page(2), page(2)),
        "always more, and nothing on it": always(kinds.one_page_further, carries_series),
        "150 empty pages": always(kinds.empty_pages_first(150), carries_series),
    }
    for name, rules in broken.items():
        yield Case(f"cursor: {name}", (PAGINATION,), rules, world=PAGED)
    yield Case(
        "cursor: an empty one, and more",
        (PAGINATION,),
        always(kinds.envelope(next_cursor="", has_more=True)),
    )
    for count in (1, 3, 60):
        yield Case(
            f"cursor: {count} empty pages, then rows",
            (EQUAL,),
            always(kinds.empty_pages_first(count), carries_series),
            world=PAGED,
        )
    yield Case(
        "cursor: a last page that is empty",
        (EQUAL,),
        always(kinds.next_page(6), page(5)),
        world=PAGED,
    )
    yield Case(
        "cursor: odd characters",
        (EQUAL,),
        (
            Rule(kinds.envelope(next_cursor="Mg==\n"), page(1)),
            Rule(kinds.envelope(next_cursor="Mw==" + " " * 3), page(2)),
        ),
        world=PAGED,
    )
    yield Case(
        "cursor: rows on every page, without end",
        (PAGINATION,),
        (Rule(_the_first_page_again, carries_series),),
        world=replace(SMALL, query=ONE_DAY, rows=SMALL.rows[:1]),
        most_pages=110,  # above the limit of empty pages
    )


def _the_first_page_again(answer: Answer) -> None:
    first = answer.server.reread(answer.request, {**answer.request.params, "cursor": ["MQ=="]})
    answer.envelope = first
    kinds.one_page_further(answer)


# Rows ---------------------------------------------------------------------------------------


def broken_rows() -> Iterator[Case]:
    """Values that break one row: refused, or that row alone set aside."""
    texts = ("username", "product", "endpoint_id", "unit", "currency")
    numbers = ("quantity", "unit_price", "cost")
    values: dict[str, dict[str, Any]] = {}
    for name in (*texts, *numbers):
        values[f"{name} null"] = {name: None}
        values[f"{name} missing"] = {name: ...}
    for name in texts:
        values[f"{name} a number"] = {name: 5}
    for name in numbers:
        values[f"{name} a string"] = {name: "0.4"}
        values[f"{name} a boolean"] = {name: True}
        values[f"{name} negative"] = {name: -0.5}
        values[f"{name} absurd"] = {name: 1e18}
    values |= {
        "username a boolean": {"username": False},
        "username an object": {"username": {"name": "acme"}},
        "unit a list": {"unit": ["image"]},
        "cost an object": {"cost": {"amount": 0.4}},
        "cost a list": {"cost": [0.4]},
        "cost an empty string": {"cost": ""},
        "quantity an integer beyond 64 bits": {"quantity": 10**25},
        "quantity 1e308": {"quantity": 1e308},
        "currency of two letters": {"currency": "US"},
        "currency a word": {"currency": "DOLLAR"},
        "currency empty": {"currency": ""},
        "currency of digits": {"currency": "123"},
        "currency with a newline": {"currency": "USD\n"},
    }
    for name, members in values.items():
        rules = always(kinds.item(**members), first_row)
        yield Case(f"row: {name}", (SCHEMA,), rules)
        yield Case(
            f"row: {name}, with a quarantine",
            (QUARANTINE,),
            rules,
            load={"invalid": "quarantine"},
            warns=(errors.QuarantineWarning, errors.ReconciliationWarning),
        )
    elsewhere = (
        Rule(kinds.item(cost=None), first_row),
        Rule(
            kinds.edited(lambda e: e["time_series"][-1]["results"].pop()),
            lambda answer: carries_rows(answer) and answer.rows[-1]["quantity"] == 12.0,
        ),
    )
    yield Case(
        "row: one set aside does not excuse one lost",
        (RECONCILIATION,),
        elsewhere,
        load={"invalid": "quarantine"},
        warns=(errors.QuarantineWarning, errors.ReconciliationWarning),
    )


DISCOUNTS = (20.0, None, 0.0, 12.5, 100.0, 33.3)
DISCOUNTED = World(
    tuple(
        discounted(JANUARY + timedelta(hours=6 * n), 1.0 + n, (0.1 + n % 2) / 3, DISCOUNTS[n % 6])
        for n in range(12)
    ),
    {},
    THREE_DAYS,
)
READERS: dict[str, tuple[Rule, ...]] = {
    "read fast": (),
    # Unusual spacing is read with care.
    "read with care": always(kinds.rewritten('"has_more":', '"has_more":   '), carries_series),
}


def each_item(**members: Any) -> kinds.Fault:
    """Set members of every line item, of rows and summary; `...` takes one away."""
    return kinds.edited(lambda envelope: kinds.put_each(envelope, members))


def discounts() -> Iterator[Case]:
    """The fields of the fourth edition, as they come and as they break, for either reader."""
    first, *others = DISCOUNTED.rows
    whole: dict[str, tuple[World, Rule]] = {
        "as sent": (DISCOUNTED, Rule(each_item(), carries_rows)),
        "cost and cost_total apart by float noise": (
            DISCOUNTED,
            Rule(kinds.item(cost=first.cost * (1 + 1e-12)), first_row),
        ),
    }
    for name in ("cost", "cost_total"):
        for what, value in (("missing", ...), ("null", None)):
            everywhere = Rule(each_item(**{name: value}), carries_rows)
            whole[f"{name} {what} everywhere"] = (DISCOUNTED, everywhere)
            in_one = Rule(kinds.item(**{name: value}), first_row)
            whole[f"{name} {what} in a row"] = (DISCOUNTED, in_one)
    plain = discounted(first.at, first.quantity, first.unit_price, None)
    lacking = {
        "percent_discount": plain,
        "cost_subtotal": replace(first, cost_subtotal=None),
        "cost_discount": replace(first, cost_discount=None),
    }
    for name, lacks in lacking.items():
        held = replace(DISCOUNTED, rows=(lacks, *others))
        whole[f"{name} null"] = (held, Rule(each_item(), carries_rows))
        whole[f"{name} missing"] = (held, Rule(kinds.item(**{name: ...}), first_row))
    held = replace(
        DISCOUNTED, rows=(replace(first, cost_subtotal=None, cost_discount=None), *others)
    )
    whole["a discount without a subtotal"] = (held, Rule(each_item(), carries_rows))
    for name, (world, rule) in whole.items():
        for (reader, rules), size in zip(READERS.items(), (1000, 1), strict=True):
            yield Case(
                f"discount: {name}, {reader}, {'one page' if size > 1 else 'a row a page'}",
                (EQUAL,),
                (rule, *rules),
                world=world.having(page_size=size),
            )
    broken: dict[str, dict[str, Any]] = {
        f"{name} {what}": {name: value}
        for name in ("percent_discount", "cost_subtotal", "cost_discount")
        for what, value in {
            "negative": -0.5,
            "text": "20",
            "a boolean": True,
            "an object": {"amount": 1},
            "absurd": 1e18,
        }.items()
    }
    broken |= {
        "percent_discount just over 100": {"percent_discount": 100.0001},
        "cost and cost_total left out": {"cost": ..., "cost_total": ...},
        "cost and cost_total null": {"cost": None, "cost_total": None},
        "cost null and cost_total left out": {"cost": None, "cost_total": ...},
        "cost and cost_total different": {"cost": first.cost + 0.01},
        "cost and cost_total slightly different": {"cost": first.cost * (1 + 1e-8)},
        "cost_total zero and cost not": {"cost_total": 0.0},
        "cost_total negative": {"cost_total": -0.5, "cost": -0.5},
        "cost_total negative, and no cost": {"cost_total": -0.5, "cost": ...},
        "cost_total text beside a cost": {"cost_total": "0.4"},
        "cost text beside a cost_total": {"cost": "0.4"},
        "cost_total text, and no cost": {"cost_total": "0.4", "cost": ...},
        "cost_total absurd": {"cost_total": 1e18, "cost": 1e18},
    }
    fast, careful = READERS.items()
    for name, members in broken.items():
        rule = Rule(kinds.item(**members), first_row)
        yield Case(f"discount: {name}, {fast[0]}", (SCHEMA,), (rule, *fast[1]), world=DISCOUNTED)
        yield Case(
            f"discount: {name}, {careful[0]}, with a quarantine",
            (QUARANTINE,),
            (rule, *careful[1]),
            world=DISCOUNTED,
            load={"invalid": "quarantine"},
            warns=(errors.QuarantineWarning, errors.ReconciliationWarning),
        )


def roundings() -> Iterator[Case]:
    """Rows or a summary that were visibly rounded, whole and with a row lost, doubled, changed."""

    def unrounded(envelope: Any) -> None:
        for item in envelope["summary"]:
            share = 1 - (item["percent_discount"] or 0.0) / 100
            item["cost"] = item["cost_total"] = item["quantity"] * item["unit_price"] * share

    def rounded(places: int) -> kinds.Fault:
        def edit(envelope: Any) -> None:
            for item in envelope["summary"]:
                item["cost"] = item["cost_total"] = round(item["cost"], places)

        return kinds.edited(edit)

    spoilt: dict[str, Any] = {
        "a row lost": lambda rows: rows.pop(),
        "a row twice": lambda rows: rows.append(rows[0]),
        "a cost changed": lambda rows: rows[0].update(
            cost=rows[0]["cost"] + 0.5, cost_total=rows[0]["cost"] + 0.5
        ),
    }
    for places in (2, 4, 6, 8):
        held = tuple(replace(r, cost=round(r.cost, places)) for r in DISCOUNTED.rows)
        for side, world, fault in (
            ("rows", replace(DISCOUNTED, rows=held), kinds.edited(unrounded)),
            ("a summary", DISCOUNTED, rounded(places)),
            (
                "rows and a summary",
                replace(DISCOUNTED, rows=held),
                kinds.all_of(kinds.edited(unrounded), rounded(places)),
            ),
        ):
            rules = (Rule(fault, carries_summary),)
            yield Case(f"rounding: {side} to {places} decimals", (EQUAL,), rules, world=world)
            for name, edit in spoilt.items() if places in (2, 8) else ():
                bad = kinds.edited(lambda e, edit=edit: edit(e["time_series"][-1]["results"]))
                yield Case(
                    f"rounding: {side} to {places} decimals, {name}",
                    (RECONCILIATION,),
                    (*rules, Rule(bad, carries_rows)),
                    world=world,
                    warns=(errors.CostMismatchWarning,),
                )


def unknown_fields() -> Iterator[Case]:
    """Fields that a newer API sends: kept, and named in a warning."""
    each: dict[str, tuple[Any, ...]] = {
        "a number": (1.5,) * 12,
        "an integer": (7,) * 12,
        "text": ("a",) * 12,
        "a boolean": (True, False) * 6,
        "null in every row": (None,) * 12,
        "null in some rows": (None, 3) * 6,
        "missing in some rows": (..., 3) * 6,
        "an object": ({"a": 1, "b": [2, None]},) * 12,
        "a list": ([1, "two", {"three": 3}],) * 12,
        "an empty list": ([],) * 12,
        "mixed types": (1, "one", None, {"a": 1}, [1], True) * 2,
        "integers and numbers": (1, 2.5) * 6,
        "an integer beyond 64 bits": (2**70,) * 12,
        "integers up to beyond 64 bits": (1, 2**63, 2**64, -(2**63) - 1) * 3,
        "text that looks like JSON": ('{"a":1}', "null", "1", '"') * 3,
    }
    sizes = cycle((1000, 1))
    for name, values in each.items():
        held = tuple(
            replace(r, extra=() if value is ... else (("surge", value),))
            for r, value in zip(SMALL.rows, values, strict=True)
        )
        size = next(sizes)
        yield Case(
            f"unknown: {name}, {'one page' if size > 1 else 'a row a page'}",
            (EQUAL,),
            world=replace(SMALL, rows=held).having(page_size=size),
            warns=(errors.UnknownFieldWarning,),
        )
    yield Case(
        "unknown: a field of the envelope",
        (EQUAL,),
        always(kinds.envelope(generated_at="2025-06-01", stats={"rows": 3})),
        warns=(errors.UnknownFieldWarning,),
        known_columns_only=True,
    )
    yield Case(
        "unknown: a field of a bucket",
        (EQUAL,),
        always(kinds.bucket(label="new year")),
        warns=(errors.UnknownFieldWarning,),
        known_columns_only=True,
    )
    for name in ("bucket", "bucket_end", "results", "time_series", "literal", "index", "rules"):
        yield Case(
            f"unknown: a field of an item named {name!r}",
            (EQUAL, PROTOCOL),
            always(kinds.item(**{name: "1999-01-01T00:00:00Z"})),
            warns=(errors.UnknownFieldWarning,),
            known_columns_only=True,
        )


# Summary and shifting pages -----------------------------------------------------------------


def summaries() -> Iterator[Case]:
    """Summaries that disagree with the rows, at once, once, or only where it does not matter."""
    different: dict[str, kinds.Fault] = {
        "a cost": kinds.edited(
            lambda e: e["summary"][0].update(cost=e["summary"][0]["cost"] + 0.01)
        ),
        "a cost by a hair": kinds.edited(
            lambda e: e["summary"][0].update(cost=e["summary"][0]["cost"] + 1e-4)
        ),
        "a quantity": kinds.edited(
            lambda e: e["summary"][0].update(quantity=e["summary"][0]["quantity"] + 1)
        ),
        "a currency": kinds.sum_item(currency="GBP"),
        "a unit": kinds.sum_item(unit="furlong"),
        "a team": kinds.sum_item(username="acme-unknown"),
        "a key too few": kinds.edited(lambda e: e["summary"].pop()),
        "a key too many": kinds.edited(
            lambda e: e["summary"].append({**e["summary"][0], "endpoint_id": "fal-ai/ghost"})
        ),
        "nothing in it": kinds.envelope(summary=[]),
        "all of it twice": kinds.edited(lambda e: e["summary"].extend(list(e["summary"]))),
        "costs swapped between currencies": kinds.edited(_swap_costs),
    }
    for name, fault in different.items():
        yield Case(f"summary: {name}", (RECONCILIATION,), always(fault, carries_summary))
    yield Case(
        "summary: a difference, and reconcile=off",
        (EQUAL,),
        always(different["a cost"], carries_summary),
        load={"reconcile": "off"},
        may_miss=True,
    )
    yield Case(
        "summary: a difference, and reconcile=warn",
        (EQUAL,),
        always(different["a cost"], carries_summary),
        load={"reconcile": "warn"},
        warns=(errors.ReconciliationWarning,),
    )
    yield Case(
        "summary: agrees at the second reading",
        (EQUAL,),
        once(different["a cost"], carries_summary),
    )
    yield Case(
        "summary: float noise",
        (EQUAL,),
        always(
            kinds.edited(
                lambda e: e["summary"][0].update(cost=e["summary"][0]["cost"] * (1 + 1e-12))
            ),
            carries_summary,
        ),
    )
    for name, members in {
        "null": {"cost": None},
        "missing": {"cost": ...},
        "a string": {"cost": "0.4"},
        "negative": {"cost": -1.0},
    }.items():
        yield Case(
            f"summary: a cost {name}",
            (SCHEMA, PROTOCOL, RECONCILIATION),
            always(kinds.sum_item(**members), carries_summary),
        )
    for name, edit in {
        "a row lost": lambda e: e["time_series"][0]["results"].pop(),
        "a row twice": lambda e: e["time_series"][0]["results"].append(
            e["time_series"][0]["results"][0]
        ),
        "a bucket lost": lambda e: e["time_series"].pop(),
        "a cost changed": lambda e: e["time_series"][0]["results"][0].update(
            cost=0.5, quantity=5.0, unit_price=0.1
        ),
    }.items():
        yield Case(f"summary: {name} tells, always", (RECONCILIATION,), always(kinds.edited(edit)))
        yield Case(f"summary: {name} tells, once", (EQUAL,), once(kinds.edited(edit)))


def _swap_costs(envelope: Any) -> None:
    found = {item["currency"]: item for item in envelope["summary"]}
    found["USD"]["cost"], found["EUR"]["cost"] = found["EUR"]["cost"], found["USD"]["cost"]


NEW = row(JANUARY, quantity=1000.0, username="acme-new")


def shifts() -> Iterator[Case]:
    """Tables that change between two pages of one window."""
    changes = {
        "a row arrives before": lambda table: table.insert(0, NEW),
        "a row arrives after": lambda table: table.append(
            replace(NEW, at=JANUARY.replace(hour=23))
        ),
        "a row goes before": lambda table: table.pop(0),
        "a row goes after": lambda table: table.pop(),
        "a row is restated before": lambda table: table.__setitem__(0, replace(NEW, at=JANUARY)),
        "ten rows arrive before": lambda table: table.__setitem__(slice(0), [NEW] * 10),
        "all rows go": lambda table: table.clear(),
    }
    # Nothing may be told from the server's answers alone when a change stays within pages to come.
    for name, change in changes.items():
        yield Case(
            f"shift: {name}, once", (EQUAL,), once(kinds.then(change), carries_more), world=PAGED
        )
        yield Case(
            f"shift: {name} at the last page but one, once",
            (EQUAL,),
            once(kinds.then(change), page(4)),
            world=PAGED,
        )
    yield Case(
        "shift: a row arrives at every reading",
        (RECONCILIATION,),
        always(kinds.then(lambda table: table.insert(0, replace(NEW, cost=len(table)))), page(1)),
        world=PAGED,
        warns=(errors.CostMismatchWarning,),
    )
    twin = row(JANUARY)
    yield Case(
        "shift: a row like the others arrives before",
        (EQUAL, RECONCILIATION),
        once(kinds.then(lambda table: table.insert(0, twin)), page(1)),
        world=ALIKE,
    )
    yield Case(
        "shift: a row moves from the end to the start, and no sum tells",
        (EQUAL, RECONCILIATION),
        once(kinds.then(lambda table: (table.pop(), table.insert(0, twin))), page(1)),
        world=ALIKE,
    )


def catalogue() -> list[Case]:
    """Give the whole catalogue."""
    cases = [
        *healthy(),
        *transport(),
        *statuses(),
        *envelopes(),
        *cursors(),
        *summaries(),
        *shifts(),
        # What one page may hold; the tests of `api` and `schema` try most of it without a server.
        *(
            replace(case, slow=True)
            for cases in (documents, duplicates, broken_rows, discounts, roundings, unknown_fields)
            for case in cases()
        ),
    ]
    for name, count in Counter(case.name for case in cases).items():
        if count > 1:
            raise AssertionError(f"{count} cases of the catalogue are named {name!r}")
    return cases
