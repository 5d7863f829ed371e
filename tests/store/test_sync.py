"""A sync brings the store to what the API says now, and lets the past be asked."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import falusage as fu
from falusage.errors import ApiError, QueryError, StoreError
from tests.world import BEGIN, DAY, World, bag, few_examples, spend


def days(*quantities: list[float]) -> dict[datetime, list[float]]:
    """Give the days from the first of January on with the quantities that each saw."""
    return {BEGIN + at * DAY: list(each) for at, each in enumerate(quantities)}


def test_a_first_sync_keeps_what_a_load_gives(world: World, tmp_path: Path) -> None:
    """Row for row, duplicates included; what is younger than `settle`, or open, is provisional."""
    clock = BEGIN + 9.5 * DAY
    world.on(clock, spend(days(*([[4, 4, 7]] * 12))))
    store = fu.UsageStore(tmp_path / "store")

    result = store.sync("2025-01-01", client=world.client, settle="3d")

    load = world.client.load(fu.UsageQuery("2025-01-01", "2025-01-11", timeframe="day"))
    table = store.scan().collect()
    assert bag(load.usage) == bag(table)
    expected = [end + 3 * DAY <= clock for end in table["bucket_end"]]
    assert expected == table["settled"].to_list()
    assert {True, False} == set(expected)
    assert {clock} == set(table["read_at"])
    assert (30, 30, (1,)) == (result.rows_read, result.rows_changed, result.commits)
    assert BEGIN + 10 * DAY == result.end


def test_nothing_new_commits_nothing(world: World, tmp_path: Path) -> None:
    """The young days are read again, and no version, file or folder comes of it."""
    world.on(BEGIN + 9.5 * DAY, spend(days(*([[4, 4, 7]] * 10))))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client)
    before = sorted(tmp_path.rglob("*"))

    again = store.sync("2025-01-01", client=world.client)

    assert (1, (), 0) == (again.version, again.commits, again.rows_changed)
    assert [BEGIN + 6 * DAY] == [receipt.query.start for receipt in again.receipts]
    assert before == sorted(tmp_path.rglob("*"))


def test_a_night_reads_from_the_last_settled_bucket_on(world: World, tmp_path: Path) -> None:
    """What changed in young days is a restatement, what came is not; the settled past is kept."""
    world.on(BEGIN + 5 * DAY, spend(days(*([[4, 2]] * 5))))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client)
    late = days([9, 9], [4, 2], [4, 2], [4, 3], [4, 2, 8], [1])  # the first is settled by now
    world.on(BEGIN + 6 * DAY, spend(late))

    result = store.sync("2025-01-01", client=world.client)

    kept = days([4, 2], [4, 2], [4, 2], [4, 3], [4, 2, 8], [1])
    assert bag(spend(kept)) == bag(store.scan())
    assert {"EUR": Decimal(4), "USD": Decimal("0.5")} == dict(result.restated)
    assert [BEGIN + 2 * DAY] == [receipt.query.start for receipt in result.receipts]
    history = store.history()
    assert [0, 1, 2, 2] == history["version"].to_list()
    assert [None, "USD", "EUR", "USD"] == history["currency"].to_list()
    assert [0, 10, 1, 11] == history["rows"].to_list()
    assert [None, Decimal(15), Decimal(4), Decimal(16)] == history["cost"].to_list()
    assert [None, Decimal(0), Decimal(4), Decimal("0.5")] == history["restated"].to_list()
    assert BEGIN + 3 * DAY == history["settled_until"][-1]


def test_a_longer_settle_reads_the_settled_past_again(world: World, tmp_path: Path) -> None:
    """What was settled once stays so, and says what it is now."""
    world.on(BEGIN + 30 * DAY, spend(days(*([[4]] * 20))))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client)
    world.on(BEGIN + 30 * DAY, spend(days([5], *([[4]] * 19))))
    assert () == store.sync("2025-01-01", client=world.client).commits

    result = store.sync("2025-01-01", client=world.client, settle="90d")

    assert {"USD": Decimal("0.5")} == dict(result.restated)
    assert store.scan().select(pl.col("settled").all()).collect().item()
    changed = store.restatements(1)
    assert [("changed", 4.0, 5.0, True)] == changed.select(
        "change", "quantity_old", "quantity_new", "restated"
    ).rows()


QUANTITIES = st.lists(st.integers(1, 3), max_size=4)
NIGHTS = st.lists(
    st.tuples(st.integers(0, 40), st.lists(QUANTITIES, min_size=9, max_size=9)),
    min_size=2,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=few_examples())
@given(nights=NIGHTS, settle=st.integers(0, 4))
def test_nights_of_any_kind(
    world: World,
    tmp_path_factory: pytest.TempPathFactory,
    nights: list[tuple[int, list[list[float]]]],
    settle: int,
) -> None:
    """Each version is what a plain model says; the difference of two gives one from the other.

    The model keeps a list of quantities a day, and reads a day again until it is settled.
    """
    store = fu.UsageStore(tmp_path_factory.mktemp("nights") / "store")
    model: dict[datetime, list[float]] = {}
    final: set[datetime] = set()
    known: dict[int, Counter[tuple[object, ...]]] = {}
    hours = 0
    for later, quantities in nights:
        hours += later
        clock = BEGIN + DAY + timedelta(hours=hours)
        says = {start: q for start, q in days(*quantities).items() if start <= clock}
        world.on(clock, spend(says))
        result = store.sync(
            "2025-01-01", client=world.client, settle=settle * DAY, allow_empty=True
        )
        for start, each in says.items():
            if start not in final:
                model[start] = each
                if start + DAY + settle * DAY <= clock:
                    final.add(start)
        known[result.version] = bag(spend(model))
        assert known[result.version] == bag(store.scan())
        settled = store.scan().filter(pl.col("settled")).collect()["bucket"].unique()
        assert {start for start in final if model[start]} == set(settled)
    first, last = min(known), max(known)
    for old, new in {*itertools.pairwise(known), (first, last), (last, first), (last, last)}:
        was, now = known[old], known[new]
        changes = store.restatements(old, new)
        sides = [
            bag(
                changes.filter(pl.col("change") != missing).select(
                    *(name for name in fu.columns.USAGE if name not in fu.columns.NUMBERS),
                    *(pl.col(f"{name}_{side}").alias(name) for name in fu.columns.NUMBERS),
                )
            )
            for side, missing in (("old", "appeared"), ("new", "vanished"))
        ]
        assert sides[0] - was == Counter()
        assert now == was - sides[0] + sides[1]
        assert changes.equals(
            changes.filter((pl.col("change") != "changed") | (pl.col("cost_delta") != 0))
        )
    assert sum(known[store.history()["version"].max()].values()) == store.verify()


@pytest.mark.slow
def test_hours_in_a_zone_with_summer_time(world: World, tmp_path: Path) -> None:
    """Local days are read whole, of 23 and 25 hours too, and no hour is lost or twice there."""
    start, end = datetime(2025, 10, 24, 4, tzinfo=UTC), datetime(2025, 11, 5, 5, tzinfo=UTC)
    hours = int((end - start) / timedelta(hours=1))
    usage = spend({start + at * timedelta(hours=1): [at + 1] for at in range(hours)}, hours=1)
    store = fu.UsageStore(tmp_path)
    options = {"timezone": "America/New_York", "timeframe": "hour", "client": world.client}
    for late in range(30, hours + 24, 53):
        clock = start + late * timedelta(hours=1)
        world.on(clock, usage.filter(pl.col("bucket") <= clock))
        store.sync("2025-10-24", settle="1d", **options)
        table = store.scan().collect()
        assert bag(usage.filter(pl.col("bucket") <= clock)) == bag(table)
        expected = [ended + DAY <= clock for ended in table["bucket_end"]]
        assert expected == table["settled"].to_list()


@pytest.mark.parametrize("timeframe", ["minute", "week", "month"])
def test_other_timeframes(world: World, tmp_path: Path, timeframe: Any) -> None:
    """What `load` gives is what is kept, whatever the length of a bucket."""
    usage = spend({BEGIN + timedelta(minutes=37 * at): [at + 1] for at in range(200)})
    usage = usage.with_columns(bucket_end=pl.col("bucket").dt.offset_by("1m"))
    world.on(BEGIN + 40 * DAY, usage)
    store = fu.UsageStore(tmp_path)

    store.sync("2025-01-01", end="2025-01-10", client=world.client, timeframe=timeframe)

    load = world.client.load(fu.UsageQuery("2025-01-01", "2025-01-10", timeframe=timeframe))
    assert bag(load.usage) == bag(store.scan())
    assert (
        ()
        == store.sync(
            "2025-01-01", end="2025-01-10", client=world.client, timeframe=timeframe
        ).commits
    )


@pytest.mark.slow
def test_what_was_known_then(world: World, tmp_path: Path) -> None:
    """A version by its number, or by an instant of the server's clock."""
    store = fu.UsageStore(tmp_path)
    for night, quantities in ((5, [4]), (7, [6])):
        world.on(BEGIN + night * DAY, spend(days(*([quantities] * night))))
        store.sync("2025-01-01", client=world.client, settle="30d")

    first, last = (bag(spend(days(*([[q]] * n)))) for n, q in ((5, 4), (7, 6)))
    assert first == bag(store.scan(version=1))
    assert first == bag(store.scan(as_of="2025-01-06"))
    assert first == bag(store.scan(as_of=date(2025, 1, 7)))
    assert first == bag(store.scan(as_of=BEGIN + 7 * DAY - timedelta(seconds=1)))
    assert last == bag(store.scan(as_of="2025-01-08T00:00:00Z"))
    assert last == bag(store.scan(as_of="2030-01-01"))
    assert 7 == store.restatements("2025-01-06").height
    assert store.restatements(2, 1).height == store.restatements("2025-02-01", 1).height
    with pytest.raises(StoreError, match=r"knew nothing yet at 2025-01-01.*first sync was at 2025"):
        store.scan(as_of="2025-01-01")
    with pytest.raises(StoreError, match="no version 9; expected 0 to 2"):
        store.scan(version=9)
    with pytest.raises(StoreError, match="no version -1"):
        store.restatements(-1)
    with pytest.raises(QueryError, match="version and as_of"):
        store.scan(version=1, as_of="2025-01-06")
    with pytest.raises(QueryError, match="no UTC offset"):
        store.scan(as_of=datetime(2025, 1, 6))
    odd: Any
    for odd in ("1", "2025-01-06", 1.0, True):
        with pytest.raises(QueryError, match="version is"):
            store.scan(version=odd)
    for odd in (1, True, 2.5):
        with pytest.raises(QueryError, match="as_of is"):
            store.scan(as_of=odd)


