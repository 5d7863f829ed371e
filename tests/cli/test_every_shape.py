"""Every text, page, picture and command takes a table of any shape: no row, one, or free ones only.

What cannot be answered is a sentence, never a crash, and never a difference of nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

import falusage as fu
from falusage.cli import cli
from falusage.columns import USAGE
from falusage.reporting import summary
from falusage.reporting.layout import usage_table

START, END = datetime(2025, 4, 1, tzinfo=UTC), datetime(2025, 6, 20, tzinfo=UTC)
MAY, JUNE = (datetime(2025, month, 1, tzinfo=UTC) for month in (5, 6))
RANGE = ("--start", "2025-04-01", "--end", "2025-06-20", "--timeframe", "day")
BILLED = ("--billing-account-id", "acme", "--billing-account-name", "Acme")


def rows(
    start: datetime, days: int, cost: float, *, team: str = "ads", currency: str = "USD"
) -> pl.DataFrame:
    """A row a day of one team."""
    records = [
        {
            "bucket": start + timedelta(days=day),
            "bucket_end": start + timedelta(days=day + 1),
            "username": team,
            "product": "model_apis",
            "endpoint_id": "fal-ai/flux/dev",
            "unit": "image",
            "quantity": 3.0,
            "unit_price": cost / 3,
            "cost": cost,
            "currency": currency,
        }
        for day in range(days)
    ]
    return pl.DataFrame(records, schema=USAGE)


SHAPES: Final = {
    "nothing": rows(START, 0, 0),
    "one row": rows(JUNE, 1, 1.5),
    "one free row": rows(JUNE, 1, 0),
    "free only": rows(START, 80, 0),
    "stopped a month ago": rows(START, 29, 2),
    "the later range empty": rows(MAY, 30, 2),
    "the earlier range empty": rows(JUNE, 15, 2),
    "free after a month": pl.concat([rows(START, 20, 2), rows(MAY, 50, 0)]),
    "the same again": rows(START, 80, 2),
    "a quiet currency": pl.concat(
        [rows(START, 80, 2), rows(START, 5, 1, team="paris", currency="EUR")]
    ),
    "a free currency": pl.concat(
        [rows(START, 80, 2), rows(START, 80, 0, team="paris", currency="EUR")]
    ),
    "one free and one quiet": pl.concat(
        [rows(START, 80, 0), rows(START, 5, 1, team="paris", currency="EUR")]
    ),
}
TEAM: Final = ("username",)
COVERAGE: Final = fu.Coverage(start=START, end=END)
BUDGETS: Final = {"username": pl.String, "currency": pl.String, "budget": pl.Float64}
RANGES: Final = {"baseline": (MAY, MAY + timedelta(19)), "comparison": (JUNE, END)}


def bridge(usage: pl.DataFrame) -> pl.DataFrame:
    """Why June cost what it did, against May."""
    return fu.cost_bridge(usage, by=TEAM, **RANGES)


def hourly(usage: pl.DataFrame) -> pl.DataFrame:
    """The same in buckets of an hour."""
    return usage.with_columns(bucket_end=pl.col("bucket") + pl.duration(hours=1))


def forecast(usage: pl.DataFrame) -> pl.DataFrame:
    """Three days ahead, or the same frame without a row where there is too little."""
    ahead = partial(fu.forecast, by=TEAM, horizon=3, end=END, model="seasonal_naive")
    return ahead(rows(START, 80, 2)).clear() if usage.height < 30 else ahead(usage)


PICTURES: Final[dict[str, list[Callable[[pl.DataFrame], Any]]]] = {
    "plot_anomalies": [
        lambda u: fu.plot_anomalies(fu.anomalies(u, by=TEAM), history=fu.trend(u, by=TEAM)),
        lambda u: fu.plot_anomalies(fu.anomalies(u)),
    ],
    "plot_bridge": [
        lambda u: fu.plot_bridge(bridge(u)),
        lambda u: fu.plot_bridge(bridge(u), steps="username", **RANGES),
    ],
    "plot_forecast": [
        lambda u: fu.plot_forecast(forecast(u), history=u),
        lambda u: fu.plot_forecast(forecast(u).head(1)),
    ],
    "plot_heatmap": [
        lambda u: fu.plot_heatmap(hourly(u)),
        lambda u: fu.plot_heatmap(hourly(u), start=START, end=END),
    ],
    "plot_share": [
        lambda u: fu.plot_share(fu.cost_share(u, by=TEAM), start=START, end=END),
        lambda u: fu.plot_share(fu.cost_share(u, by=TEAM, every="1mo")),
    ],
    "plot_stack": [
        lambda u: fu.plot_stack(fu.rollup(u, by=TEAM, every="1d")),
        lambda u: fu.plot_stack(fu.trend(u, by=TEAM, start=START, end=END)),
    ],
    "plot_trend": [
        lambda u: fu.plot_trend(fu.trend(u, by=TEAM, start=START, end=END)),
        lambda u: fu.plot_trend(fu.trend(u)),
    ],
}

WIDTHS: Final = (None, 80, 20, 1)

# Each shape takes one line of each command: the way in and the way out take every shape in turn.
COMMANDS: Final[dict[str, list[tuple[str, ...]]]] = {
    "load": [RANGE, (*RANGE, "--format", "json"), (*RANGE, "--format", "csv")],
    "snapshot": [(*RANGE, "--out", "usage.parquet")],
    "sync": [("--store", "kept", *RANGE)],
    "history": [("--store", "kept"), ("--store", "kept", "--format", "json")],
    "restatements": [("--store", "kept", "1"), ("--store", "kept", "0", "--format", "csv")],
    "settling": [("--store", "kept"), ("--store", "kept", "--format", "json")],
    "report": [
        ("--end", "2025-06-20"),
        RANGE,
        ("--snapshot", "usage.parquet"),
        ("--store", "kept"),
    ],
    "forecast": [
        ("--store", "kept", "--by", "username"),
        ("--snapshot", "usage.parquet", "--horizon", "3", "--backtest"),
    ],
    "focus": [
        ("--store", "kept", *BILLED, "--out", "focus.csv"),
        ("--snapshot", "usage.parquet", *BILLED, "--out", "focus.parquet"),
    ],
    "events": [("--start", "2025-06-01"), ("--start", "2025-06-01", "--format", "json")],
    "tie-out": [
        ("--month", "2025-06"),
        ("--month", "2025-06", "--source", "estimate", "--format", "json"),
    ],
}
WITHOUT_A_TABLE: Final = {"config", "demo", "doctor", "serve", "compact", "vacuum", "verify"}


def plain(text: str) -> None:
    """Assert that a text has no word of a program in it, and no difference of nothing."""
    assert not re.search(r"\b(nan|inf|None|null)\b", text)
    assert not re.search(r"\b0\.00 [A-Z]{3} (less|more)\b", text)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the figures that a test drew."""
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("usage", "width"), list(zip(SHAPES.values(), cycle(WIDTHS), strict=False)), ids=list(SHAPES)
)
def test_every_text_takes_every_shape(usage: pl.DataFrame, width: int | None) -> None:
    """The report, its parts and the table itself, at any width, with their titles at least."""
    text = summary(usage, coverage=COVERAGE, width=width)
    plain(text)
    assert "USD" in usage["currency"].to_list() or "nothing" in text
    for each in WIDTHS:
        assert list(usage_table(usage, width=each)) or not usage.height


