from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import polars as pl
import pytest

from falusage.emulator import Emulator, Faults
from tests.emulator.asking import ask, items, pages

GPU = "type: gpu_1x_h100_sxm5 (my-app, production)"
DAY = {"start": "2025-01-15", "end": "2025-01-16", "timezone": "America/New_York"}
MIDNIGHT = datetime(2025, 1, 15, 5, tzinfo=UTC)


def usage() -> pl.DataFrame:
    """The contract's example: one day in New York, with callers."""
    return pl.DataFrame(
        {
            "bucket": [MIDNIGHT] * 4,
            "bucket_end": [MIDNIGHT + timedelta(days=1)] * 4,
            "username": ["acme-ml-team", "acme-ml-team", "beta", "beta, inc"],
            "product": ["model_apis", "compute", "serverless", "compute"],
            "endpoint_id": ["fal-ai/flux/dev", GPU, "my-app", "c"],
            "unit": ["image", "second", "second", "second"],
            "quantity": [4.0, 3600.0, 10.0, 1.0],
            "unit_price": [0.1, 0.001, 0.002, 1.0],
            "cost": [0.4, 3.6, 0.02, 1.0],
            "currency": ["USD", "USD", "EUR", "USD"],
            "auth_method": ["my-key (owner: alice)", "alice <alice@example.com>", "None", None],
            "auth_detail": ["my-key", "alice", "None", None],
            "api_key_id": ["k1", None, None, None],
            "login_username": [None, "alice", None, None],
        }
    )


@pytest.fixture(autouse=True)
def example(emulator: Emulator) -> None:
    """Each test starts from the example's table."""
    emulator.replace(usage())
    emulator.faults = Faults()


def endpoints(found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Name the endpoints of what `items` gave."""
    return sorted(item["endpoint_id"] for _, item in found)


def test_the_example_of_the_contract(emulator) -> None:
    """The documented bucket and its two line items come out to the letter."""
    [page] = pages(emulator, **DAY, timeframe="day", team_username="acme-ml-team")
    gpu = {
        "username": "acme-ml-team",
        "product": "compute",
        "endpoint_id": GPU,
        "unit": "second",
        "quantity": 3600,
        "unit_price": 0.001,
        "percent_discount": None,
        "cost_subtotal": 3.6,
        "cost_discount": 0,
        "cost_total": 3.6,
        "cost": 3.6,
        "currency": "USD",
    }
    flux = {
        "username": "acme-ml-team",
        "product": "model_apis",
        "endpoint_id": "fal-ai/flux/dev",
        "unit": "image",
        "quantity": 4,
        "unit_price": 0.1,
        "percent_discount": None,
        "cost_subtotal": 0.4,
        "cost_discount": 0,
        "cost_total": 0.4,
        "cost": 0.4,
        "currency": "USD",
    }
    assert page == {
        "time_series": [{"bucket": "2025-01-15T00:00:00-05:00", "results": [gpu, flux]}],
        "next_cursor": None,
        "has_more": False,
    }


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer {key}", 401),
        ("{key}", 401),
        ("Key", 401),
        ("Key nobody's", 401),
        ("Key {member}", 403),
        ("Key {key}", 200),
    ],
)
def test_only_an_admin_s_key_is_let_in(emulator, session, header, status) -> None:
    """No key, another scheme or an unknown key is a 401; a member's key a 403."""
    given = header and header.format(key=emulator.api_key, member=emulator.member_key)
    answer = session.get(
        f"{emulator.base_url}/organization/usage",
        headers={"Authorization": given} if given else {},
        timeout=60,
    )
    assert status == answer.status_code
    if status != 200:
        assert answer.json()["error"]["type"] == "authorization_error"
        assert emulator.api_key not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        "limit=0",
        "limit=-1",
        "limit=1.0",
        "limit=1_0",
        "limit=",
        "limit=null",
        "limit=1&limit=2",
        "cursor=zzz",
        "cursor=",
        "start=yesterday",
        "start=",
        "start=2025-01-15T00:00:00",
        "start=2025-01-16&end=2025-01-16",
        "start=2025-01-17&end=2025-01-16",
        "start=0001-01-01&end=0001-01-02&timezone=Asia/Tokyo",
        "end=9999-12-31",
        "timezone=Mars/Olympus",
        "timezone=../etc/passwd",
        "timezone=%00",
        "timeframe=year",
        "timeframe=Day",
        "bound_to_timeframe=1",
        "endpoint_id=",
        "endpoint_id=a,,b",
        "&".join(f"endpoint_id={n}" for n in range(51)),
        "endpoint_id=" + ",".join(map(str, range(51))),
        "api_key_id=" + ",".join(map(str, range(51))),
        "team_username=",
        "product=gpu",
        "product=compute,",
        "expand=auth_method",
        "expand=everything",
        "expand=",
        "page=2",
        "Limit=1",
    ],
)
def test_what_makes_no_question_is_a_400(emulator, session, wrong) -> None:
    """Each has the documented body, naming the parameter, and an id in body and header alike."""
    answer = session.get(
        f"{emulator.base_url}/organization/usage?{wrong}",
        headers={"Authorization": f"Key {emulator.api_key}"},
        timeout=60,
    )
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert {"type", "message", "docs_url", "request_id"} == set(error)
    assert error["type"] == "validation_error"
    assert error["request_id"] == answer.headers["x-request-id"]
    assert wrong.split("=")[0] in error["message"] or "start" in error["message"]


