"""The page says what the table says, escapes what it is given, and is one file."""

from __future__ import annotations

import base64
import builtins
import hashlib
import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import polars as pl
import pytest

import falusage as fu

pytestmark = pytest.mark.slow

mpl.use("Agg")


class Page(HTMLParser):
    """A page read as a browser reads it: its tables, pictures, scripts and words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.pictures: list[dict[str, str | None]] = []
        self.tags: list[str] = [""]
        self.links: list[str] = []
        self.words: list[str] = []
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep pictures, links and the rows of tables."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "srcset")]
        if tag == "svg":
            self.pictures.append(dict(attrs))
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append([])

    def handle_data(self, data: str) -> None:
        """Keep cells by the caption of their table, and all words."""
        within = self.tags[-1]
        if within == "caption" and data.strip():
            self._caption = data
        elif (within == "td" or self.tags[-2:] == ["th", "button"]) and data.strip():
            self.tables[self._caption][-1].append(data)
        if within not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(" ".join(self.words).split())


def page(usage: Any, folder: Path, **options: Any) -> Page:
    """Write a report, and read it."""
    return Page(fu.report(usage, out=folder / "report.html", **options).path.read_text("utf-8"))


@pytest.fixture(scope="module")
def load() -> fu.UsageLoad:
    """Ninety days of the sample, by day, as the API gives them."""
    with (
        fu.Emulator(fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").usage) as api,
        fu.UsageClient(api.api_key, base_url=api.base_url) as client,
    ):
        return client.load(fu.UsageQuery("2025-03-26", "2025-06-24", timeframe="day"))


@pytest.fixture(scope="module")
def shown(load: fu.UsageLoad, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of that load."""
    return page(load, tmp_path_factory.mktemp("shown"))


BUDGETS = pl.DataFrame({"username": ["ads"], "currency": ["USD"], "budget": [9.0]})


