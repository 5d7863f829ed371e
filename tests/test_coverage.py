"""What a coverage knows: its range, its gaps, and what was read whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest

import falusage as fu

DAY = timedelta(days=1)
START = datetime(2025, 3, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Return midnight of a day, counted from 0 on March 1."""
    return START + number * DAY


def test_every_instant_is_in_utc_and_gaps_are_in_order() -> None:
    """However they are given; gaps that touch are one."""
    east = timezone(timedelta(hours=2))
    coverage = fu.Coverage(
        start=datetime(2025, 3, 1, 2, tzinfo=east),
        end=day(9),
        gaps=[(day(5), day(6)), (day(1), day(2)), (day(2), day(3))],
        products=["compute"],
    )

    assert (START, UTC) == (coverage.start, coverage.start.tzinfo)
    assert ((day(1), day(3)), (day(5), day(6))) == coverage.gaps
    assert ("compute",) == coverage.products
    assert day(9) == coverage.closed_until
    assert coverage == fu.Coverage(
        start=START, end=day(9), gaps=coverage.gaps, products=("compute",)
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": day(3), "end": day(3)}, "expected the start before the end"),
        ({"start": datetime(2025, 3, 1), "end": day(3)}, "expected a datetime with a time zone"),
        ({"start": START, "end": "2025-04-01"}, "expected a datetime with a time zone"),
        ({"start": START, "end": day(3), "timezone": "Mars"}, "is not an IANA time zone"),
    ],
)
def test_what_is_no_coverage(given: dict[str, object], message: str) -> None:
    """It is checked when it is made."""
    with pytest.raises(fu.QueryError, match=message):
        fu.Coverage(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [(4, 6)]),
        (0, 4, []),
        (6, None, []),
        (5, 9, [(5, 6)]),
        (-2, 1, [(-2, 0)]),
        (-2, 12, [(-2, 0), (4, 6), (10, 12)]),
        (11, 12, [(11, 12)]),
        (12, None, [(10, 12)]),
        (None, -2, [(-2, 0)]),
    ],
)
def test_what_was_never_read(
    start: int | None, end: int | None, expected: list[tuple[int, int]]
) -> None:
    """Gaps and, if the range is known, all time outside of it."""
    coverage = fu.Coverage(start=START, end=day(10), gaps=[(day(4), day(6))])
    edges = [None if number is None else day(number) for number in (start, end)]
    lacking = tuple((day(a), day(b)) for a, b in expected)

    assert lacking == coverage.lacking(*edges)
    if lacking:
        with pytest.raises(fu.CoverageError) as caught:
            coverage.require(*edges)
        assert lacking == caught.value.gaps
    else:
        coverage.require(*edges)


def test_a_bare_table_has_the_range_of_its_rows() -> None:
    """Nothing is known beyond it, so nothing beyond it is missing."""
    usage = pl.DataFrame({"bucket": [day(2), day(1)], "bucket_end": [day(3), day(2)]})
    coverage = fu.Coverage.from_rows(usage)

    assert (day(1), day(3), False) == (coverage.start, coverage.end, coverage.known)
    assert () == coverage.lacking(day(0), day(9))
    coverage.require_closed(day(0), day(9), name="range")
    with pytest.raises(fu.QueryError, match="the table is empty"):
        fu.Coverage.from_rows(usage.clear())
    with pytest.raises(fu.MissingColumnError, match="bucket_end"):
        fu.Coverage.from_rows(usage.drop("bucket_end"))


def test_a_range_is_closed_if_all_its_buckets_had_ended() -> None:
    """It ends by `closed_until`, and has no gap."""
    coverage = fu.Coverage(start=START, end=day(10), closed_until=day(8), gaps=[(day(2), day(3))])

    coverage.require_closed(day(3), day(8), name="range")
    with pytest.raises(fu.CoverageError, match="range ends at 2025-03-10T00") as caught:
        coverage.require_closed(day(3), day(9), name="range")
    assert ((day(8), day(9)),) == caught.value.gaps
    with pytest.raises(fu.CoverageError, match="the table lacks 2025-03-03T00"):
        coverage.require_closed(day(0), day(8), name="range")


def test_a_notebook_shows_a_coverage_as_a_table() -> None:
    """One row for each fact, in the time zone of the buckets; every text is escaped."""
    coverage = fu.Coverage(
        start=datetime(2025, 6, 1, 4, tzinfo=UTC),
        end=datetime(2025, 7, 1, 4, tzinfo=UTC),
        timezone="America/New_York",
        timeframe="day",
        closed_until=datetime(2025, 6, 23, 4, tzinfo=UTC),
        settled_until=datetime(2025, 6, 20, 4, tzinfo=UTC),
        gaps=[(datetime(2025, 6, 3, 4, tzinfo=UTC), datetime(2025, 6, 4, 4, tzinfo=UTC))],
        filters=["username: <b>ads</b>", "product: compute"],
        read_at=datetime(2025, 6, 24, tzinfo=UTC),
        reconciled=True,
        differing=2,
        quarantined=1,
    )
    rows = [
        ("range", "2025-06-01 00:00-04:00 to 2025-07-01 00:00-04:00"),
        ("buckets", "day, in America/New_York"),
        ("filters", "username: &lt;b&gt;ads&lt;/b&gt;; product: compute"),
        ("never read", "2025-06-03 00:00-04:00 to 2025-06-04 00:00-04:00"),
        ("may still grow", "from 2025-06-23 00:00-04:00 on"),
        ("settled until", "2025-06-20 00:00-04:00"),
        ("read at", "2025-06-23 20:00-04:00"),
        ("reconciled", "all of it; 2 keys differ from the API's totals"),
        ("left out", "1 invalid rows"),
    ]
    expected = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows)

    assert f"<table>{expected}</table>".replace("'", "&#x27;") == coverage._repr_html_()


def test_a_notebook_shows_what_is_not_known_of_a_bare_frame() -> None:
    """Its rows show their range, and nothing of what was asked or may still change."""
    shown = fu.Coverage(start=START, end=day(9), known=False)._repr_html_()

    assert "<td>length unknown, in UTC</td>" in shown
    assert "<td>only the rows: not what was asked, or what may still change</td>" in shown
    assert "settled" not in shown