def test_fifty_ids_are_taken(emulator) -> None:
    """The limit is fifty, repeated or with commas."""
    ids = ["my-app", *(f"x{n}" for n in range(49))]
    for given in (ids, ",".join(ids)):
        assert ["my-app"] == endpoints(items(emulator, **DAY, endpoint_id=given))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/organization/usages", (404, "not_found")),
        ("GET", "/organization/usage/", (404, "not_found")),
        ("POST", "/organization/usage", (405, "not_implemented")),
    ],
)
def test_other_paths_and_methods(emulator, session, method, path, expected) -> None:
    """They get errors in the documented form."""
    answer = session.request(method, emulator.base_url + path, timeout=60)
    assert expected == (answer.status_code, answer.json()["error"]["type"])


def test_every_answer_is_dated_and_numbered(emulator, session) -> None:
    """`Date` and the request's id stand on answers of every status."""
    answers = [ask(emulator), ask(emulator, limit=0), session.get(emulator.base_url, timeout=60)]
    assert [200, 400, 404] == [answer.status_code for answer in answers]
    for answer in answers:
        age = datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])
        assert timedelta(seconds=-1) < age < timedelta(seconds=5)
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"product": "compute"}, [GPU, "c"]),
        ({"product": "compute,serverless"}, ["my-app", GPU, "c"]),
        ({"product": ["compute", "serverless"]}, ["my-app", GPU, "c"]),
        ({"endpoint_id": GPU}, [GPU]),
        ({"endpoint_id": [GPU, "my-app"]}, ["my-app", GPU]),
        ({"endpoint_id": "my-app,fal-ai/flux/dev"}, ["my-app", "fal-ai/flux/dev"]),
        ({"endpoint_id": f"my-app,{GPU}"}, ["my-app"]),
        ({"team_username": "beta"}, ["my-app"]),
        ({"team_username": "beta, inc"}, ["c"]),
        ({"team_username": ["beta", "acme-ml-team"], "product": "compute"}, [GPU]),
        ({"team_username": "nobody"}, []),
        ({"api_key_id": "k1,k2"}, ["fal-ai/flux/dev"]),
    ],
)
def test_filters(emulator, given, expected) -> None:
    """Values are repeated or cut at commas, but a name with commas in it is taken whole."""
    assert sorted(expected) == endpoints(items(emulator, **DAY, **given))


@pytest.mark.parametrize(
    ("expand", "parts"),
    [
        (None, {"time_series"}),
        ("summary", {"summary"}),
        ("time_series,summary", {"time_series", "summary"}),
        (["summary", "time_series", "auth_method"], {"time_series", "summary"}),
    ],
)
def test_expand_decides_what_is_answered(emulator, expand, parts) -> None:
    """The time series alone by default; `next_cursor` and `has_more` always."""
    answer = ask(emulator, **DAY, expand=expand).json()
    assert parts | {"next_cursor", "has_more"} == set(answer)


