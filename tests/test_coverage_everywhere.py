"""Every public function that takes usage takes it in every form, and uses its coverage."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from tests.public_functions import taking

START, END = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 5, 1, tzinfo=UTC)
GAP = (datetime(2025, 4, 10, tzinfo=UTC), datetime(2025, 4, 13, tzinfo=UTC))
NOW = END + timedelta(days=10)
"""When everything was read: all buckets had ended, and were settled."""

RANGES = {"baseline": ("2025-03-01", "2025-04-01"), "comparison": ("2025-04-01", "2025-05-01")}
ACCOUNT = {"billing_account_id": "acme", "billing_account_name": "Acme"}
BUDGETS = pl.DataFrame({"username": ["acme-app-prod"], "currency": "USD", "budget": 100.0})
BALANCE = fu.Balance(username="acme", current_balance=5.0, currency="USD", read_at=START)
MONTH = {"month": "2025-04", "as_of": "2025-05-01"}

WRITES = {"write_snapshot"}
"""Writes usage down as it is, also with a gap; `open_snapshot` returns what it knew."""


class Asked(NamedTuple):
    """A question, and the kind of its answer; None if that depends on the rows."""

    ask: Callable[..., Any]
    kind: type | None = None


def _report(usage: Any, *, folder: Path, **known: Any) -> Path:
    return fu.report(usage, out=folder / "report.html", **known).path


def _heatmap(usage: Any, **known: Any) -> Any:
    from matplotlib import pyplot as plt

    axes = fu.plot_heatmap(usage, **known)
    plt.close(axes.figure)
    return axes


def _tie_out(usage: Any, **known: Any) -> pl.DataFrame:
    invoice = pl.DataFrame(
        {
            "BillingAccountId": "acme",
            "ServiceName": "fal Model APIs",
            "ChargeCategory": "Usage",
            "BilledCost": [100.0],
            "BillingCurrency": "USD",
            "ChargePeriodStart": [datetime(2025, 3, 1, tzinfo=UTC)],
            "ChargePeriodEnd": [datetime(2025, 4, 1, tzinfo=UTC)],
        }
    )
    return fu.tie_out(usage, invoice, **known)


def _tie_out_events(usage: Any, **known: Any) -> pl.DataFrame:
    events = pl.DataFrame(
        {
            "timestamp": [START, START + timedelta(hours=30)],
            "username": "acme-app-prod",
            "endpoint_id": ["fal-ai/flux/dev", "fal-ai/nowhere"],
            "currency": "USD",
            "cost_nano": [5, 7],
        }
    )
    return fu.tie_out_events(usage, events, **known)


QUESTIONS: dict[str, Asked] = {
    "allocate": Asked(partial(fu.allocate, shared=pl.col("product") == "compute")),
    "anomalies": Asked(partial(fu.anomalies, by="username", threshold=1.0)),
    "backtest": Asked(partial(fu.backtest, horizon=1, every="1mo")),
    "budget_status": Asked(lambda usage, **k: fu.budget_status(usage, BUDGETS, **MONTH, **k)),
    "cost_bridge": Asked(partial(fu.cost_bridge, by="username", **RANGES)),
    "cost_share": Asked(partial(fu.cost_share, by="username")),
    "forecast": Asked(partial(fu.forecast, horizon=2, model="level")),
    "month_outlook": Asked(partial(fu.month_outlook, by="username", **MONTH)),
    "pivot": Asked(partial(fu.pivot, index="username", on="product")),
    "plot_heatmap": Asked(_heatmap, kind=object),
    "price_changes": Asked(fu.price_changes),
    "report": Asked(_report, kind=Path),
    "rollup": Asked(partial(fu.rollup, by="username", every="1d")),
    "runway": Asked(partial(fu.runway, balance=BALANCE), kind=fu.Runway),
    "tie_out": Asked(_tie_out, kind=pl.DataFrame),
    "tie_out_events": Asked(_tie_out_events, kind=pl.DataFrame),
    "to_focus": Asked(partial(fu.to_focus, timeframe="day", **ACCOUNT), kind=pl.DataFrame),
    "trend": Asked(partial(fu.trend, by="username")),
}
SLOW = {"backtest", "report"}
"""Imports statsforecast; draws pictures."""

BESIDE: dict[str, Callable[..., Any]] = {
    "anomalies": partial(fu.anomalies, end=GAP[0]),
    "budget_status": lambda usage: fu.budget_status(usage, BUDGETS, month="2025-03"),
    "cost_bridge": partial(
        fu.cost_bridge,
        by="username",
        baseline=(START, GAP[0] - timedelta(days=5)),
        comparison=(GAP[1], END),
    ),
    "month_outlook": partial(fu.month_outlook, month="2025-03"),
    "trend": partial(fu.trend, start=GAP[1]),
}
"""Questions about a range beside the gap."""


def test_no_function_that_takes_usage_is_forgotten() -> None:
    """They are found by their signatures, and each takes `coverage=` for a bare frame."""
    assert taking("usage") - WRITES == set(QUESTIONS)
    for name in QUESTIONS:
        parameter = inspect.signature(getattr(fu, name)).parameters["coverage"]
        assert (None, inspect.Parameter.KEYWORD_ONLY) == (parameter.default, parameter.kind)


@pytest.fixture(scope="module")
def usage() -> pl.DataFrame:
    """Two months of hours of two teams."""
    sample = fu.sample_usage(start=START.date(), end=END.date(), every="1h").usage
    return sample.filter(pl.col("username").is_in(sample["username"].unique().sort().head(2)))


class Forms(NamedTuple):
    """One table in each form, and each form of it with a gap."""

    load: fu.UsageLoad
    whole: dict[str, tuple[Any, dict[str, Any]]]
    holed: dict[str, tuple[Any, dict[str, Any]]]


@pytest.fixture(scope="module")
def forms(usage: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Forms:
    """The same usage as a load, a snapshot, a store, a view and frames."""
    folder = tmp_path_factory.mktemp("forms")
    with fu.Emulator(usage) as emulator:
        emulator.clock = lambda: NOW
        with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client:
            load = client.load(fu.UsageQuery(START, END, timeframe="hour"))
            store, holed = fu.UsageStore(folder / "store"), fu.UsageStore(folder / "holed")
            store.sync(START, end=END, timeframe="hour", client=client)
            holed.sync(START, end=GAP[0], timeframe="hour", client=client)
            holed.sync(GAP[1], end=END, timeframe="hour", client=client)
    fu.write_snapshot(load, folder / "usage.parquet")
    snapshot = fu.open_snapshot(folder / "usage.parquet")
    rows = load.usage.filter(~pl.col("bucket").is_between(*GAP, closed="left"))
    known = fu.Coverage(start=START, end=END, timeframe="hour", gaps=[GAP], read_at=NOW)
    return Forms(
        load,
        {
            "a load": (load, {}),
            "a snapshot": (snapshot, {}),
            "a store": (store, {}),
            "a view": (store.view(), {}),
            "a frame with coverage": (load.usage, {"coverage": load.coverage}),
            "a lazy frame": (load.usage.lazy(), {}),
            "pandas": (load.usage.to_pandas(), {}),
        },
        {
            "a store": (holed, {}),
            "a frame with coverage": (rows, {"coverage": known}),
            "a lazy frame with coverage": (rows.lazy(), {"coverage": known}),
        },
    )


def answered(name: str, table: Any, known: dict[str, Any], folder: Path) -> Any:
    """Ask a question of a table in some form."""
    extra = {"folder": folder} if name == "report" else {}
    return QUESTIONS[name].ask(table, **extra, **known)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in QUESTIONS],
)
def test_every_form_of_usage_has_the_answer_of_its_rows(
    name: str, forms: Forms, tmp_path: Path
) -> None:
    """Lazy for lazy rows, a DataFrame for others, and equal to that of the bare frame."""
    expected = answered(name, forms.load.usage, {}, tmp_path)
    for form, (table, known) in forms.whole.items():
        got = answered(name, table, known, tmp_path)
        kind = QUESTIONS[name].kind
        lazy = form in ("a snapshot", "a store", "a view", "a lazy frame")
        assert isinstance(got, kind or (pl.LazyFrame if lazy else pl.DataFrame)), form
        if isinstance(expected, pl.DataFrame):
            # A store's rows have further columns, of which FOCUS keeps each.
            assert_frame_equal(expected, got.lazy().collect().select(expected.columns))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_gap_is_an_error_whoever_asks(name: str, forms: Forms, tmp_path: Path) -> None:
    """A sum over it would be too small. A report states it."""
    for table, known in forms.holed.values():
        if name == "report":
            page = answered(name, table, known, tmp_path).read_text("utf-8")
            assert "never read" in page
            continue
        with pytest.raises(fu.CoverageError, match="lacks 2025-04-10T00:00:00") as caught:
            answered(name, table, known, tmp_path)
        assert (GAP,) == caught.value.gaps


@pytest.mark.parametrize("name", BESIDE)
def test_a_gap_beside_the_range_is_no_error(name: str, forms: Forms) -> None:
    """The answer is that of the whole table, which has the same rows in this range."""
    expected = BESIDE[name](forms.load)
    got = BESIDE[name](forms.holed["a store"][0])

    assert isinstance(got, pl.LazyFrame)
    assert_frame_equal(expected, got.collect())


def test_a_load_has_one_coverage(forms: Forms) -> None:
    """Another one beside it is an error in every function."""
    for name in QUESTIONS:
        with pytest.raises(fu.QueryError, match="which has its own coverage"):
            answered(name, forms.load, {"coverage": forms.load.coverage}, Path())