def test_every_picture_is_tried() -> None:
    """A new `plot_` function needs its line above."""
    assert set(PICTURES) == {name for name in fu.__all__ if name.startswith("plot_")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::falusage.ShortHistoryWarning")
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("at", "shape"), list(enumerate(SHAPES)))
def test_every_picture_takes_every_shape(name: str, at: int, shape: str) -> None:
    """Each has a title, says its range or that there is nothing, and can be drawn."""
    draw = PICTURES[name][at % 2]
    ax = draw(SHAPES[shape])
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    for panel in figure.axes:
        plain(" ".join([panel.get_title(loc="left"), *(text.get_text() for text in panel.texts)]))
        assert panel.get_title(loc="left")


def charges(usage: pl.DataFrame) -> pl.DataFrame:
    """The usage as an invoice."""
    account = {"billing_account_id": "acme", "billing_account_name": "Acme"}
    return fu.to_focus(usage, **account, timeframe="day")


MORE: Final[list[Callable[[], dict[str, pl.DataFrame]]]] = [
    dict,
    lambda: {"budgets": pl.DataFrame(schema=BUDGETS)},
    lambda: {"focus": charges(rows(START, 0, 0))},
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("usage", "more"), list(zip(SHAPES.values(), cycle(MORE), strict=False)), ids=list(SHAPES)
)
def test_every_page_takes_every_shape(
    usage: pl.DataFrame, more: Callable[[], dict[str, pl.DataFrame]], tmp_path: Path
) -> None:
    """With or without budgets and an outlook, no table is without rows."""
    path = fu.report(usage, out=tmp_path / "page.html", coverage=COVERAGE, **more()).path
    page = path.read_text("utf-8")
    plain(re.sub(r"<(style|script)>.*?</\1>|data:image[^\"]*", "", page, flags=re.DOTALL))
    assert not re.search(r"<tbody>\s*</tbody>", page)


def test_every_command_is_tried() -> None:
    """A new command needs its line above."""
    assert set(COMMANDS) | WITHOUT_A_TABLE == set(cli.commands)


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.ShortHistoryWarning")
@pytest.mark.filterwarnings("default::falusage.IncompletePeriodWarning")
@pytest.mark.parametrize(("at", "usage"), list(enumerate(SHAPES.values())), ids=list(SHAPES))
def test_every_command_takes_every_shape(
    run: Callable[..., tuple[int, str, str]],
    at: int,
    usage: pl.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is done, or refused in words where there is too little to learn from."""
    with fu.Emulator(usage) as emulator:
        monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
        monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
        for name, lines in COMMANDS.items():
            line = lines[at % len(lines)]
            code, out, err = run(name, *line)
            refused = name == "forecast" and "a forecast needs at least two weeks" in err
            assert (1 if refused else 0) == code, (name, line, err)
            if "json" not in line and "csv" not in line:
                plain(out)
