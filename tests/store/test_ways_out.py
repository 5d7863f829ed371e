"""What a load was told to let through, in stores: counted, kept and never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from falusage.errors import (
    QuarantineWarning,
    ReconciliationError,
    ReconciliationWarning,
    SchemaError,
)
from tests.bad_rows import GOOD, LATER, with_bad_row
from tests.tampering import dearer_summary, tampered
from tests.world import World, spend


@pytest.mark.parametrize("name", ["invalid", "reconcile"])
def test_an_unknown_way_is_named(world: World, tmp_path: Path, name: str) -> None:
    """A misspelt choice is an error before anything is asked."""
    store = fu.UsageStore(tmp_path / "store")
    with pytest.raises(fu.QueryError, match=f"{name} is 'ignore'; expected 'raise' or"):
        store.sync("2025-01-01", client=world.client, **{name: "ignore"})  # pyright: ignore[reportArgumentType]


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
    """With `reconcile="warn"` the rows are kept, and the store counts the keys."""
    store = fu.UsageStore(tmp_path / "store")
    with (
        fu.Emulator(spend(GOOD)) as emulator,
        tampered(emulator, dearer_summary) as address,
        fu.UsageClient(emulator.api_key, base_url=address) as client,
    ):
        emulator.clock = lambda: LATER
        with pytest.raises(ReconciliationError, match="reconcile='warn'"):
            store.sync("2025-01-01", end="2025-01-04", client=client)
        with pytest.warns(ReconciliationWarning):
            done = store.sync("2025-01-01", end="2025-01-04", client=client, reconcile="warn")
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
