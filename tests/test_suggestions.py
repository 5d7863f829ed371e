"""A message that rejects a name names the one that was meant, and guesses nothing else."""

from __future__ import annotations

import pytest

import falusage as fu
from falusage._suggestions import closest, did_you_mean
from falusage.api.query import UsageQuery
from falusage.contract import TIMEFRAMES
from falusage.timeframes import zone

COLUMNS = [
    *("bucket", "bucket_end", "username", "product", "endpoint_id", "unit", "quantity"),
    *("unit_price", "cost", "currency", "auth_method", "api_key_id", "login_username"),
]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Username", "username"),
        ("user name", "username"),
        ("team", "username"),
        ("Teams", "username"),
        ("team_username", "username"),
        ("endpoint", "endpoint_id"),
        ("model", "endpoint_id"),
        ("key", "api_key_id"),
        ("API key", "api_key_id"),
        ("price", "unit_price"),
        ("owner", "login_username"),
        ("amount", "cost"),
        ("date", "bucket"),
        ("tz", None),
        ("curency", "currency"),
        ("zzz", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_column_is_guessed_by_meaning_before_spelling(given: object, meant: str | None) -> None:
    """Letters first, then the sense, then the parts and the spelling; else nothing."""
    assert meant == closest(given, COLUMNS)


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("Acme-ML", ["acme-ops", "acme-ml"], "acme-ml"),
        ("ads ", ["ad", "ads"], "ads"),
        ("usd", ["EUR", "USD"], "USD"),
        ("$", ["EUR", "USD"], "USD"),
        ("paris", ["acme-paris", "acme-voice"], "acme-paris"),
        ("daily", TIMEFRAMES, "day"),
        ("1h", TIMEFRAMES, "hour"),
        ("day", ["1h", "1d", "1w"], "1d"),
    ],
)
def test_other_names_are_guessed_in_the_same_way(given: str, known: list[str], meant: str) -> None:
    """Teams, currencies, timeframes and periods have one table with the columns."""
    assert meant == closest(given, known)


def test_the_sentence_is_empty_where_nothing_is_close() -> None:
    """A wrong guess costs more than none."""
    assert " Did you mean 'day'?" == did_you_mean("days", TIMEFRAMES)
    assert not did_you_mean("fortnight", TIMEFRAMES)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("america/new_york", "America/New_York"),
        ("New York", "America/New_York"),
        ("utc", "UTC"),
        ("PST", "America/Los_Angeles"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_a_time_zone_is_guessed(given: str, meant: str) -> None:
    """By its letters, its city, or what people call it."""
    with pytest.raises(fu.QueryError, match=f"Did you mean '{meant}'"):
        zone(given)


@pytest.mark.parametrize("given", ["GMT+2", "Mars/Olympus", "local"])
def test_a_time_zone_is_not_guessed_wrongly(given: str) -> None:
    """`Etc/GMT+2` is two hours behind UTC, and no place is next to Mars."""
    with pytest.raises(fu.QueryError, match="not an IANA time zone") as caught:
        zone(given)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("team", "team_username"), ("username", "team_username"), ("key", "api_key_id"),
     ("endpoint", "endpoint_id"), ("granularity", "timeframe"), ("tz", "timezone")],
)  # fmt: skip
def test_a_query_field_is_guessed(given: str, meant: str) -> None:
    """Before anything is sent; the fields are the query's, not the columns."""
    with pytest.raises(fu.QueryError, match=f"Did you mean '{meant}'"):
        fu.load_usage("2025-01-01", "2025-01-02", **{given: "x"})  # type: ignore[misc]


def test_an_argument_of_another_function_is_not_guessed_by_spelling() -> None:
    """`reconcilee` is nothing like a time zone."""
    with pytest.raises(fu.QueryError, match="no argument 'reconcilee'") as caught:
        fu.load_usage("2025-01-01", "2025-01-02", reconcilee="off")  # type: ignore[call-arg]
    assert "Did you mean 'timezone'" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "meant"),
    [({"timeframe": "daily"}, "day"), ({"product": "gpu"}, "compute")],
)
def test_a_value_of_a_closed_set_is_guessed(fields: dict[str, str], meant: str) -> None:
    """After the list of all that would be accepted."""
    with pytest.raises(fu.QueryError, match=f"Did you mean '{meant}'"):
        UsageQuery("2025-01-01", "2025-01-02", **fields)  # type: ignore[arg-type]


def test_periods_and_models_are_guessed() -> None:
    """In transforms and forecasts as in queries."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-05-03", every="1d").usage
    with pytest.raises(fu.QueryError, match="Did you mean '1w'"):
        fu.rollup(usage, every="week")  # type: ignore[arg-type]
    with pytest.raises(fu.QueryError, match="Did you mean 'seasonal_naive'"):
        fu.forecast(usage, horizon=1, model="naive")
    with pytest.raises(AttributeError, match="Did you mean 'load_usage'"):
        _ = fu.load_ussage  # type: ignore[attr-defined]
