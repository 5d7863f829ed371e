"""A question is checked, resolved once and cut into requests before anything is sent."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage import UsageQuery
from falusage.api.asks import asks
from falusage.api.query import edges, instant_at
from falusage.contract import ORGANIZATION_USAGE
from falusage.errors import FalUsageError, QueryError

COMPUTE = "type: gpu_1x_h100_sxm5 (my-app, production)"


def query(**fields: Any) -> UsageQuery:
    """Ask for January."""
    return UsageQuery(**{"start": "2025-01-01", "end": "2025-02-01", **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"start": "2025-02-01"},
            r"start 2025-02-01T00:00:00\+00:00 is not before end .*exclusive",
        ),
        ({"start": "2025-03-01"}, "is not before end"),
        ({"start": "soon"}, "start 'soon' is not ISO 8601"),
        ({"end": "soon"}, "end 'soon' is not ISO 8601"),
        ({"start": datetime(2025, 1, 1)}, "start .* has no UTC offset"),
        ({"end": "2025-01-15T05:00:00"}, "end .* has no UTC offset"),
        ({"timezone": "Mars/Olympus"}, "timezone 'Mars/Olympus' is not an IANA time zone"),
        ({"timeframe": "quarter"}, "'quarter' is not one of minute, hour, day, week, month"),
        ({"timeframe": "1d"}, "timeframe '1d' is not one of"),
        ({"product": "gpu"}, "product 'gpu' is not one of model_apis, serverless, compute"),
        ({"product": ["compute", "Compute"]}, "product 'Compute' is not one of"),
        ({"limit": 0}, "limit is 0; expected a whole number from 1 up, or None"),
        ({"limit": -1}, "limit is -1"),
        ({"limit": True}, "limit is True"),
        ({"limit": 10.0}, "limit is 10.0"),
        ({"limit": "10"}, "limit is '10'"),
        ({"endpoint_id": ["a", ""]}, "endpoint_id has ''; expected names that are not empty"),
        ({"endpoint_id": ""}, "endpoint_id has ''"),
        ({"team_username": ["  "]}, "team_username has '  '"),
        ({"api_key_id": [None]}, "api_key_id has None"),
        ({"product": [1]}, "product has 1"),
        ({"team_username": None}, r"team_username is None; expected a name or several, or \(\)"),
        ({"bound_to_timeframe": "true"}, "bound_to_timeframe is 'true'; expected True or False"),
        ({"auth_method": 1}, "auth_method is 1"),
        ({"auth_method_structured": None}, "auth_method_structured is None"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(fields: dict[str, Any], words: str) -> None:
    """Before anything is sent, with what was wrong and what was expected."""
    with pytest.raises(QueryError, match=words) as refused:
        query(**fields)
    assert isinstance(refused.value, FalUsageError)
    assert isinstance(refused.value, ValueError)


def test_only_the_range_is_positional() -> None:
    """A third positional argument is a mistake."""
    with pytest.raises(TypeError):
        UsageQuery("2025-01-01", "2025-02-01", "UTC")  # type: ignore[misc]


def test_the_defaults_are_the_apis() -> None:
    """What is not said is what the API would take."""
    asked = query()
    assert ("UTC", "day", True) == (asked.timezone, asked.timeframe, asked.bound_to_timeframe)
    assert ((), (), (), ()) == (
        asked.endpoint_id,
        asked.team_username,
        asked.product,
        asked.api_key_id,
    )
    assert (False, False, None) == (asked.auth_method, asked.auth_method_structured, asked.limit)


@pytest.mark.parametrize(
    "start",
    [
        "2025-01-01",
        date(2025, 1, 1),
        "2025-01-01T05:00:00Z",
        datetime(2025, 1, 1, 5, tzinfo=UTC),
        datetime(2025, 1, 1, tzinfo=ZoneInfo("America/New_York")),
    ],
)
def test_dates_datetimes_and_texts_are_the_same_question(start: Any) -> None:
    """A date is midnight in the query's zone."""
    asked = query(start=start, timezone="America/New_York")
    assert query(timezone="America/New_York") == asked
    assert "2025-01-01T05:00:00+00:00" == asked.start.isoformat()