def test_another_question_is_refused(world: World, tmp_path: Path) -> None:
    """With what differs, and nothing is asked or written; the order of filters is no difference."""
    world.on(BEGIN + 5 * DAY, spend(days([1], [2])))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client, product=["model_apis", "compute"])

    store.sync("2025-01-01", client=world.client, product=["compute", "model_apis"])
    for different, said in (
        ({"timezone": "Asia/Tokyo"}, r"timezone is 'UTC' there and 'Asia/Tokyo' here"),
        ({"timeframe": "hour"}, r"timeframe is 'day' there and 'hour' here"),
        ({"product": "compute"}, r"product is .*'model_apis'\) there and \('compute',\) here"),
        ({"auth_method": True}, r"auth_method is False there and True here"),
    ):
        asked = {"product": ["model_apis", "compute"], **different}
        with pytest.raises(StoreError, match=f"holds another question.*{said}"):
            store.sync("2025-01-01", client=world.client, **asked)
    assert 1 == store.history()["version"].max()


def test_a_day_that_comes_back_empty(world: World, tmp_path: Path) -> None:
    """Is refused where it had spend, until that is confirmed."""
    world.on(BEGIN + 3 * DAY, spend(days([1, 2], [3], [4])))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client)
    world.on(BEGIN + 3 * DAY, spend(days([1, 2], [], [9])))

    with pytest.raises(StoreError, match=r"1 windows .* from 2025-01-02T00.*1\.5 USD.*allow_empty"):
        store.sync("2025-01-01", client=world.client)
    assert bag(spend(days([1, 2], [3], [4]))) == bag(store.scan())
    result = store.sync("2025-01-01", client=world.client, allow_empty=True)

    assert {"USD": Decimal(1)} == dict(result.restated)
    assert bag(spend(days([1, 2], [], [9]))) == bag(store.scan())
    assert ["vanished", "changed"] == store.restatements(1)["change"].to_list()


