"""What a client loads from the emulator, over real HTTP, is what a second computation says."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.api._pages import page as pages
from falusage.api._pages.answers import Answer, Expected
from falusage.api._pages.strict import read_strictly
from falusage.api.progress import Progress
from falusage.columns import AUTH, SUMMARY, USAGE

FIRST = datetime(2025, 3, 7, tzinfo=UTC)  # clocks change in New York on the 9th
QUARTER = timedelta(minutes=15)
DAYS = 5
CALLERS = (
    (None, None, None, None),
    ("my-key (owner: alice)", "my-key", "k1", None),
    ("alice <alice@example.com>", "alice", None, "alice"),
)
ENDPOINTS = ("fal-ai/flux/dev", "type: gpu_1x_h100_sxm5 (my-app, production)", 'sdk: Zoë \\ "H"')
PRICES = (0.1, 1 / 3, 0.003)
KEY = ("username", "product", "endpoint_id", "unit", "unit_price", "currency")

rows = st.builds(
    lambda quarter, team, endpoint, price, quantity, currency, caller: {
        "bucket": FIRST + quarter * QUARTER,
        "bucket_end": FIRST + (quarter + 1) * QUARTER,
        "username": ("ml", "art")[team],
        "product": ("model_apis", "compute", "serverless")[endpoint],
        "endpoint_id": ENDPOINTS[endpoint],
        "unit": "second",
        "quantity": quantity / 8,
        "unit_price": PRICES[price],
        "cost": quantity / 8 * PRICES[price],
        "currency": ("USD", "EUR")[currency],
        **dict(zip(AUTH, CALLERS[caller], strict=True)),
    },
    st.integers(0, DAYS * 96 - 1),
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 800),
    st.integers(0, 1),
    st.integers(0, 2),
)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Questions about the five days, some of which cut buckets."""
    low = draw(st.integers(0, DAYS * 96 - 9))
    high = draw(st.integers(low + 1, DAYS * 96))
    asked: dict[str, Any] = {
        "start": FIRST + low * QUARTER,
        "end": FIRST + high * QUARTER,
        "timezone": draw(
            st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
        ),
        "timeframe": draw(st.sampled_from(["hour", "day", "week", "month", None])),
        "bound_to_timeframe": draw(st.booleans()),
        "limit": draw(st.sampled_from([None, 1, 3, 50])),
    }
    if draw(st.booleans()):
        asked |= {"auth_method": draw(st.booleans()), "auth_method_structured": draw(st.booleans())}
    return asked


def period(at: datetime, timeframe: str, zone: ZoneInfo) -> tuple[Any, ...]:
    """Name the calendar period of an instant, by zoneinfo."""
    local = at.astimezone(zone)
    return {
        "minute": (local.date(), local.hour, local.minute, local.utcoffset()),
        "hour": (local.date(), local.hour, local.utcoffset()),
        "day": (local.date(),),
        "week": tuple(local.isocalendar())[:2],
        "month": (local.year, local.month),
    }[timeframe]