@pytest.mark.parametrize(
    ("end", "timeframe"),
    [
        ("2025-01-01T01:59:59Z", "minute"),
        ("2025-01-01T02:00:00Z", "hour"),
        ("2025-01-02T23:59:00Z", "hour"),
        ("2025-01-03", "day"),
        ("2025-03-05", "day"),
        ("2025-03-06", "week"),
        ("2025-07-02", "week"),
        ("2025-07-03", "month"),
    ],
)
def test_the_timeframe_is_decided_by_the_range_as_asked(end: str, timeframe: str) -> None:
    """By its length before the ends are widened, as the API would."""
    assert timeframe == query(end=end).timeframe
    assert "week" == query(end=end, timeframe="week").timeframe


def test_a_range_over_a_clock_change_is_as_long_as_it_really_was() -> None:
    """Two days of New York wall clock with an hour skipped are 47 hours, so they go by hour."""
    zone = "America/New_York"
    assert "hour" == UsageQuery("2025-03-08", "2025-03-10", timezone=zone).timeframe
    assert "day" == UsageQuery("2025-11-01", "2025-11-03", timezone=zone).timeframe
    assert (
        "hour"
        == UsageQuery(
            datetime(2025, 3, 8, tzinfo=ZoneInfo(zone)),
            datetime(2025, 3, 10, tzinfo=ZoneInfo(zone)),
            timezone=zone,
        ).timeframe
    )


def test_the_two_half_past_ones_of_an_autumn_night_are_an_hour() -> None:
    """Python calls them equal; the question does not."""
    night = datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    asked = UsageQuery(night, night.replace(fold=1), timezone="America/New_York")
    assert (timedelta(hours=1), "minute") == (asked.end - asked.start, asked.timeframe)
    with pytest.raises(QueryError, match="not before"):
        UsageQuery(night.replace(fold=1), night, timezone="America/New_York")


@pytest.mark.parametrize(
    ("timeframe", "start", "end"),
    [
        ("minute", "2025-01-15T10:20:00", "2025-01-20T10:21:00"),
        ("hour", "2025-01-15T10:00:00", "2025-01-20T11:00:00"),
        ("day", "2025-01-15T05:00:00", "2025-01-21T05:00:00"),
        ("week", "2025-01-13T05:00:00", "2025-01-27T05:00:00"),
        ("month", "2025-01-01T05:00:00", "2025-02-01T05:00:00"),
    ],
)
def test_bounds_are_widened_to_whole_buckets_once(timeframe: Any, start: str, end: str) -> None:
    """Both ends move outwards to the zone's buckets; without it they stay."""
    asked = {
        "start": "2025-01-15T10:20:30Z",
        "end": "2025-01-20T10:20:30Z",
        "timezone": "America/New_York",
        "timeframe": timeframe,
    }
    bound = query(**asked)
    assert (f"{start}+00:00", f"{end}+00:00") == (bound.start.isoformat(), bound.end.isoformat())
    again = UsageQuery(**bound.fields())
    assert (bound, bound.start, bound.end) == (again, again.start, again.end)

    loose = query(**asked, bound_to_timeframe=False)
    assert ["10:20:30", "10:20:30"] == [f"{at:%H:%M:%S}" for at in (loose.start, loose.end)]
    assert bound.start == loose.first_bucket == bound.first_bucket


def test_a_query_is_a_frozen_value() -> None:
    """It can be a key, be compared, copied and pickled; it cannot be changed."""
    asked = query(endpoint_id=["a", "b"], product="compute", timezone="Asia/Kolkata")
    same = query(endpoint_id=("a", "b"), product=["compute"], timezone="Asia/Kolkata")
    assert {asked: 1}[same]
    for name in ("limit", "endpoint_id", "start", "timezone", "new"):
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
            setattr(asked, name, 5)
    for again in (
        copy.copy(asked),
        copy.deepcopy(asked),
        pickle.loads(pickle.dumps(asked)),  # noqa: S301 - our own bytes
        UsageQuery(**asked.fields()),
    ):
        assert (asked, hash(asked), repr(asked)) == (again, hash(again), repr(again))
        assert ("a", "b") == again.endpoint_id


def test_every_field_is_part_of_the_question() -> None:
    """A query with one field changed is another one, and says in its repr what was asked."""
    asked = query()
    others = {
        "timezone": "Asia/Kolkata",
        "timeframe": "hour",
        "bound_to_timeframe": False,
        "limit": 5,
        "product": ("compute",),
    }
    for name, parameter in ORGANIZATION_USAGE.asked.items():
        value = others.get(name, True if parameter.kind == "expand" else ("a", "b"))
        other = UsageQuery(**asked.fields() | {name: value})
        assert asked != other, name
        assert value == getattr(other, name) == other.fields()[name]
        assert f"{name}={value!r}" in repr(other)
        assert eval(repr(other)) == other  # noqa: S307 - our own repr