def test_a_backfill_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    """What was committed before an error stands, and is not read again."""
    world.on(BEGIN + 200 * DAY, spend(days(*([[4, 2]] * 100))))
    store = fu.UsageStore(tmp_path)
    with fu.UsageClient(
        world.emulator.api_key,
        base_url=world.client.base_url,
        workers=1,
        max_attempts=1,
    ) as hasty:
        world.emulator.faults = fu.Faults(rate_limit_every=3)
        with pytest.raises(ApiError):
            store.sync("2025-01-01", end="2025-04-11", client=hasty)
        world.emulator.faults = fu.Faults()
    stood = store.scan().collect()
    assert 0 < stood.height < 200

    result = store.sync("2025-01-01", end="2025-04-11", client=world.client)

    assert bag(spend(days(*([[4, 2]] * 100)))) == bag(store.scan())
    assert stood["bucket_end"].max() == result.receipts[0].query.start
    assert 200 - stood.height == result.rows_read


def test_holes_and_earlier_starts_are_filled(world: World, tmp_path: Path) -> None:
    """A sync reads what the store lacks of its range, wherever that lies."""
    world.on(BEGIN + 60 * DAY, spend(days(*([[4]] * 40))))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-20", end="2025-01-25", client=world.client)
    store.sync("2025-01-10", end="2025-01-15", client=world.client)
    assert store.coverage.gaps == ((BEGIN + 14 * DAY, BEGIN + 19 * DAY),)

    result = store.sync("2025-01-05", end="2025-02-01", client=world.client)

    asked = [(r.query.start.day, r.query.end.day) for r in result.receipts]
    assert [(5, 10), (15, 20), (25, 1)] == asked
    assert 27 == store.scan().select(pl.len()).collect().item()
    assert store.coverage.gaps == ()