def span(at: datetime, timeframe: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Walk to both ends of an instant's period; a quarter hour is cut into minutes only."""
    step = timedelta(minutes=1) if timeframe == "minute" else QUARTER
    start = end = at - (at - FIRST) % step
    while period(start - step, timeframe, zone) == period(at, timeframe, zone):
        start -= step
    while period(end, timeframe, zone) == period(at, timeframe, zone):
        end += step
    return start, end


def timeframe_of(asked: dict[str, Any]) -> str:
    """Take the API's rule where no timeframe is asked for."""
    length = asked["end"] - asked["start"]
    for limit, name in ((2, "minute"), (48, "hour"), (64 * 24, "day")):
        if length < timedelta(hours=limit):
            return asked["timeframe"] or name
    return asked["timeframe"] or "week"


def expected(table: list[dict[str, Any]], asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Group the rows by calendar period, price and shown caller, in fractions."""
    zone, timeframe = ZoneInfo(asked["timezone"]), timeframe_of(asked)
    start, end = asked["start"], asked["end"]
    if asked["bound_to_timeframe"]:
        start = span(start, timeframe, zone)[0]
        low, high = span(end, timeframe, zone)
        end = low if low == end else high
    shown = (
        *(["auth_method"] if asked.get("auth_method") else []),
        *(list(AUTH)[1:] if asked.get("auth_method_structured") else []),
    )
    sums: dict[tuple[Any, ...], list[Fraction]] = defaultdict(lambda: [Fraction(), Fraction()])
    alone: list[tuple[Any, ...]] = []
    for row in table:
        if not start <= row["bucket"] < end:
            continue
        first, last = span(row["bucket"], timeframe, zone)
        if not asked["bound_to_timeframe"]:
            last = min(last, end)
        key = (first, last, *(row[n] for n in KEY), *(row[n] if n in shown else None for n in AUTH))
        if timeframe == "minute":  # the row is longer than its bucket, so it stays as it is
            alone.append((*key, row["quantity"], row["cost"]))
        else:
            sums[key][0] += Fraction(row["quantity"])
            sums[key][1] += Fraction(row["cost"])
    merged = [(*key, float(quantity), float(cost)) for key, (quantity, cost) in sums.items()]
    return sorted(alone + merged, key=repr)


def told(usage: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Give a table's rows in the form of `expected`."""
    columns = ("bucket", "bucket_end", *KEY, *AUTH, "quantity", "cost")
    return sorted(
        (
            (row[0].astimezone(UTC), row[1].astimezone(UTC), *row[2:])
            for row in usage.select(columns).iter_rows()
        ),
        key=repr,
    )


@pytest.mark.slow
@given(st.lists(rows, max_size=40), questions(), st.data())
def test_a_load_is_what_a_second_computation_says(
    emulator: fu.Emulator,
    client: fu.UsageClient,
    table: list[dict[str, Any]],
    asked: dict[str, Any],
    data: st.DataObject,
) -> None:
    """For any table, question, page size and split: row for row, reconciled, and in time order."""
    emulator.page_size = data.draw(st.integers(1, 12), label="page size")
    emulator.replace(pl.DataFrame(table, schema=USAGE))
    for name, column in (
        ("team_username", "username"),
        ("endpoint_id", "endpoint_id"),
        ("product", "product"),
    ):
        known = sorted({row[column] for row in table})
        if known and data.draw(st.booleans(), label=f"filter {name}"):
            asked[name] = data.draw(st.lists(st.sampled_from(known), min_size=1), label=name)
            table = [row for row in table if row[column] in asked[name]]

    load = client.load(fu.UsageQuery(**asked))

    want, got = expected(table, asked), told(load.usage)
    assert [row[:-2] for row in want] == [row[:-2] for row in got]
    for one, other in zip(want, got, strict=True):
        assert one[-2:] == pytest.approx(other[-2:], rel=1e-12, abs=1e-11)
    assert load.usage["bucket"].is_sorted()
    assert list(USAGE.items()) == list(load.usage.schema.items())
    receipt = load.receipt
    assert (len(want), len(want), 0) == (
        receipt.rows_received,
        receipt.rows_kept,
        receipt.rows_quarantined,
    )
    assert receipt.retries == 0 < receipt.pages < receipt.requests + 1
    assert len({row[:-2][2:6] + row[7:8] for row in want}) == receipt.reconciliation.height


def organization(hours: int = 24 * 4, per_hour: int = 7) -> pl.DataFrame:
    """Give hourly usage in which every third row has a twin that is equal in every field."""
    return pl.DataFrame(
        [
            {
                "bucket": FIRST + timedelta(hours=hour),
                "bucket_end": FIRST + timedelta(hours=hour + 1),
                "username": f"team-{n % 3}",
                "product": "model_apis",
                "endpoint_id": f"fal-ai/{n // 2}",
                "unit": "image",
                "quantity": 1.0 + hour % 5,
                "unit_price": 0.1,
                "cost_subtotal": 0.1 * (1 + hour % 5),
                "cost_discount": 0.0,
                "cost": 0.1 * (1 + hour % 5),
                "currency": "USD",
                **dict.fromkeys(AUTH),
            }
            for hour in range(hours)
            for n in range(per_hour + hour % 4)
            for _ in range(1 + (n % 3 == 0))
        ],
        schema=USAGE,
    )


def ask(**fields: Any) -> fu.UsageQuery:
    """Ask for four days by hour."""
    return fu.UsageQuery(
        **{"start": "2025-03-07", "end": "2025-03-11", "timeframe": "hour", **fields}
    )


@pytest.mark.slow
@pytest.mark.parametrize(("page_size", "workers"), [(90, 1), (90, 8), (100_000, 1)])
def test_page_size_and_workers_change_nothing(
    emulator: fu.Emulator, page_size: int, workers: int
) -> None:
    """Every row comes once, twins included, in the order of time, and the receipt adds up."""
    table = organization()
    emulator.page_size = page_size
    emulator.replace(table)
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=workers) as client:
        load = client.load(ask())
        key = ["bucket", "endpoint_id", "username"]
        assert_frame_equal(table.sort(key), load.usage.sort(key))
        assert load.usage["bucket"].is_sorted()
        assert (table.height, 0, None) == (
            load.receipt.rows_received,
            load.receipt.retries,
            load.receipt.open_from,
        )
        assert (1 if page_size > table.height else 2) <= load.receipt.requests
        assert (load.receipt.windows == 1) == (page_size > table.height)
        assert_frame_equal(pl.DataFrame(load.table), load.usage)
        assert_frame_equal(load.usage, pl.DataFrame(client.fetch_usage(ask())))
        pages = list(client.iter_usage(ask()))
        assert all(page.num_rows <= page_size for page in pages)
        assert_frame_equal(load.usage, pl.DataFrame(pa.concat_tables(pages)))


def test_a_load_of_one_page_is_one_request(emulator: fu.Emulator, client: fu.UsageClient) -> None:
    """The summary comes with the rows; without reconciliation it is not asked for."""
    table = organization(hours=4)
    emulator.replace(table)
    for reconcile in ("raise", "off"):
        receipt = client.load(ask(), reconcile=reconcile).receipt
        assert (1, 1, 1) == (receipt.requests, receipt.windows, receipt.pages)
        known = receipt.reconciliation["cost_summary"].null_count() == 0
        assert (reconcile == "raise") == known
    assert "not reconciled" in str(receipt)


@pytest.mark.slow
def test_many_ids_are_asked_in_parts_and_count_once(
    emulator: fu.Emulator, client: fu.UsageClient
) -> None:
    """Sixty endpoints are two requests, of which each row comes in one, in the order of time."""
    table = organization(hours=30, per_hour=120)
    emulator.replace(table)
    some = sorted(table["endpoint_id"].unique())[1:]
    orders: list[pl.DataFrame] = []
    for page_size in (200, 900, 100_000):
        emulator.page_size = page_size
        load = client.load(ask(endpoint_id=some * 2))
        assert len(some) > 50
        wanted = table.filter(pl.col("endpoint_id").is_in(some))
        key = ["bucket", "endpoint_id", "username"]
        assert_frame_equal(wanted.sort(key), load.usage.sort(key))
        orders.append(load.usage)
    assert 2 == load.receipt.requests
    assert orders[0]["bucket"].is_sorted()
    assert all(orders[0].equals(other) for other in orders)


def test_the_second_edition_is_loaded_too() -> None:
    """One team at a time, and callers as text; what came later is refused by the server."""
    with (
        fu.Emulator(organization(hours=4), edition=2) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        load = client.load(ask(team_username="team-1", auth_method=True))
        with pytest.raises(fu.BadRequestError, match="api_key_id"):
            client.load(ask(api_key_id="key-1"))
    assert {"team-1"} == set(load.usage["username"])
    assert load.receipt.reconciliation.height


def test_the_summary_is_the_apis_own(emulator: fu.Emulator, client: fu.UsageClient) -> None:
    """One row per key and price, over all pages and parts, in the summary's columns."""
    table = organization()
    emulator.page_size = 37
    emulator.replace(table)
    summary = pl.DataFrame(client.fetch_summary(ask()))
    truth = table.group_by("username", "endpoint_id").agg(pl.col("quantity").sum())
    assert list(SUMMARY.items()) == list(summary.schema.items())
    assert_frame_equal(
        truth, summary.select("username", "endpoint_id", "quantity"), check_row_order=False
    )


def test_the_short_ways(
    emulator: fu.Emulator, client: fu.UsageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`load_usage` and `load_summary` are strict, with a client or with the environment's."""
    table = organization(hours=4)
    emulator.replace(table)
    asked = {"start": "2025-03-07", "end": "2025-03-08", "timeframe": "hour"}
    one = fu.load_usage(**asked, client=client)
    total = fu.load_summary(**asked, client=client)
    monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
    monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
    assert_frame_equal(one, fu.load_usage(**asked))
    assert_frame_equal(total, fu.load_summary(**asked))
    assert one["cost"].sum() == pytest.approx(total["cost"].sum())
    ways = {"invalid": "quarantine", "reconcile": "warn"}
    assert_frame_equal(one, fu.load_usage(**asked, **ways))
    assert_frame_equal(total, fu.load_summary(**asked, **ways))
    for name in ways:
        with pytest.raises(fu.QueryError, match=f"{name} is 'no'"):
            fu.load_summary(**asked, **{name: "no"})


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"workers": 0}, fu.ConfigError, "workers is 0; expected a whole number from 1 up"),
        ({"workers": True}, fu.ConfigError, "workers is True"),
        ({"max_attempts": 0}, fu.ConfigError, "max_attempts is 0"),
        ({"max_attempts": 1.5}, fu.ConfigError, "max_attempts is 1.5"),
        ({"timeout": 0}, fu.ConfigError, "timeout is 0; expected a positive number of seconds"),
        ({"timeout": float("inf")}, fu.ConfigError, "timeout is inf"),
        ({"timeout": float("nan")}, fu.ConfigError, "timeout is nan"),
        ({"timeout": None}, fu.ConfigError, "timeout is None"),
    ],
)
def test_settings_out_of_range_are_refused(
    fields: dict[str, Any], error: type[Exception], words: str
) -> None:
    """In words, before anything is sent."""
    with pytest.raises(error, match=words):
        fu.UsageClient("key", **fields)


