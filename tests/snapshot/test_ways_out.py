"""What a load was told to let through, in snapshots: counted, kept and never silent."""

from __future__ import annotations

import json
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
from falusage.snapshot import snapshot_metadata
from tests.bad_rows import GOOD, LATER, QUERY, with_bad_row
from tests.tampering import dearer_summary, negative_total, tampered
from tests.world import World, spend


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
    with pytest.raises(fu.QueryError, match=f"{name} is 'ignore'; expected 'raise' or"):
        fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=world.client, **{name: "ignore"})  # pyright: ignore[reportArgumentType]


def test_keys_that_differ_are_recorded(tmp_path: Path) -> None:
    """With `reconcile="warn"` the rows are kept, and the snapshot counts the keys."""
    path = tmp_path / "a.parquet"
    with (
        fu.Emulator(spend(GOOD)) as emulator,
        tampered(emulator, dearer_summary) as address,
        fu.UsageClient(emulator.api_key, base_url=address) as client,
    ):
        emulator.clock = lambda: LATER
        with pytest.raises(ReconciliationError, match="reconcile='warn'"):
            fu.download_snapshot(QUERY, path, client=client)
        assert not path.exists()
        with pytest.warns(ReconciliationWarning):
            fu.download_snapshot(QUERY, path, client=client, reconcile="warn")
    metadata = snapshot_metadata(path)
    assert metadata.receipt is not None
    assert 1 == metadata.receipt.differing


def test_a_broken_total_is_let_through_and_recorded(tmp_path: Path) -> None:
    """A row of the summary that is invalid compares with nothing, so its key counts as differing.

    Whether its rows came or were lost. Only the one way out that the message names is needed.
    """
    path = tmp_path / "a.parquet"
    with (
        fu.Emulator(spend(GOOD)) as emulator,
        tampered(emulator, negative_total) as broken,
        tampered(emulator, without_rows) as lost,
    ):
        emulator.clock = lambda: LATER
        for address, rows in ((broken, 4), (lost, 0)):
            with fu.UsageClient(emulator.api_key, base_url=address) as client:
                with pytest.raises(SchemaError, match="invalid='quarantine'"):
                    fu.download_snapshot(QUERY, path, client=client)
                with (
                    pytest.warns(QuarantineWarning, match="1 rows of the summary are invalid"),
                    pytest.warns(ReconciliationWarning, match="1 keys differ"),
                ):
                    fu.download_snapshot(QUERY, path, client=client, invalid="quarantine")
            kept = fu.open_snapshot(path)
            assert kept.coverage is not None
            assert (rows, 1) == (fu.read_snapshot(path).height, kept.coverage.differing)


def without_rows(answer: dict[str, Any]) -> None:
    """Leave out every row, and all of the summary but a broken one."""
    answer["time_series"] = []
    answer["summary"] = answer.get("summary", [])[:1]
    negative_total(answer)