def test_a_hole_before_an_open_day_is_a_gap(world: World, tmp_path: Path) -> None:
    """The day has rows that count, and has not ended; a day that comes after the last has none."""
    usage = spend({BEGIN + at * DAY: [4] for at in range(20)})
    store = fu.UsageStore(tmp_path)
    world.on(BEGIN + 19.5 * DAY, usage)
    store.sync("2025-01-01", end="2025-01-05", client=world.client)
    assert () == store.coverage.gaps
    store.sync("2025-01-20", client=world.client)
    assert ((BEGIN + 4 * DAY, BEGIN + 19 * DAY),) == store.coverage.gaps
    assert BEGIN + 19 * DAY == store.coverage.closed_until
    store.sync("2025-01-01", client=world.client)
    assert () == store.coverage.gaps


def test_the_end_is_the_servers_now(world: World, tmp_path: Path) -> None:
    """The open bucket is the last that is read, however far `end` is; a later start is refused."""
    world.on(BEGIN + 2.5 * DAY, spend(days([1], [2], [3])))
    store = fu.UsageStore(tmp_path)

    assert BEGIN + 3 * DAY == store.sync("2025-01-01", client=world.client).end
    assert BEGIN + 3 * DAY == store.sync("2025-01-01", end="2030-01-01", client=world.client).end
    assert BEGIN + 2 * DAY == store.sync("2025-01-01", end="2025-01-03", client=world.client).end
    with pytest.raises(StoreError, match="not before the server's now"):
        store.sync("2025-01-10", client=world.client)


def test_a_start_to_come_makes_no_store(world: World, tmp_path: Path) -> None:
    """What was refused does not bind the next sync to its question."""
    world.on(BEGIN + 2 * DAY, spend(days([1])))
    store = fu.UsageStore(tmp_path / "store")
    with pytest.raises(StoreError, match="not before the server's now"):
        store.sync("2205-01-01", client=world.client, timezone="Asia/Kolkata")

    assert not (tmp_path / "store").exists()
    store.sync("2025-01-01", client=world.client)


def test_fields_that_nobody_knew(world: World, tmp_path: Path) -> None:
    """New ones come as columns, null before; whole numbers turn to doubles without a loss."""
    store = fu.UsageStore(tmp_path)
    nights = [
        spend(days([1], [2], [3])),
        spend(days([1], [2], [3], [4]), surge_percent=10, tier="gold"),
        spend(days([1], [2], [3], [4], [5]), surge_percent=12.5, tier="gold"),
    ]
    for at, usage in enumerate(nights, start=3):
        with pytest.warns(fu.UnknownFieldWarning) if at > 3 else nullcontext():
            world.on(BEGIN + at * DAY, usage)
            store.sync("2025-01-01", client=world.client, settle="1d")

    table = store.scan().sort("bucket").collect()
    assert [None, None, 10.0, 12.5, 12.5] == table["surge_percent"].to_list()
    assert [None, None, "gold", "gold", "gold"] == table["tier"].to_list()
    assert ["create", "sync", "columns", "sync", "sync"] == (
        store.history().unique("version").sort("version")["kind"].to_list()
    )
    assert "surge_percent" not in store.scan(version=1).collect_schema()
    world.on(BEGIN + 6 * DAY, spend(days(*([[1]] * 6)), surge_percent="none"))
    with (
        pytest.warns(fu.UnknownFieldWarning),
        pytest.raises(StoreError, match="'surge_percent' is String now, and Float64"),
    ):
        store.sync("2025-01-01", client=world.client)
    assert table.equals(store.scan().sort("bucket").collect())