@pytest.mark.parametrize(("name", "value"), [("invalid", "drop"), ("reconcile", "maybe")])
def test_unknown_choices_of_a_load_are_refused(
    client: fu.UsageClient, name: str, value: str
) -> None:
    """A misspelt choice is not taken for the default."""
    with pytest.raises(fu.QueryError, match=f"{name} is '{value}'; expected 'raise' or"):
        client.load(ask(), **{name: value})


EXAMPLE = b"""{
  "next_cursor": null,
  "has_more": false,
  "time_series": [
    {
      "bucket": "2025-01-15T00:00:00-05:00",
      "results": [
        {"username": "acme-ml-team", "product": "model_apis", "endpoint_id": "fal-ai/flux/dev",
         "unit": "image", "quantity": 4, "unit_price": 0.1, "cost": 0.4, "currency": "USD"},
        {"username": "acme-ml-team", "product": "compute",
         "endpoint_id": "type: gpu_1x_h100_sxm5 (my-app, production)", "unit": "second",
         "quantity": 3600, "unit_price": 0.001, "cost": 3.6, "currency": "USD"}
      ]
    }
  ]
}"""


class Canned(BaseHTTPRequestHandler):
    """Answers with the bytes of its server, and notes what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer; the summary, where asked for, is made of the same items."""
        server: Any = self.server
        pairs = parse_qsl(urlsplit(self.path).query)
        server.asked.append(Counter(pairs))
        body = server.answer(dict(pairs), [v for n, v in pairs if n == "expand"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def canned() -> Iterator[Any]:
    """A server of canned answers; set its `answer`."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Canned)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(server: Any) -> fu.UsageClient:
    """Make a client of a canned server, which does not retry."""
    port = server.server_address[1]
    return fu.UsageClient("key", base_url=f"http://127.0.0.1:{port}", max_attempts=1)


def test_the_contracts_example_is_two_rows(canned: Any) -> None:
    """As the provider's documentation prints it."""
    results = EXAMPLE[EXAMPLE.index(b'[\n        {"u') : EXAMPLE.rindex(b"    }\n  ]")]
    canned.answer = lambda _, __: EXAMPLE.replace(b"null,", b'null, "summary": %s,' % results, 1)
    with client_of(canned) as client:
        load = client.load(
            fu.UsageQuery("2025-01-15", "2025-01-16", timezone="America/New_York", timeframe="day")
        )
    five = datetime(2025, 1, 15, 5, tzinfo=UTC)
    assert_frame_equal(
        pl.DataFrame(
            {
                "bucket": [five] * 2,
                "bucket_end": [five + timedelta(days=1)] * 2,
                "username": ["acme-ml-team"] * 2,
                "product": ["model_apis", "compute"],
                "endpoint_id": ["fal-ai/flux/dev", "type: gpu_1x_h100_sxm5 (my-app, production)"],
                "unit": ["image", "second"],
                "quantity": [4.0, 3600.0],
                "unit_price": [0.1, 0.001],
                "percent_discount": None,
                "cost_subtotal": None,
                "cost_discount": None,
                "cost": [0.4, 3.6],
                "currency": ["USD", "USD"],
                **dict.fromkeys(AUTH),
            },
            schema=USAGE,
        ),
        load.usage,
    )
    (asked,) = canned.asked
    assert {("timeframe", "day"), ("timezone", "America/New_York")} <= set(asked)


def item(**fields: Any) -> dict[str, Any]:
    """Write an item of the example, changed."""
    return {
        "username": "acme",
        "product": "model_apis",
        "endpoint_id": "fal-ai/flux/dev",
        "unit": "image",
        "quantity": 4,
        "unit_price": 0.1,
        "cost": 0.4,
        "currency": "USD",
        **fields,
    }


def whole(items: list[Any], summary: list[Any]) -> bytes:
    """Write an answer of one bucket."""
    series = [{"bucket": "2025-01-15T00:00:00Z", "results": items}]
    envelope = {"next_cursor": None, "has_more": False}
    return json.dumps({**envelope, "time_series": series, "summary": summary}).encode()


DAY = fu.UsageQuery("2025-01-15", "2025-01-16", timeframe="day")


def test_broken_rows_are_refused_or_set_aside(canned: Any) -> None:
    """Strictly, the load fails with the rows; in quarantine, every row is in one of the parts."""
    broken = [item(cost=-1), item(cost="much", endpoint_id="b"), item(currency=None)]
    canned.answer = lambda _, __: whole([item(), *broken, item()], [item(quantity=8, cost=0.8)])
    with client_of(canned) as client:
        with pytest.raises(fu.SchemaError, match="3 of the 5 rows received break") as refused:
            client.load(DAY)
        with pytest.warns(fu.QuarantineWarning, match="3 of 5 rows are in quarantine"):
            load = client.load(DAY, invalid="quarantine")
    rules = [["cost: negative"], ["cost: not a number"], ["currency: null"]]
    assert rules == refused.value.failures["rules"].to_list() == load.quarantine["rules"].to_list()
    assert broken == [
        {**item(), **{k: v for k, v in json.loads(text).items() if k in item()}}
        for text in load.quarantine["received"]
    ]
    receipt = load.receipt
    assert (5, 2, 3, 2) == (
        receipt.rows_received,
        receipt.rows_kept,
        receipt.rows_quarantined,
        load.usage.height,
    )


def test_a_summary_that_disagrees_is_an_error_with_the_keys(canned: Any) -> None:
    """A cent is no noise, less than a millionth is; a key that one side lacks is a difference."""
    key = ("acme", "model_apis", "fal-ai/flux/dev", "image", "USD")
    with client_of(canned) as client:
        canned.answer = lambda _, __: whole([item()], [item(cost=0.4 + 4e-10)])
        assert 1 == client.load(DAY).receipt.reconciliation.height
        for summary in ([item(cost=0.41)], [item(quantity=4.01)], [], [item(), item(unit="s")]):
            canned.answer = lambda _, __, summary=summary: whole([item()], summary)
            with pytest.raises(fu.ReconciliationError, match="differ in 1 keys") as refused:
                client.load(DAY)
            assert 1 == refused.value.failures.height
        assert key[:3] == refused.value.failures.row(0)[:3]
        canned.answer = lambda _, __: whole([item()], [item(cost=0.41)])
        with pytest.warns(fu.ReconciliationWarning, match="differ in 1 keys"):
            said = str(client.load(DAY, reconcile="warn").receipt)
        assert "1 of 1 keys differ from the API's summary" in said
        assert 1 == client.load(DAY, reconcile="off").usage.height
        for rows, summary in (([], [item()]), ([item()], [])):
            canned.answer = lambda _, __, rows=rows, summary=summary: whole(rows, summary)
            with pytest.warns(fu.ReconciliationWarning, match="differ in 1 keys"):
                receipt = client.load(DAY, reconcile="warn").receipt
            assert (1, True) == (receipt.differing, receipt.reconciled)
            assert "1 of 1 keys differ" in str(receipt)
        canned.answer = lambda _, __: whole([], [])
        assert "nothing was used" in str(client.load(DAY).receipt)
        assert "not reconciled" in str(client.load(DAY, reconcile="off").receipt)


def paged(parts: list[bytes], asked: dict[str, str]) -> bytes:
    """Answer with the page that the cursor asks for."""
    number = int(asked.get("cursor", 0))
    more = number + 1 < len(parts)
    cursor = f'"{number + 1}"'.encode() if more else b"null"
    return parts[number].replace(
        b'"next_cursor": null, "has_more": false',
        b'"next_cursor": %s, "has_more": %s' % (cursor, b"true" if more else b"false"),
    )


def test_a_summary_repeated_on_every_page_counts_once(canned: Any) -> None:
    """But one that goes on over the pages counts in all its parts."""
    one, other = item(), item(unit="second")
    with client_of(canned) as client:
        canned.answer = lambda asked, _: paged([whole([], [one, other])] * 3, asked)
        assert 2 == client.fetch_summary(DAY).num_rows
        canned.answer = lambda asked, _: paged([whole([], [one]), whole([], [other])], asked)
        assert 2 == client.fetch_summary(DAY).num_rows


@pytest.mark.parametrize(("late", "loads"), [(1, True), (2, True), (3, False)])
def test_where_pages_were_followed_it_is_read_three_times(
    canned: Any, late: int, loads: bool
) -> None:
    """Pages may have shifted: a summary that agrees at the third read is believed, not later."""
    summaries = iter([item(quantity=8, cost=9)] * (late + 1) + [item(quantity=8, cost=0.8)] * 9)

    def answer(asked: dict[str, str], expand: list[str]) -> bytes:
        if expand == ["summary"]:
            return whole([], [next(summaries)])
        return paged([whole([item()], [item()]), whole([item()], [])], asked)

    canned.answer = answer
    next(summaries)
    with client_of(canned) as client:
        if loads:
            assert 2 == client.load(DAY).usage.height
        else:
            with pytest.raises(fu.ReconciliationError, match="after 3 reads"):
                client.load(DAY)


def test_a_cursor_that_comes_again_is_seen_at_once(canned: Any) -> None:
    """A ring of pages is refused when it closes, not when a cap on pages is met."""
    ring = {"": "a", "a": "b", "b": "a"}

    def answer(asked: dict[str, str], _: list[str]) -> bytes:
        if len(canned.asked) > 20:
            return whole([item()], [item()])
        cursor = f'"next_cursor": "{ring[asked.get("cursor", "")]}", "has_more": true'.encode()
        return whole([item()], [item()]).replace(b'"next_cursor": null, "has_more": false', cursor)

    canned.answer = answer
    with client_of(canned) as client:
        with pytest.raises(fu.PaginationError, match="cursor 'a' came twice") as refused:
            client.load(DAY, reconcile="off")
        assert 5 > len(canned.asked)
    assert "a" == refused.value.cursor


def test_a_new_field_costs_one_careful_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new on one page is known on the next: the day the API adds a field is not slow."""
    careful: list[int] = []

    def counted(body: bytes, expected: Expected) -> Answer:
        careful.append(len(body))
        return read_strictly(body, expected)

    monkeypatch.setattr(pages, "read_strictly", counted)
    usage = fu.sample_usage(start="2025-03-01", end="2025-03-03").usage
    usage = usage.with_columns(surge=pl.lit(5.0), tier=pl.lit("gold"), fixed=pl.lit(True))
    with (
        fu.Emulator(usage, page_size=50) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=1) as client,
        pytest.warns(fu.UnknownFieldWarning, match="surge"),
    ):
        load = client.load(fu.UsageQuery("2025-03-01", "2025-03-03", auth_method=True))
    assert load.receipt.pages > 2
    assert 1 == len(careful)
    assert {"surge", "tier", "fixed"} < set(load.usage.columns)


ASKED: dict[str, Callable[[fu.UsageClient], object]] = {
    "load": lambda client: client.load(NEW),
    "fetch_usage": lambda client: client.fetch_usage(NEW),
    "iter_usage": lambda client: list(client.iter_usage(NEW)),
    "fetch_summary": lambda client: client.fetch_summary(NEW),
}
NEW = fu.UsageQuery("2025-03-01", "2025-03-02", timeframe="day")


@pytest.mark.parametrize("name", ASKED)
def test_whatever_is_asked_says_what_is_new_where_it_was_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the caller's own line, and with the bar closed."""
    closed: list[Progress] = []

    def close(bar: Progress) -> None:
        closed.append(bar)

    monkeypatch.setattr(Progress, "close", close)
    usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    usage = usage.with_columns(surge=pl.lit(5.0))
    with (
        fu.Emulator(usage) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
        pytest.warns(fu.UnknownFieldWarning, match="surge") as told,
    ):
        ASKED[name](client)
    assert [__file__] == [each.filename for each in told]
    assert 1 == len(closed)


def test_what_is_no_query_is_told_what_is() -> None:
    """Dates are for `load_usage`, and a field that is none is named with the near one."""
    with (
        fu.UsageClient("key-of:nobody") as client,
        pytest.raises(fu.QueryError, match="expected a UsageQuery; load_usage takes dates"),
    ):
        client.load("2025-05-01")  # type: ignore[arg-type]
    with pytest.raises(fu.QueryError, match=r"no argument 'team'\. Did you mean 'team_username'"):
        fu.load_usage("2025-05-01", "2025-06-01", team="acme")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("base_url", "proxy", "advice"),
    [
        ("https://127.0.0.1:9/v1", None, "check the network, and FALUSAGE_BASE_URL"),
        ("https://nowhere.invalid/v1", None, "check the network, and FALUSAGE_BASE_URL"),
        ("https://nowhere.invalid/v1", "http://127.0.0.1:9", "check the proxy in HTTPS_PROXY"),
    ],
)
def test_a_connection_that_is_never_made_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch, base_url: str, proxy: str | None, advice: str
) -> None:
    """Over real sockets: a closed port, a name that nobody has, a proxy that is not there."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    with (
        fu.UsageClient("id:secret", base_url=base_url, max_attempts=1) as client,
        pytest.raises(fu.TransportError, match=advice),
    ):
        client.load(fu.UsageQuery("2025-01-01", "2025-01-02"))


@pytest.mark.parametrize("edition", [2, 3, 4])
def test_a_discount_causes_no_warning_in_any_edition(edition: int) -> None:
    """What the contract knows is no news: half of the rows are sold for less."""
    is_cheaper = pl.int_range(pl.len()) % 2 == 0
    cost = pl.when(is_cheaper).then(pl.col("cost") * 0.8).otherwise("cost")
    usage = organization(hours=6).with_columns(
        percent_discount=pl.when(is_cheaper).then(20.0),
        cost=cost,
        cost_discount=pl.col("cost") - cost,
    )
    with (
        fu.Emulator(usage, edition=edition) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        load = client.load(ask())
    assert usage["cost"].sum() == pytest.approx(load.usage["cost"].sum())
    assert (edition == 4) == (load.usage["percent_discount"].null_count() < load.usage.height)