@pytest.fixture(scope="module")
def small(usage: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> fu.Report:
    """The report of the small table, with a budget."""
    folder = tmp_path_factory.mktemp("written")
    return fu.report(usage, out=folder / "report.html", budgets=BUDGETS)


@pytest.fixture(scope="module")
def written(small: fu.Report) -> bytes:
    """The file of the small table."""
    return small.path.read_bytes()


def money(cost: float, currency: str = "USD") -> str:
    """Write an amount as a table does."""
    return f"{cost:,.2f} {currency}"


def test_the_month_is_the_headline(load: fu.UsageLoad, shown: Page) -> None:
    """Each currency's exact total of June, not of the table; no third sum; then what is final."""
    june = load.usage.filter(pl.col("bucket") >= datetime(2025, 6, 1, tzinfo=UTC))
    sums = dict(fu.rollup(june).select("currency", "cost").iter_rows())
    usd, eur = (
        shown.text.index(f"June 2025 so far: {money(sums[currency], currency)}")
        for currency in ("USD", "EUR")
    )
    assert usd < eur < shown.text.index("Who spent it")
    assert f"{sum(sums.values()):,.2f}" not in shown.text
    assert "What fal cost in June 2025" in shown.text
    assert "all of it agrees with the API's own totals" in shown.text
    assert "1 – 23 Jun 2025, UTC" in shown.text


def test_tables_are_the_transforms(load: fu.UsageLoad, shown: Page) -> None:
    """Shares by team, product and endpoint of June, by falling cost, with their sum."""
    june = load.usage.filter(pl.col("bucket") >= datetime(2025, 6, 1, tzinfo=UTC))
    for by, title in (("username", "team"), ("product", "product"), ("endpoint_id", "endpoint")):
        frame = fu.cost_share(june, by=by).filter(pl.col("currency") == "USD")
        expected = [
            [name, money(cost), f"{share:,.1%}"]
            for name, cost, share in frame.select(by, "cost", "share").iter_rows()
        ]
        (caption,) = (one for one in shown.tables if one.startswith(f"Cost by {title}, USD"))
        head, *rows, sums = shown.tables[caption]
        assert [title, "cost", "share", "change"] == head
        assert expected == [row[:3] for row in rows]
        assert money(frame["cost"].sum()) == sums[1]


def test_a_closed_month_is_shown_whole(load: fu.UsageLoad, tmp_path: Path) -> None:
    """May against April, in total and per day, in the headline and the bridge."""
    found = page(load, tmp_path, month="2025-05")
    sums = {
        (period.month, currency): cost
        for period, currency, cost in fu.rollup(load.usage, every="1mo").iter_rows()
    }
    april, may = sums[4, "USD"], sums[5, "USD"]
    assert f"May 2025: {money(may)}" in found.text
    assert f"than Apr 2025 ({money(april)}). Per day: {money(may / 31)}" in found.text
    (caption,) = (one for one in found.tables if one.endswith("from Apr 2025 to May 2025, USD"))
    assert f"{may - april:+,.2f} USD" == found.tables[caption][-1][-1]
    assert "days" in [row[0] for row in found.tables[caption]]
    assert "Where the month will end" not in found.text


def test_what_was_planted_is_in_it(shown: Page) -> None:
    """The price rise, the runaway day with its endpoint, and the launch of the sample."""
    truth = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").truth
    (rise,), (runaway,) = truth.price_rises, truth.anomalies
    head, *steps = shown.tables["Changes of unit prices"]
    (step,) = (dict(zip(head, step, strict=True)) for step in steps if step[0] == rise.endpoint_id)
    assert rise.unit == step["unit"]
    assert f"{rise.previous_price:g}" == step["price before"]
    assert f"{rise.price:g}" == step["price"]
    (day,) = shown.tables["Unusual days"][1:]
    assert f"{runaway.start.day} Jun 2025" == day[0]
    assert runaway.username == day[1]
    assert runaway.endpoint_id == day[3]
    single = {tuple(row[:3]) for row in shown.tables["The largest single changes, USD"]}
    assert {(e.username, e.endpoint_id, "new") for e in truth.launches} <= single


def test_every_picture_is_in_words_and_in_the_file(shown: Page) -> None:
    """A description with what, zone and amount; nothing is fetched from anywhere."""
    assert 18 == len(shown.pictures)
    for one in shown.pictures:
        assert "UTC" in (one["aria-label"] or "")
        assert "img" == one["role"]
    assert all(link.startswith(("data:", "#")) for link in shown.links)


def test_the_policy_forbids_the_network_and_names_the_script(
    load: fu.UsageLoad, tmp_path: Path
) -> None:
    """Style and script run by the hash of what they are, and nothing else does."""
    nothing = replace(load, usage=load.usage.clear())
    text = fu.report(nothing, out=tmp_path / "a.html").path.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none';")
    assert not re.search(r"<[^>]* style=", text)
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_names_are_shown_and_not_run(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A team, an endpoint, a unit, a title or a currency of markup is text."""
    evil = "<script>alert(1)</script>"
    quote = '"><img src=x onerror=alert(1)> $x$ {{ 7*7 }} \u202e'
    hostile = usage.filter(pl.col("currency") == "USD").with_columns(
        username=pl.lit(evil), endpoint_id=pl.lit(quote), unit=pl.lit(evil), product=pl.lit(evil)
    )
    found = page(hostile, tmp_path, title=evil)
    assert 2 == found.tags.count("script")  # the data, and the page's own
    assert 0 == found.tags.count("img")
    assert evil in found.text
    assert "{{ 7*7 }}" in found.text
    assert "\u202e" not in found.text


def test_a_name_that_is_missing_is_a_member(usage: pl.DataFrame, tmp_path: Path) -> None:
    """Rows without a team are a row of their own, in the total and in the data of the page."""
    in_dollars = usage.filter(currency="USD")  # the pictures of two currencies take twice as long
    some = in_dollars.with_columns(username=pl.when(pl.col("username") != "labs").then("username"))
    found = page(some, tmp_path)
    (caption,) = (one for one in found.tables if one.startswith("Cost by team, USD"))
    assert {("ads", "30.00 USD"), ("-", "30.00 USD")} == {
        tuple(row[:2]) for row in found.tables[caption][1:3]
    }


def test_an_empty_load_is_a_report_that_says_so(load: fu.UsageLoad, tmp_path: Path) -> None:
    """With the range that was asked for; an empty table without a receipt knows none."""
    found = page(replace(load, usage=load.usage.clear()), tmp_path)
    assert "June 2025 so far: nothing was spent" in found.text
    assert "1 – 23 Jun 2025, UTC" in found.text
    with pytest.raises(fu.QueryError, match="empty"):
        fu.report(load.usage.clear(), out=tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_the_same_table_gives_the_same_file(
    usage: pl.DataFrame, written: bytes, tmp_path: Path
) -> None:
    """To the byte, in any order, with coded names, and whatever the settings of matplotlib.

    These stay as they were.
    """
    coded = usage.cast({"username": pl.Categorical(), "currency": pl.Categorical()})
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        before = mpl.rcParams.copy()
        shuffled = coded.sample(fraction=1, shuffle=True, seed=1)
        again = fu.report(shuffled, out=tmp_path / "b.html", budgets=BUDGETS)
        assert written == again.path.read_bytes()
        assert before == mpl.rcParams


def test_what_is_refused(
    usage: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table, a wrong one, half a comparison, no folder, or no template engine."""
    with pytest.raises(fu.QueryError, match="expected a load, a snapshot, a store"):
        fu.report("usage.parquet", out=tmp_path / "x.html")  # type: ignore[arg-type]
    with pytest.raises(fu.MissingColumnError, match="unit_price"):
        fu.report(usage.drop("unit_price"), out=tmp_path / "x.html")
    odd: Any
    for odd in ("2025-05", ("2025-05-01",), ("2025-05-01", None)):
        with pytest.raises(fu.QueryError, match="expected its start and its end, as a pair"):
            fu.report(usage, out=tmp_path / "x.html", comparison=odd)
    with pytest.raises(fu.QueryError, match="month is '2025-07', but the table has"):
        fu.report(usage, out=tmp_path / "x.html", month="2025-07")
    with pytest.raises(fu.QueryError, match="budgets is 5; expected a frame of username"):
        fu.report(usage, out=tmp_path / "x.html", budgets=5)  # type: ignore[arg-type]
    assert not (tmp_path / "x.html").exists()
    with pytest.raises(fu.SnapshotError, match="make the folder"):
        fu.report(usage.head(3), out=tmp_path / "none" / "x.html")
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "jinja2":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(fu.MissingExtraError, match=r"pip install 'falusage\[report\]'"):
        fu.report(usage, out=tmp_path / "x.html")
    assert [] == list(tmp_path.iterdir())


def test_tables_of_pandas_are_taken(usage: pl.DataFrame, written: bytes, tmp_path: Path) -> None:
    """The page is the one that Polars' own table gives, budgets included."""
    theirs = fu.report(usage.to_pandas(), out=tmp_path / "theirs.html", budgets=BUDGETS.to_pandas())
    assert written == theirs.path.read_bytes()


def test_a_name_a_place_and_a_zone_are_looked_at_before_the_table(tmp_path: Path) -> None:
    """A table that takes an hour is not computed for a folder that is missing."""

    def never(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("computed for nothing")

    usage = fu.sample_usage(start="2025-05-01", end="2025-05-03", every="1d").usage
    lazy = usage.lazy().map_batches(never, schema=usage.schema)
    with pytest.raises(fu.QueryError, match=r"x\.pdf does not end in \.html or \.htm; .* name it"):
        fu.report(lazy, out=tmp_path / "x.pdf")
    with pytest.raises(fu.SnapshotError, match="make the folder"):
        fu.report(lazy, out=tmp_path / "missing" / "x.html")
    with pytest.raises(fu.QueryError, match="Did you mean 'Europe/Berlin'"):
        fu.report(lazy, out=tmp_path / "x.html", timezone="Berlin")
    assert [] == list(tmp_path.iterdir())


def test_a_report_shows_itself(small: fu.Report, written: bytes) -> None:
    """In a notebook in a frame of its own, as text, and as a path."""
    shown = small._repr_html_()
    assert shown.startswith('<iframe title="falusage report" sandbox="allow-scripts')
    assert html.escape(written.decode(), quote=True) in shown
    assert "June 2025 so far: 60.00 USD" == str(small).splitlines()[0]
    assert written == Path(small).read_bytes()
    assert small.path.is_absolute()


def test_colors_are_those_that_were_chosen(usage: pl.DataFrame, tmp_path: Path) -> None:
    """In the pictures, and in the data of those that are drawn later."""
    found = fu.report(usage, out=tmp_path / "a.html", month="2025-05", colors={"ads": "#123456"})
    assert "#123456" in found.path.read_text("utf-8")
