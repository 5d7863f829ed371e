"""What a load was told to let through, in snapshots and stores: counted, kept and never silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage.errors import (
    QuarantineWarning,
    ReconciliationError,
    ReconciliationWarning,
    SchemaError,
)
from falusage.snapshot import snapshot_metadata
from tests.storage.tampering import dearer_summary, tampered
from tests.storage.world import BEGIN, World, spend

DAYS = [BEGIN.replace(day=day) for day in (1, 2, 3)]
GOOD = {DAYS[0]: [1.0, 2.0], DAYS[1]: [3.0], DAYS[2]: [4.0]}
QUERY = fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day")
LATER = BEGIN.replace(day=20)


def with_bad_row(count: int = 1) -> pl.DataFrame:
    """The good rows, and as many more that have a negative cost."""
    bad = spend({DAYS[1]: [7.0]}).with_columns(cost=-3.5)
    return pl.concat([spend(GOOD), *[bad] * count])


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_streamed_snapshot_keeps_its_rejected_rows_beside_it(
    world: World, tmp_path: Path
) -> None:
    """The receipt and the metadata count them; the file beside has each as it came."""
    world.on(LATER, with_bad_row(2))
    path, beside = tmp_path / "june.parquet", tmp_path / "june.quarantine.jsonl"
    with pytest.warns(QuarantineWarning):
        receipt = fu.download_snapshot(
            QUERY, path, client=world.client, invalid="quarantine", reconcile="off"
        )
    assert (4, 2, False) == (receipt.rows_kept, receipt.rows_quarantined, receipt.reconciled)
    metadata = snapshot_metadata(path)
    assert metadata.receipt is not None
    assert (2, False) == (metadata.receipt.rows_quarantined, metadata.receipt.reconciled)
    assert 4 == fu.read_snapshot(path).height
    found = lines(beside)
    assert 2 == len(found)
    assert [["cost: negative"]] * 2 == [
        [r for r in each["rules"] if r.startswith("cost:")] for each in found
    ]
    assert -3.5 == found[0]["received"]["cost"]

    world.on(LATER, spend(GOOD))
    fu.download_snapshot(QUERY, path, client=world.client)
    assert [path] == list(tmp_path.iterdir())


def test_a_strict_snapshot_names_the_way_out(world: World, tmp_path: Path) -> None:
    """The message names the keyword that the function has; nothing is written."""
    world.on(LATER, with_bad_row())
    with pytest.raises(SchemaError, match="invalid='quarantine'"):
        fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=world.client)
    assert [] == list(tmp_path.iterdir())


def test_messages_suggest_only_what_the_caller_has(world: World) -> None:
    """The client's `iter_usage` and `fetch_usage` have no `invalid=`, so they do not name it."""
    world.on(LATER, with_bad_row(3))
    for ask in (
        lambda: list(world.client.iter_usage(QUERY)),
        lambda: world.client.fetch_usage(QUERY),
    ):
        with pytest.raises(SchemaError) as rejected:
            ask()
        assert "quarantine" not in str(rejected.value)
    days = ("2025-01-01", "2025-01-04")
    for ask in (
        lambda: fu.load_usage(*days, client=world.client, timeframe="day"),
        lambda: fu.load_summary(*days, client=world.client, timeframe="day"),
        lambda: world.client.fetch_summary(QUERY),
    ):
        with pytest.raises(SchemaError, match="invalid='quarantine'"):
            ask()


@pytest.mark.parametrize("name", ["invalid", "reconcile"])
def test_an_unknown_way_is_named(world: World, tmp_path: Path, name: str) -> None:
    """A misspelt choice is an error before anything is asked."""
    ways = {name: "ignore"}
    store = fu.UsageStore(tmp_path / "store")
    with pytest.raises(fu.QueryError, match=f"{name} is 'ignore'; expected 'raise' or"):
        fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=world.client, **ways)  # pyright: ignore[reportArgumentType]
    with pytest.raises(fu.QueryError, match=f"{name} is 'ignore'; expected 'raise' or"):
        store.sync("2025-01-01", client=world.client, **ways)  # pyright: ignore[reportArgumentType]


def let_through(store: fu.UsageStore) -> tuple[int, int, bool | None]:
    """Return the rows left out, the keys that differ, and whether all was compared."""
    coverage = store.coverage
    return coverage.quarantined, coverage.differing, coverage.reconciled