def test_an_attribute_that_a_query_has_not_is_named() -> None:
    """With those that it has."""
    with pytest.raises(AttributeError, match=r"a query has no 'team'; it has start, end, .*limit"):
        query().team  # noqa: B018 - it is asked for


def test_one_name_is_as_good_as_a_list_of_one_and_twice_is_once() -> None:
    """A name that is given twice would count its usage twice."""
    assert ("a",) == query(endpoint_id="a").endpoint_id
    assert ("b", "a") == query(team_username=iter(["b", "a", "b"])).team_username
    assert ("compute",) == query(product=("compute", "compute")).product


def test_lists_are_repeated_and_never_joined() -> None:
    """A compute line has commas in its id."""
    (ask,) = asks(
        query(
            endpoint_id=[COMPUTE, "fal-ai/flux/dev"],
            team_username=["ml", "art"],
            product=["compute", "model_apis"],
            api_key_id=["k1", "k2"],
            auth_method=True,
            auth_method_structured=True,
            limit=50,
        ),
        time_series=True,
        summary=True,
    )
    assert [
        ("start", "2025-01-01T00:00:00Z"),
        ("end", "2025-02-01T00:00:00Z"),
        ("expand", "time_series"),
        ("expand", "summary"),
        ("expand", "auth_method"),
        ("expand", "auth_method_structured"),
        ("endpoint_id", COMPUTE),
        ("endpoint_id", "fal-ai/flux/dev"),
        ("team_username", "ml"),
        ("team_username", "art"),
        ("product", "compute"),
        ("product", "model_apis"),
        ("api_key_id", "k1"),
        ("api_key_id", "k2"),
        ("timezone", "UTC"),
        ("timeframe", "day"),
        ("bound_to_timeframe", "true"),
        ("limit", "50"),
        ("cursor", "Mg=="),
    ] == ask.params("Mg==")


def test_what_is_not_asked_is_not_sent() -> None:
    """But the range, the zone, the timeframe and what to expand are always pinned."""
    (ask,) = asks(query(bound_to_timeframe=False), time_series=False, summary=True)
    assert {
        "start": "2025-01-01T00:00:00Z",
        "end": "2025-02-01T00:00:00Z",
        "timezone": "UTC",
        "timeframe": "day",
        "bound_to_timeframe": "false",
        "expand": "summary",
    } == dict(ask.params())
    assert 6 == len(ask.params())
    assert ("cursor", "") in ask.params("")


def test_a_limit_of_one_is_sent_as_a_number() -> None:
    """Python takes 1 for True; the API does not."""
    (ask,) = asks(query(limit=1), time_series=True, summary=False)
    assert ("limit", "1") in ask.params()


@given(st.integers(0, 160), st.integers(0, 120))
def test_long_lists_are_asked_in_parts_that_cover_every_pair_once(
    endpoints: int, keys: int
) -> None:
    """Each endpoint meets each key in exactly one request, of at most 50 of either."""
    asked = query(
        endpoint_id=[f"e{n}" for n in range(endpoints)], api_key_id=[f"k{n}" for n in range(keys)]
    )
    sent = [
        [[v for n, v in ask.params() if n == name] for name in ("endpoint_id", "api_key_id")]
        for ask in asks(asked, time_series=True, summary=False)
    ]
    pairs = Counter((e, k) for es, ks in sent for e in es or [None] for k in ks or [None])
    assert max(endpoints, 1) * max(keys, 1) == len(pairs)
    assert {1} == set(pairs.values())
    assert all(len(ids) <= 50 for part in sent for ids in part)
    assert -(-max(endpoints, 1) // 50) * -(-max(keys, 1) // 50) == len(sent)


def test_the_edges_are_the_buckets_and_both_ends() -> None:
    """A query that is not bound begins and ends inside a bucket."""
    asked = query(
        start="2025-03-08T12:00:00Z",
        end="2025-03-10T12:00:00Z",
        timezone="America/New_York",
        timeframe="day",
        bound_to_timeframe=False,
    )
    assert ["08 12:00", "09 05:00", "10 04:00", "10 12:00"] == [
        f"{instant_at(int(edge)):%d %H:%M}" for edge in edges(asked)
    ]
    assert ["08 05:00", "09 05:00", "10 04:00", "11 04:00"] == [
        f"{instant_at(int(edge)):%d %H:%M}"
        for edge in edges(UsageQuery(**asked.fields() | {"bound_to_timeframe": True}))
    ]