def test_callers_are_told_as_asked(emulator) -> None:
    """Neither, one or both forms of the caller, and nulls left out."""
    text = ["alice <alice@example.com>", "my-key (owner: alice)", "None", None]
    structured = [
        {"detail": "alice", "login_username": "alice"},
        {"detail": "my-key", "api_key_id": "k1"},
        {"detail": "None"},
        None,
    ]
    for expand, told, fields in (
        ("time_series", [None] * 4, [None] * 4),
        ("time_series,auth_method", text, [None] * 4),
        ("time_series,auth_method_structured", [None] * 4, structured),
        ("time_series,auth_method,auth_method_structured", text, structured),
    ):
        found = [item for _, item in items(emulator, **DAY, expand=expand)]
        assert told == [item.get("auth_method") for item in found]
        assert fields == [item.get("auth_method_structured") for item in found]


def test_summary_stands_whole_on_every_page(emulator) -> None:
    """It is the same list each time; alone it is one page, however small the limit."""
    both = pages(emulator, **DAY, expand="time_series,summary", limit=1)
    assert 4 == len(both)
    assert [4] * 4 == [len(page["summary"]) for page in both]
    assert all(page["summary"] == both[0]["summary"] for page in both)
    [alone] = pages(emulator, **DAY, expand="summary", limit=1)
    assert alone["summary"] == both[0]["summary"]


def test_cursors_are_page_numbers(emulator) -> None:
    """`Mg==` is the second page, and leads on to the third; past the end there is nothing."""
    first = ask(emulator, **DAY, limit=1).json()
    second = ask(emulator, **DAY, limit=1, cursor=first["next_cursor"]).json()
    past = ask(emulator, **DAY, limit=1, cursor=base64.b64encode(b"99").decode()).json()
    assert ("Mg==", "Mw==") == (first["next_cursor"], second["next_cursor"])
    assert (True, True, False) == (first["has_more"], second["has_more"], past["has_more"])
    assert past["time_series"] == []


@pytest.mark.parametrize(("limit", "expected"), [(None, 3), (2, 2), (10, 3)])
def test_a_page_has_at_most_the_page_size(limit, expected) -> None:
    """A request may ask for smaller pages, not for larger ones."""
    with Emulator(usage(), page_size=3) as small:
        answer = ask(small, **DAY, limit=limit).json()
    assert expected == sum(len(bucket["results"]) for bucket in answer["time_series"])


def test_the_last_24_hours_are_asked_for_by_default(emulator) -> None:
    """Without start and end: widened to whole hours, because a day is under two."""
    now = datetime.now(UTC)
    ago = [now - timedelta(hours=hours) for hours in (0, 1, 12, 23, 26)]
    hours = [moment.replace(minute=0, second=0, microsecond=0) for moment in ago]
    emulator.replace(
        usage()
        .head(1)
        .drop("bucket", "bucket_end")
        .join(
            pl.DataFrame({"bucket": hours, "bucket_end": [h + timedelta(hours=1) for h in hours]}),
            how="cross",
        )
    )
    assert 4 == len(items(emulator))


def test_bodies_are_compressed_where_the_caller_takes_it(emulator) -> None:
    """A large answer is gzipped and the same; a small one, or one for a plain caller, is not."""
    many = pl.concat([usage()] * 100)
    emulator.replace(many)
    packed = ask(emulator, **DAY)
    plain = ask(emulator, accept="identity", **DAY)
    small = ask(emulator, **DAY, limit=1)
    assert ("gzip", None, None) == tuple(
        answer.headers.get("Content-Encoding") for answer in (packed, plain, small)
    )
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 10


def test_extra_columns_are_extra_fields(emulator) -> None:
    """A table of a newer API is served as one, in items and in the summary."""
    emulator.replace(usage().with_columns(is_surge=pl.Series([None, 10, None, None])))
    assert [10, None, None, None] == [item["is_surge"] for _, item in items(emulator, **DAY)]
    summary = ask(emulator, **DAY, expand="summary").json()["summary"]
    assert [10, None, None, None] == [item["is_surge"] for item in summary]


