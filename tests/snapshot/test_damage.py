"""What happens to a file on a real disk is found when it is read, or changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import SnapshotError
from falusage.snapshot import SnapshotMetadata, snapshot_metadata
from falusage.snapshot._metadata import EDITION


@pytest.fixture(scope="module")
def whole(usage: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound snapshot."""
    path = tmp_path_factory.mktemp("whole") / "a.parquet"
    fu.write_snapshot(usage, path)
    return path


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte(
    whole: Path, usage: pl.DataFrame, tmp_path: Path, place: float, flip: int
) -> None:
    """Any changed byte is a SnapshotError that names the file, or reads as what was written."""
    damaged = bytearray(whole.read_bytes())
    damaged[int(place * len(damaged))] ^= flip
    path = tmp_path / "flipped.parquet"
    path.write_bytes(damaged)
    try:
        found = fu.read_snapshot(path)
    except SnapshotError as error:
        assert str(path) in str(error)  # noqa: PT017 (either this, or an equal frame)
    else:
        assert_frame_equal(usage, found, check_exact=True)


@given(place=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short(whole: Path, tmp_path: Path, place: float) -> None:
    """A file that ends too early is refused, wherever it ends, by reading and by scanning."""
    path = tmp_path / "cut.parquet"
    path.write_bytes(whole.read_bytes()[: int(place * whole.stat().st_size)])
    for read in (fu.read_snapshot, fu.scan_snapshot, snapshot_metadata):
        with pytest.raises(SnapshotError, match=r"cut\.parquet"):
            read(path)


def test_the_ends_of_a_file(whole: Path, tmp_path: Path) -> None:
    """Nothing at all, the magic alone, all but the last byte, and a byte too many are refused."""
    data = whole.read_bytes()
    path = tmp_path / "cut.parquet"
    for damaged in (b"", b"PAR1", b"PAR1PAR1", data[:-1], data[:-4], data[:-8], data + b"\0"):
        path.write_bytes(damaged)
        with pytest.raises(SnapshotError, match=r"cut\.parquet.*write it again"):
            fu.read_snapshot(path)


def test_files_that_are_no_snapshots(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A missing file, a folder, text, and Parquet from elsewhere each say what they are not."""
    (tmp_path / "text.parquet").write_text("bucket,cost\n" * 100)
    usage.write_parquet(tmp_path / "foreign.parquet")
    for name, said in {
        "missing.parquet": "there is no snapshot",
        ".": "damaged, or is no Parquet file",
        "text.parquet": "damaged, or is no Parquet file",
        "foreign.parquet": "no falusage metadata.*write_snapshot",
    }.items():
        for read in (fu.read_snapshot, fu.scan_snapshot, snapshot_metadata):
            with pytest.raises(SnapshotError, match=said) as caught:
                read(tmp_path / name)
            assert str(tmp_path / name) in str(caught.value)


def _rewritten(whole: Path, path: Path, table: pl.DataFrame, **claims: object) -> None:
    """Write rows beside the sound file's metadata, changed as asked, with a digest that fits."""
    document = json.loads(pq.ParquetFile(whole).metadata.metadata[b"falusage"]) | claims
    table.write_parquet(path, metadata=_entries(document))


def _entries(document: dict[str, object]) -> dict[str, str]:
    import hashlib

    text = json.dumps(document)
    return {"falusage": text, "falusage.sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_claims_that_do_not_hold(whole: Path, usage: pl.DataFrame, tmp_path: Path) -> None:
    """Other rows, values, order, names, totals or ranges than claimed are refused."""
    path = tmp_path / "claims.parquet"
    first = pl.int_range(pl.len()) == 0
    for table, claims in (
        (usage.head(39), {}),
        (usage.with_columns(cost=pl.when(first).then(0.5).otherwise("cost")), {}),
        (usage.reverse(), {}),
        (usage.rename({"surge_percent": "discount"}), {}),
        (usage, {"totals": {"EUR": "20.000000000000", "USD": "58.000000000001"}}),
        (usage, {"start": "2024-12-31T00:00:00+00:00"}),
        (usage, {"content": "sha256:0"}),
    ):
        _rewritten(whole, path, table, **claims)
        with pytest.raises(SnapshotError, match=r"claims\.parquet cannot be trusted"):
            fu.read_snapshot(path)


def test_another_way_of_writing_is_the_same_content(
    whole: Path, usage: pl.DataFrame, tmp_path: Path
) -> None:
    """The hash is of the content: other codecs, row groups, statistics and writers keep it."""
    said = pq.ParquetFile(whole).metadata.metadata
    entries = {name: said[name.encode()].decode() for name in ("falusage", "falusage.sha256")}
    usage.write_parquet(
        tmp_path / "other.parquet", metadata=entries, compression="snappy", row_group_size=7
    )
    assert_frame_equal(usage, fu.read_snapshot(tmp_path / "other.parquet"))
    chunks = pl.concat([usage.head(3), usage.slice(3, 20), usage.tail(17)], rechunk=False)
    fu.write_snapshot(chunks, tmp_path / "chunks.parquet")
    assert (
        snapshot_metadata(whole).content == snapshot_metadata(tmp_path / "chunks.parquet").content
    )


def test_a_later_edition(whole: Path, usage: pl.DataFrame, tmp_path: Path) -> None:
    """A file from the future is refused with its edition, and how to read it."""
    path = tmp_path / "later.parquet"
    _rewritten(whole, path, usage, edition=EDITION + 1, version="9.0.0", more={"new": 1})
    with pytest.raises(
        SnapshotError, match=rf"falusage 9\.0\.0 wrote it in edition {EDITION + 1}.*upgrade"
    ):
        fu.scan_snapshot(path)


def test_metadata_that_was_tampered_with(whole: Path, tmp_path: Path) -> None:
    """A document that its digest does not fit, or that lacks a field, is refused."""
    said = pq.ParquetFile(whole).metadata.metadata
    with pytest.raises(SnapshotError, match="metadata is damaged"):
        SnapshotMetadata.read({**said, b"falusage": said[b"falusage"].replace(b"40", b"41")})
    path = tmp_path / "lacks.parquet"
    table = pl.read_parquet(whole)
    table.write_parquet(path, metadata=_entries({"edition": EDITION}))
    with pytest.raises(SnapshotError, match=r"lacks\.parquet is damaged"):
        fu.read_snapshot(path)


def test_odd_names_are_taken_as_they_are(whole: Path, usage: pl.DataFrame, tmp_path: Path) -> None:
    """Stars, brackets, tildes and equals signs in a path are letters, not patterns."""
    folder = tmp_path / "unit=image" / "~"
    folder.mkdir(parents=True)
    path = folder / "[a]*?.parquet"
    shutil.copy(whole, path)
    shutil.copy(whole, folder / "a.parquet")
    assert_frame_equal(usage, fu.read_snapshot(path))
    assert_frame_equal(usage, fu.scan_snapshot(str(path)).collect())
