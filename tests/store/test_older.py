"""Stores that an older version wrote: `old/make.py` says how they were made."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import falusage as fu
from falusage.columns import USAGE
from tests.old import KINDS, OLD, discounts
from tests.world import World

NEW = ("percent_discount", "cost_subtotal", "cost_discount")
CLOCK = datetime(2025, 3, 7, 9, tzinfo=UTC)
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of old store."""
    return request.param


@pytest.fixture
def store(kind: str, tmp_path: Path) -> fu.UsageStore:
    """A copy of the old store."""
    shutil.copytree(OLD / kind, tmp_path / "store")
    return fu.UsageStore(tmp_path / "store")


def served(*, days: int = 6, **further: object) -> pl.DataFrame:
    """What the old store's organization used, and more days of it."""
    return pl.DataFrame(
        [
            {
                "bucket": BEGIN + timedelta(days=at // 2),
                "bucket_end": BEGIN + timedelta(days=at // 2 + 1),
                "username": f"team-{at % 2}",
                "product": "model_apis",
                "endpoint_id": "fal-ai/flux/dev",
                "unit": "image",
                "quantity": at + 1.0,
                "unit_price": 0.5,
                "cost": (at + 1) / 2,
                "currency": "USD",
                **dict.fromkeys(("auth_method", "auth_detail", "api_key_id", "login_username")),
                **dict.fromkeys(NEW),
                **further,
            }
            for at in range(2 * days)
        ],
        schema={**USAGE, **{name: pl.String for name in further if name not in USAGE}},
    )


def test_an_old_store_has_every_known_column(kind: str, store: fu.UsageStore) -> None:
    """A scan, its projections and filters see null in what an old store lacks."""
    table = store.scan()
    rows = table.collect()
    expected = [*USAGE, "read_at", "settled", *(["note"] if kind == "ahead" else [])]
    assert expected == rows.columns == table.collect_schema().names()
    assert discounts(kind) == table.select("percent_discount").collect().to_series().to_list()
    assert 12 == table.filter(pl.col("cost_subtotal").is_null()).select(pl.len()).collect().item()
    assert 0 == table.filter(pl.col("cost_subtotal") > 0).collect().height
    assert 12 == store.verify()
    assert rows.filter(pl.col("settled")).height == 10


@pytest.mark.filterwarnings("ignore::falusage.errors.UnknownFieldWarning")
def test_an_old_store_is_widened_by_its_next_sync(kind: str, store: fu.UsageStore) -> None:
    """One commit of the kind `columns`, even if nothing else is new; rows stay as they were."""
    was, before = store.scan().collect(), store.history()["version"].to_list()[-1]
    with (
        fu.Emulator(served(note="a") if kind == "ahead" else served(), edition=3) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        emulator.clock = lambda: CLOCK
        done = store.sync("2025-03-01", client=client, settle="1d")
        again = store.sync("2025-03-01", client=client, settle="1d")
    assert was.columns == store.scan().collect_schema().names()
    assert () == again.commits
    assert 12 == store.verify()
    kinds = store.history()["kind"].to_list()[before + 1 :]
    if kind == "ahead":  # this API no longer sends the discount of the young day
        assert (["columns", "sync"], 2) == (kinds, done.rows_changed)
        return
    assert (["columns"], 0) == (kinds, done.rows_changed)
    assert was.sort("bucket", "username").equals(store.scan().collect().sort("bucket", "username"))
    assert store.restatements(before).is_empty()


@pytest.mark.filterwarnings("ignore::falusage.errors.UnknownFieldWarning")
def test_an_old_store_takes_rows_of_the_new_edition(
    kind: str, store: fu.UsageStore, world: World
) -> None:
    """New days have the new columns, old ones stay null; versions of both kinds are compared."""
    table = served(days=9, note="a") if kind == "ahead" else served(days=9)
    full = table.with_columns(
        percent_discount=pl.lit(20.0),
        cost_subtotal="cost",
        cost_discount=pl.col("cost") * 0.2,
        cost=pl.col("cost") * 0.8,
    )
    world.on(BEGIN + timedelta(days=20), full)
    first = store.history()["version"].to_list()[-1]
    store.sync("2025-03-01", end="2025-03-10", client=world.client, settle="1d")
    rows = store.scan().collect().sort("bucket", "username")
    assert [None] * 10 + full["cost_subtotal"].to_list()[10:] == rows["cost_subtotal"].to_list()
    changed = store.restatements(first)
    assert {"changed": 2, "appeared": 6} == dict(changed["change"].value_counts().iter_rows())
    assert [None, None] == changed.filter(change="changed")["cost_subtotal_old"].to_list()
    assert 18 == store.verify()
    store.sync("2025-03-01", end="2025-03-10", client=world.client, settle="0d")
    assert store.compact() is None or store.verify() == 18
    assert rows["cost"].sum() == pytest.approx(store.scan().collect()["cost"].sum())


def test_an_old_store_is_compacted_before_it_is_widened(
    kind: str, store: fu.UsageStore, tmp_path: Path
) -> None:
    """Merging files changes no row, and writes only the columns that the version has."""
    was = store.scan().collect()
    store.compact()
    assert was.equals(store.scan().collect())
    assert 12 == store.verify()
    del tmp_path


def test_old_commits_let_nothing_through(store: fu.UsageStore) -> None:
    """A version that says nothing of it was strict; one that read nothing has null."""
    history = store.history()
    reads = history.filter(kind="sync")
    assert [0] * reads.height == reads["quarantined"].to_list() == reads["differing"].to_list()
    assert [None] == history.filter(kind="create")["quarantined"].to_list()