@pytest.mark.parametrize("name", ["settled", "_unit", "Cost", "Read_At"])
def test_names_that_the_store_needs(world: World, tmp_path: Path, name: str) -> None:
    """A field of the API with such a name, in capitals or not, is refused, not mixed up or lost."""
    world.on(BEGIN + 2 * DAY, spend(days([1]), **{name: "no"}))
    with pytest.warns(fu.UnknownFieldWarning), pytest.raises(StoreError, match=f"field '{name}'"):
        fu.UsageStore(tmp_path).sync("2025-01-01", client=world.client)


def test_fields_that_differ_in_capitals_alone(world: World, tmp_path: Path) -> None:
    """They are one to the Delta library, today or against what the store has; they are refused."""
    store = fu.UsageStore(tmp_path)
    world.on(BEGIN + 2 * DAY, spend(days([1]), tier="gold", Tier="tin"))
    with pytest.warns(fu.UnknownFieldWarning), pytest.raises(StoreError, match="but for capitals"):
        store.sync("2025-01-01", client=world.client)
    for tier in ("tier", "Tier"):
        world.on(BEGIN + 2 * DAY, spend(days([1]), **{tier: "gold"}))
        refused = tier == "Tier"
        with (
            pytest.warns(fu.UnknownFieldWarning),
            pytest.raises(StoreError, match="but for capitals") if refused else nullcontext(),
        ):
            store.sync("2025-01-01", client=world.client)


@pytest.mark.parametrize("settle", ["3", "-1d", "3 days", timedelta(-1), 3, "99999w", "", None])
def test_lengths_that_are_none(world: World, tmp_path: Path, settle: Any) -> None:
    """A length of time is refused in words before anything is asked."""
    with pytest.raises(QueryError, match="settle is"):
        fu.UsageStore(tmp_path).sync("2025-01-01", client=world.client, settle=settle)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("first", [1, 7, 40, 1000])
def test_a_filter_after_the_first_rows_is_of_those_rows(
    first: int, world: World, tmp_path: Path
) -> None:
    """Polars hands both to the source at once; files that hold no match hold first rows, too."""
    world.on(BEGIN + 70 * DAY, spend(days(*([[4, 5, 7]] * 60))))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", client=world.client)
    assert len(list(tmp_path.glob("*/*.parquet"))) > 1
    table = store.scan().collect()

    for wanted in (pl.col("quantity") == 5, pl.col("bucket") >= BEGIN + 40 * DAY):
        assert (
            table.head(first)
            .filter(wanted)
            .equals(store.scan().head(first).filter(wanted).collect())
        )
        assert (
            table.filter(wanted)
            .head(first)
            .equals(store.scan().filter(wanted).head(first).collect())
        )


@pytest.mark.slow
def test_sums_beyond_what_a_double_holds(world: World, tmp_path: Path) -> None:
    """Are exact to the last place, so a store of very large costs proves itself."""
    store = fu.UsageStore(tmp_path)
    spent = {BEGIN + at * DAY: [1.5e17, 1.5e17, 0.25, 0.246913578024] for at in range(12)}
    world.on(BEGIN + 20 * DAY, spend(spent))
    for night in range(3, 13, 3):
        store.sync("2025-01-01", end=BEGIN + night * DAY, client=world.client)
    assert 48 == store.verify()
    expected = Decimal("1800000000000000001.481481468144")
    last = store.history().filter(pl.col("currency") == "USD").tail(1)
    assert [expected] == last["cost"].to_list()


@pytest.mark.slow
def test_a_range_of_many_rows_is_read_in_small_pieces(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece with more rows than fit is given up and read again, day by day at first."""
    monkeypatch.setattr("falusage.store._syncing._MOST_ROWS", 10)
    usage = spend({BEGIN + at * DAY: [4, 2, 1, 3] for at in range(20)})
    world.on(BEGIN + 30 * DAY, usage)

    result = fu.UsageStore(tmp_path).sync("2025-01-01", end="2025-01-21", client=world.client)

    assert [4, *[8] * 9, 4] == [receipt.rows_kept for receipt in result.receipts]
    assert usage.height == result.rows_read
    assert bag(usage) == bag(fu.UsageStore(tmp_path).scan())