def discounted() -> pl.DataFrame:
    """The example, with half of the GPU's cost taken off."""
    return usage().with_columns(
        percent_discount=pl.Series([None, 50.0, None, None]),
        cost_subtotal=pl.Series([0.4, 3.6, 0.02, 1.0]),
        cost_discount=pl.Series([0.0, 1.8, 0.0, 0.0]),
        cost=pl.Series([0.4, 1.8, 0.02, 1.0]),
    )


DISCOUNT = ("percent_discount", "cost_subtotal", "cost_discount", "cost_total")


def test_edition_4_has_discounts(emulator) -> None:
    """The discount, the cost before it and after it, in items and in the summary."""
    emulator.replace(discounted())
    listed = [item for _, item in items(emulator, **DAY, product="compute")]
    summed = ask(emulator, **DAY, product="compute", expand="summary").json()["summary"]
    for gpu, other in (listed, summed):
        assert (50.0, 3.6, 1.8, 1.8, 1.8) == tuple(gpu[name] for name in (*DISCOUNT, "cost"))
        assert (None, 1.0, 0.0, 1.0, 1.0) == tuple(other[name] for name in (*DISCOUNT, "cost"))


@pytest.mark.parametrize("edition", [2, 3])
def test_older_editions_say_nothing_of_discounts(edition) -> None:
    """They have the cost that is charged, and the price that explains it."""
    with Emulator(discounted(), edition=edition) as before:
        (_, gpu), _ = items(before, **DAY, product="compute")
    assert not set(DISCOUNT) & set(gpu)
    assert (3600.0, 0.0005, 1.8) == (gpu["quantity"], gpu["unit_price"], gpu["cost"])


def test_usage_at_different_discounts_is_different_items(emulator) -> None:
    """Hours served as a day are added up for each discount."""
    hours = [MIDNIGHT + timedelta(hours=hour) for hour in range(4)]
    emulator.replace(
        usage()
        .head(1)
        .drop("bucket", "bucket_end")
        .join(
            pl.DataFrame(
                {
                    "bucket": hours,
                    "bucket_end": [hour + timedelta(hours=1) for hour in hours],
                    "percent_discount": [None, 50.0, None, 50.0],
                    "cost_subtotal": [0.4, 0.8, 0.4, 0.8],
                    "cost_discount": [0.0, 0.4, 0.0, 0.4],
                }
            ),
            how="cross",
        )
    )
    found = [item for _, item in items(emulator, **DAY, timeframe="day")]
    assert [(None, 0.8, 0.0, 0.8), (50.0, 1.6, 0.8, 0.8)] == [
        tuple(item[name] for name in DISCOUNT) for item in found
    ]


@pytest.fixture(scope="module")
def older():
    """An emulator of the second edition: one team, no keys, no structured callers."""
    with Emulator(usage(), edition=2) as running:
        yield running


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key_id": "k1"},
        {"team_username": ["beta", "acme-ml-team"]},
        {"team_username": "beta,acme-ml-team"},
        {"expand": ["time_series", "auth_method_structured"]},
    ],
)
def test_edition_2_refuses_what_came_later(older, wrong) -> None:
    """The third edition's parameters are validation errors."""
    answer = ask(older, **DAY, **wrong)
    assert (400, "validation_error") == (answer.status_code, answer.json()["error"]["type"])


def test_edition_2_knows_one_team_and_its_callers(older) -> None:
    """One team, also one with a comma in its name, and the caller as text."""
    assert ["c"] == endpoints(items(older, **DAY, team_username="beta, inc"))
    [(_, item)] = items(older, **DAY, team_username="beta", expand=["time_series", "auth_method"])
    assert item["auth_method"] == "None"


def test_answers_are_json_without_spaces_to_spare(emulator) -> None:
    """The body is exactly what a compact encoder writes, floats shortest."""
    answer = ask(emulator, **DAY)
    again = json.dumps(answer.json(), separators=(",", ":"), ensure_ascii=False)
    assert again == answer.text
    assert answer.headers["Content-Type"] == "application/json"