def test_a_store_says_which_rows_it_lacks(world: World, tmp_path: Path) -> None:
    """The version, the history and the result count them; a later strict read clears the mark."""
    store = fu.UsageStore(tmp_path / "store")
    world.on(LATER, with_bad_row())
    with pytest.raises(SchemaError, match="invalid='quarantine'"):
        store.sync("2025-01-01", end="2025-01-04", client=world.client)
    with pytest.warns(QuarantineWarning):
        done = store.sync(
            "2025-01-01",
            end="2025-01-04",
            client=world.client,
            invalid="quarantine",
            reconcile="off",
        )
    assert "1 rows are in quarantine" in str(done)
    assert "not compared" in str(done)
    assert 1 == done.quarantine.height
    assert ["cost: negative"] == [r for r in done.quarantine["rules"][0] if r.startswith("cost:")]
    assert (1, 0, False) == let_through(store)
    read = store.history().filter(kind="sync")
    assert {(1, None)} == set(read.select("quarantined", "differing").rows())
    assert ["quarantined", "differing"] == store.history().columns[-2:]
    assert 4 == store.scan().collect().height == store.verify()

    world.on(LATER, spend(GOOD))
    again = store.sync("2025-01-01", end="2025-01-04", client=world.client, settle="99d")
    assert (1, 0) == (len(again.commits), again.rows_changed)
    assert (0, 0, True) == let_through(store)
    assert {(0, 0)} == set(
        store.history().filter(version=again.version).select("quarantined", "differing").rows()
    )


def test_what_is_let_through_is_recorded_if_no_row_changes(world: World, tmp_path: Path) -> None:
    """A rejected row that is new changes no row of the store, but the store says so; once."""
    store = fu.UsageStore(tmp_path / "store")
    world.on(LATER, spend(GOOD))
    ask: Any = {"end": "2025-01-04", "client": world.client, "settle": "99d"}
    store.sync("2025-01-01", **ask)
    world.on(LATER, with_bad_row())
    for made in (1, 0):
        with pytest.warns(QuarantineWarning):
            done = store.sync("2025-01-01", **ask, invalid="quarantine", reconcile="off")
        assert (made, 0) == (len(done.commits), done.rows_changed)
    assert (1, 0, False) == let_through(store)


def test_keys_that_differ_are_recorded(tmp_path: Path) -> None:
    """With `reconcile="warn"` the rows are kept, and the store and the snapshot count the keys."""
    store, path = fu.UsageStore(tmp_path / "store"), tmp_path / "a.parquet"
    with (
        fu.Emulator(spend(GOOD)) as emulator,
        tampered(emulator, dearer_summary) as address,
        fu.UsageClient(emulator.api_key, base_url=address) as client,
    ):
        emulator.clock = lambda: LATER
        with pytest.raises(ReconciliationError, match="reconcile='warn'"):
            fu.download_snapshot(QUERY, path, client=client)
        with pytest.raises(ReconciliationError, match="reconcile='warn'"):
            store.sync("2025-01-01", end="2025-01-04", client=client)
        assert not path.exists()
        with pytest.warns(ReconciliationWarning):
            fu.download_snapshot(QUERY, path, client=client, reconcile="warn")
        with pytest.warns(ReconciliationWarning):
            done = store.sync("2025-01-01", end="2025-01-04", client=client, reconcile="warn")
    metadata = snapshot_metadata(path)
    assert metadata.receipt is not None
    assert 1 == metadata.receipt.differing
    assert "1 keys differ" in str(done)
    assert (0, 1, True) == let_through(store)
    assert 1 == store.history()["differing"].to_list()[-1]


def test_a_store_takes_what_the_contract_declares(world: World, tmp_path: Path) -> None:
    """Fields of the query are handed on; whole buckets are not a choice."""
    store = fu.UsageStore(tmp_path / "store")
    world.on(LATER, spend(GOOD))
    with pytest.raises(fu.QueryError, match="always whole"):
        store.sync("2025-01-01", client=world.client, bound_to_timeframe=False)
    with pytest.raises(fu.QueryError, match="teamusername"):
        store.sync("2025-01-01", client=world.client, teamusername="a")  # pyright: ignore[reportCallIssue]
    store.sync("2025-01-01", end="2025-01-04", client=world.client, team_username=["team-0"])
    with pytest.raises(fu.StoreError, match=r"team_username is \('team-0',\) there and \(\) here"):
        store.sync("2025-01-01", end="2025-01-04", client=world.client)
