"""Filters: what the page adds up in a browser equals Python's totals to the last digit."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import falusage as fu
from falusage.columns import MONEY, exact
from falusage.reporting._page import page_script
from falusage.reporting._page.daily import daily_data, daily_sums
from tests.reporting.page import listening, page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

START, DAYS = date(2025, 3, 1), 92
END = START + timedelta(days=DAYS)
HOSTILE = (
    *("</script><script>document.title='run'</script>", "<img src=x onerror=alert(1)>", '"&quot;'),
    *(
        "=1+1",
        "-",
        "",
        None,
        "a\r\nb\tc",
        "فريق",
        "\u202eabc",
        "👩‍🚀 ünïcode",
        "nul\x00l",
        "a,b;c|d",
    ),
)
MAY, APRIL = (date(2025, 5, 1), date(2025, 5, 31)), (date(2025, 4, 1), date(2025, 5, 1))


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of daily sums."""
    text = dict.fromkeys(("username", "product", "endpoint_id", "unit", "currency"), pl.String())
    prices = dict.fromkeys(("unit_price", "percent_discount"), pl.Float64())
    amounts = dict.fromkeys(("quantity", "cost_subtotal", "cost"), MONEY)
    return pl.DataFrame(rows, schema={"day": pl.Date(), **text, **prices, **amounts})


def odd_sums(seed: int) -> pl.DataFrame:
    """Return sums that no formula predicts: twelve decimals, huge amounts, gaps, and nulls."""
    with localcontext(prec=60):
        return frame(_odd_rows(random.Random(seed)))


def _odd_rows(pick: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for series in range(26):
        price = pick.choice([0.1, 0.0003, 1 / 3, 1e-9, 12345.678, 0.0])
        discount = pick.choice([None, 0.0, 10.0, 33.3, 100.0])
        scale = pick.choice([1, 1000, 10**12])
        places = pick.choice([0, 3, 12])
        names = {
            "username": HOSTILE[series % len(HOSTILE)],
            "product": pick.choice(["model_apis", "serverless", "<b>"]),
            "endpoint_id": f"fal-ai/{series}",
            "unit": pick.choice(["image", "second", None]),
            "currency": pick.choice(["USD", "EUR", "JPY"]),
        }
        for day in range(DAYS):
            if pick.random() < 0.3:
                continue
            quantity = Decimal(round(pick.random() * scale * 10**places)).scaleb(-places)
            cost = quantity * Decimal(repr(price)) * (100 - Decimal(repr(discount or 0.0))) / 100
            odd = pick.random() < 0.1
            rows.append(
                {
                    "day": START + timedelta(days=day),
                    **names,
                    "unit_price": price,
                    "percent_discount": discount,
                    "quantity": quantity,
                    "cost_subtotal": None if odd else round(quantity * Decimal(repr(price)), 12),
                    "cost": round(cost, pick.choice([2, 6, 12])),
                }
            )
    return rows


@pytest.fixture(scope="module")
def sums() -> pl.DataFrame:
    """Odd sums of teams with hostile names."""
    return odd_sums(7)


@pytest.fixture(scope="module")
def written(sums: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page over the odd sums."""
    file = tmp_path_factory.mktemp("filters") / "page.html"
    file.write_text(page(sums, start=START, end=END, compared=(MAY, APRIL)), "utf-8")
    return file


@pytest.fixture
def opened(tab: Page, written: Path) -> Iterator[Page]:
    """The page, ready; it logs nothing and asks for nothing."""
    yield from quietly(tab, written)


def quietly(tab: Page, file: Path, width: int = 1280) -> Iterator[Page]:
    """Yield the page of a file, and check that nothing was logged or loaded."""
    tab.set_viewport_size({"width": width, "height": 900})
    with listening(tab) as said:
        tab.goto(file.as_uri())
        tab.evaluate("falusage.ready.then(() => true)")
        yield tab
        title = tab.title()
    assert [] == [one for one in said if not one.startswith((file.as_uri(), "data:", "blob:"))]
    assert "What fal cost" == title


def filtered(shown: Page, **chosen: Any) -> None:
    """Filter the page by its address."""
    script = """(given) => falusage.ready.then(({ data, bar }) => {
        const places = (kind) => given[kind] && new Set(given[kind].map((name) =>
            data.names[kind].indexOf(name)));
        bar.set({ username: places("username"), product: places("product"),
            currency: places("currency"), from: given.from, until: given.until });
    })"""
    empty = dict.fromkeys(("username", "product", "currency", "from", "until"))
    shown.evaluate(script, {**empty, **chosen})


def costs_shown(shown: Page, caption: str) -> dict[str, str]:
    """Return the exact cost of each name of a table of the filtered answer, as JSON names."""
    found: dict[str, str] = shown.evaluate(
        """(caption) => Object.fromEntries([...document.querySelectorAll("#filtered table")]
            .filter((one) => one.caption.textContent === caption)
            .flatMap((one) => [...one.tBodies[0].rows])
            .map((row) => [row.cells[0].dataset.name, row.cells[1].dataset.exact]))""",
        caption,
    )
    return found


def beyond(shown: Page, inside: str) -> list[str]:
    """Return the texts of a part of the page that are beyond the right edge of the screen."""
    found: list[str] = shown.evaluate(
        """(inside) => [...document.querySelector(inside).querySelectorAll("td, p, text")]
            .filter((one) => one.getBoundingClientRect().right > innerWidth)
            .map((one) => one.textContent)""",
        inside,
    )
    return found


def exact_total(sums: pl.DataFrame) -> str:
    """Return the cost of rows with all the digits that Polars has."""
    cost = sums["cost"].sum()
    return f"{cost or Decimal(0):.12f}"


def random_filter(pick: random.Random, sums: pl.DataFrame) -> dict[str, Any]:
    """Return a filter of some names and, mostly, some days."""
    chosen: dict[str, Any] = {}
    for kind in ("username", "product", "currency"):
        names = sums[kind].unique().sort().to_list()
        if pick.random() < 0.6:
            chosen[kind] = pick.sample(names, pick.randint(1, len(names)))
    first = pick.randrange(DAYS)
    if pick.random() < 0.7:
        chosen |= {"from": first, "until": pick.randint(first + 1, DAYS)}
    return chosen or {"from": first, "until": DAYS}


def selected(sums: pl.DataFrame, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the rows of a filter; without days, those of May."""
    start, end = MAY
    if "from" in chosen:
        start, end = (START + timedelta(days=chosen[name]) for name in ("from", "until"))
    kept = sums.filter(pl.col("day").is_between(start, end, closed="left"))
    for kind in ("username", "product", "currency"):
        if kind in chosen:
            kept = kept.filter(pl.col(kind).is_in(chosen[kind], nulls_equal=True))
    return kept


def test_totals_of_any_filter_equal_the_sums_of_polars(opened: Page, sums: pl.DataFrame) -> None:
    """Every total, and every team, product and endpoint, has the same twelve decimals."""
    pick = random.Random(1)
    for _ in range(8):
        chosen = random_filter(pick, sums)
        filtered(opened, **chosen)
        rows = selected(sums, chosen)
        shown = opened.evaluate(
            """Object.fromEntries([...document.querySelectorAll("#filtered > .sum strong")]
                .map((one) => [one.dataset.total, one.dataset.exact]))"""
        )
        expected = {str(key[0]): exact_total(part) for key, part in rows.group_by("currency")}
        assert expected == {code: total for code, total in shown.items() if code in expected}
        assert {"0.000000000000"} >= {shown[code] for code in shown.keys() - expected.keys()}
        for code in expected:
            mine = rows.filter(pl.col("currency") == code)
            for kind, title in (("username", "Teams"), ("product", "Products")):
                costs = costs_shown(opened, f"{title}, {code}")
                for (name,), part in mine.group_by(kind):
                    assert exact_total(part) == costs[json_name(opened, name)]


def json_name(shown: Page, name: object) -> str:
    """Return a name as JavaScript writes it in JSON."""
    found: str = shown.evaluate("(name) => JSON.stringify(name)", name)
    return found


def test_every_digit_of_every_row_arrives(opened: Page, sums: pl.DataFrame) -> None:
    """What is saved as CSV is the frame itself: days, prices, quantities and amounts."""
    text = opened.evaluate(
        "falusage.ready.then(({ data }) => falusage.csv(data, data.series, [0, data.days]))"
    )
    numbers = ["quantity", "cost_subtotal", "cost"]
    found = pl.read_csv(text.encode(), infer_schema=False).with_columns(
        pl.col(numbers).cast(MONEY), pl.col("unit_price").cast(pl.Float64)
    )
    key = ["day", "endpoint_id"]
    expected = sums.with_columns(pl.col("day").cast(pl.String)).sort(key)
    assert expected.select(*key, *numbers, "unit_price").equals(
        found.sort(key).select(*key, *numbers, "unit_price")
    )


def test_the_page_stands_in_for_its_own_answer_and_gives_it_back(opened: Page) -> None:
    """With a filter the answer is the filtered one; without, the page's own. It says so aloud."""
    assert opened.locator("#answer").is_visible()
    assert not opened.locator("#filtered").is_visible()
    opened.locator("#filter-box summary").click()
    opened.locator("#filter-product").select_option(label="serverless")
    assert not opened.locator("#answer").is_visible()
    assert opened.locator("#filtered").is_visible()
    assert "Only product serverless." == opened.locator("#filter-words").inner_text()
    assert "USD" in str(opened.locator("[role=status]").text_content())
    assert "clear the filter" in opened.locator("#filtered").inner_text()
    opened.locator("#filter-clear").click()
    assert opened.locator("#answer").is_visible()
    assert "" == opened.evaluate("location.hash")


def test_the_address_keeps_the_filter(opened: Page, written: Path) -> None:
    """A reload and the back button show the same filter again, whatever the name is."""
    for name in HOSTILE:
        filtered(opened, username=[name])
        words = opened.locator("#filter-words").inner_text()
        opened.reload()
        opened.evaluate("falusage.ready.then(() => true)")
        assert words == opened.locator("#filter-words").inner_text()
    first = opened.locator("#filter-words").inner_text()
    filtered(opened, product=["serverless"])
    opened.go_back()
    assert first == opened.locator("#filter-words").inner_text()
    opened.goto(f"{written.as_uri()}#team=broken&from=2025-99-99&to=x")
    opened.evaluate("falusage.ready.then(() => true)")
    assert opened.locator("#answer").is_visible()


def test_dates_are_compared_with_as_many_days_before(opened: Page, sums: pl.DataFrame) -> None:
    """The sentence names both ranges; if the days before are missing, it says so."""
    opened.locator("#filter-box summary").click()
    opened.locator("#filter-from").fill("2025-04-11")
    opened.locator("#filter-to").fill("2025-04-20")
    said = opened.locator("#filtered > .sum").first.inner_text()
    assert said.startswith("11 – 20 Apr 2025: ")
    assert "than 1 – 10 Apr 2025 (" in said
    opened.locator("#filter-from").fill("2025-03-05")
    assert "No comparison" in opened.locator("#filtered > .sum").first.inner_text()


def test_the_reasons_equal_those_of_cost_bridge(tab: Page, tmp_path: Path) -> None:
    """Every effect of every filter is Python's, within a billionth, also over a clock change."""
    usage = fu.sample_usage(start="2025-03-01", end="2025-06-01", every="1h").usage
    zone = "Europe/Berlin"
    april, march = (date(2025, 4, 1), date(2025, 5, 1)), (date(2025, 3, 2), date(2025, 4, 1))
    local = usage.filter(pl.col("bucket") >= pl.datetime(2025, 3, 1, 23, time_zone="UTC"))
    whole = page(
        daily_sums(local, zone),
        start=date(2025, 3, 2),
        end=date(2025, 6, 1),
        timezone=zone,
        compared=(april, march),
    )
    (tmp_path / "page.html").write_text(whole, "utf-8")
    ask = """(team) => falusage.ready.then(({ data }) => {
        const username = team && new Set([data.names.username.indexOf(team)]);
        const filter = { username, product: null, currency: null, from: null, until: null };
        const { rows, now, before } = falusage.chosen(data, filter);
        return falusage.bridge(data, rows, now, before).flatMap((one) =>
            Object.entries(one.effects).map(([effect, amount]) => [
                data.names.username[one.username],
                data.names.endpoint_id[one.endpoint], data.names.unit[one.unit],
                data.names.currency[one.currency], effect, amount]));
    })"""
    for shown in quietly(tab, tmp_path / "page.html"):
        for team in (None, "acme-growth", "acme-studio"):
            rows = local if team is None else local.filter(pl.col("username") == team)
            expected = fu.cost_bridge(
                rows,
                by=("username", "endpoint_id"),
                baseline=march,
                comparison=april,
                per_day=True,
                timezone=zone,
            )
            found = {tuple(one[:5]): one[5] for one in shown.evaluate(ask, team)}
            wanted = {row[:5]: row[5] for row in expected.iter_rows()}
            assert set(wanted) == set(found)
            for key, amount in wanted.items():
                assert amount == pytest.approx(found[key], rel=1e-9, abs=1e-6)
            assert {"discount", "days"} <= {key[4] for key in wanted}


def test_price_changes_cost_the_chosen_rows_what_python_says(tab: Page, tmp_path: Path) -> None:
    """Without names in the filter, each impact is that of price_changes; a team has its part."""
    usage = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").usage
    steps = fu.price_changes(usage)
    days = {"start": date(2025, 3, 26), "end": date(2025, 6, 24)}
    (tmp_path / "page.html").write_text(
        page(daily_sums(usage, "UTC"), steps=steps, **days), "utf-8"
    )
    for shown in quietly(tab, tmp_path / "page.html"):
        for team in (None, "acme-app-prod"):
            chosen = {"from": 0} if team is None else {"username": [team]}
            filtered(shown, **chosen)
            cells = "#filtered-prices tbody td:last-child"
            found = [Decimal(one.get_attribute("data-exact")) for one in shown.locator(cells).all()]
            assert found
            mine = usage if team is None else usage.filter(pl.col("username") == team)
            wanted = fu.price_changes(mine)["impact"].to_list()
            wanted.sort(key=abs, reverse=True)
            assert wanted == pytest.approx([float(one) for one in found], abs=1e-6)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    """A report of hourly usage, and the usage."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1h").usage
    return fu.report(usage, out=tmp_path_factory.mktemp("report") / "report.html").path, usage


def test_a_report_is_filtered(tab: Page, reported: tuple[Path, pl.DataFrame]) -> None:
    """The page of `report` has the exact total of a team in the days of its first screen."""
    file, usage = reported
    june = pl.col("bucket") >= pl.datetime(2025, 6, 1, time_zone="UTC")
    for team in ("acme-growth", "acme-paris"):
        tab.goto("about:blank")
        tab.goto(f"{file.as_uri()}#team=%22{team}%22")
        tab.evaluate("falusage.ready.then(() => true)")
        rows = usage.filter(june, pl.col("username") == team)
        expected = rows.select(exact("cost").sum()).item()
        found = tab.locator("#filtered > .sum strong").first.get_attribute("data-exact")
        assert f"{expected:.12f}" == found
        assert not tab.locator(".headline").first.is_visible()
        assert not tab.locator("nav a", has_text="How reliable this is").is_visible()
        tab.locator("nav a", has_text="What a unit costs").click()
        assert "filtered-units-title" == tab.evaluate("document.activeElement.id")
        assert "team" in tab.evaluate("location.hash")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_accessible_and_fits_a_phone(
    browser: Browser, reported: tuple[Path, pl.DataFrame], scheme: Any
) -> None:
    """Axe finds nothing serious at 390 px, and no number is beyond the right edge."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, bypass_csp=True
    )
    shown = context.new_page()
    shown.goto(reported[0].as_uri())
    shown.evaluate("falusage.ready.then(() => true)")
    assert [] == serious(shown, scheme)
    assert [] == beyond(shown, "#answer")
    assert 0 == shown.locator("button.detail", has_text="others").count()
    context.close()


def test_unusual_days_follow_the_filter(tab: Page, tmp_path: Path) -> None:
    """Only those of the chosen teams and days are left."""
    usage = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").usage
    unusual = fu.anomalies(usage, by="username")
    days = {"start": date(2025, 3, 26), "end": date(2025, 6, 24)}
    (tmp_path / "page.html").write_text(
        page(daily_sums(usage, "UTC"), unusual=unusual, **days), "utf-8"
    )
    for shown in quietly(tab, tmp_path / "page.html"):
        for team in unusual["username"].unique():
            filtered(shown, username=[team])
            rows = shown.locator("#filtered-unusual tbody tr").count()
            assert unusual.filter(pl.col("username") == team).height == rows


def texts(shown: Page, selector: str) -> Sequence[str]:
    """Return the texts of elements."""
    return shown.locator(selector).all_inner_texts()


def test_names_are_text_in_the_list_and_in_the_answer(opened: Page) -> None:
    """A team called markup is listed and shown as it is called, and control characters are not."""
    opened.locator("#filter-box summary").click()
    listed = texts(opened, "#filter-username option")
    assert HOSTILE[0] in listed
    assert "?abc" in listed
    opened.locator("#find-username").fill("SCRIPT")
    assert [HOSTILE[0]] == texts(opened, "#filter-username option")
    opened.locator("#filter-username").select_option(label=str(HOSTILE[0]))
    assert f"Only team {HOSTILE[0]}." == opened.locator("#filter-words").inner_text()
    assert HOSTILE[0] in "".join(texts(opened, "#filtered"))
    assert 0 == opened.locator("#filtered img, #filtered script, [style]").count()


def test_a_page_without_javascript_has_no_filter(browser: Browser, written: Path) -> None:
    """The form and its buttons are not there; the page's own answer is."""
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(written.as_uri())
    assert not shown.locator("#filter").is_visible()
    assert not shown.locator("#detail").is_visible()
    assert 0 == shown.locator("button.detail").count()
    assert shown.locator("#answer").is_visible()
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_every_number_is_on_the_screen(tab: Page, written: Path, width: int) -> None:
    """At any width no number of the filtered answer is beyond the right edge."""
    for shown in quietly(tab, written, width):
        filtered(shown, product=["model_apis"])
        assert [] == beyond(shown, "#filtered")
        assert width == shown.evaluate("document.documentElement.scrollWidth")


def test_printing_states_the_filter_and_leaves_out_the_form(opened: Page) -> None:
    """Paper has the words of the filter and the filtered answer, and no control."""
    filtered(opened, currency=["USD"])
    opened.emulate_media(media="print")
    assert opened.locator("#filter-words").is_visible()
    assert not opened.locator("#filter-box").is_visible()
    assert not opened.locator("#filter-save").is_visible()
    assert opened.locator("#filtered").is_visible()
    assert not opened.locator("#answer").is_visible()


def test_pictures_follow_the_dark(browser: Browser, written: Path) -> None:
    """The text of a picture has the colour of the text around it."""
    shown = browser.new_page(color_scheme="dark")
    shown.goto(f"{written.as_uri()}#currency=%22USD%22")
    shown.evaluate("falusage.ready.then(() => true)")
    color = """(selector) => getComputedStyle(document.querySelector(selector))"""
    ink = shown.evaluate(f"({color})('body').color")
    assert ink == shown.evaluate(f"({color})('.chart .amount').fill")
    shown.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, written: Path, scheme: Any) -> None:
    """In the page with its filter open, in the filtered answer, and in details."""
    shown = browser.new_page(color_scheme=scheme, bypass_csp=True)
    shown.goto(written.as_uri())
    shown.evaluate("falusage.ready.then(() => true)")
    shown.locator("#filter-box summary").click()
    assert [] == serious(shown, scheme)
    filtered(shown, currency=["USD"], **{"from": 41, "until": 51})
    assert [] == serious(shown, scheme, inside="#filtered")
    shown.locator("#filtered button.detail").first.click()
    assert [] == serious(shown, scheme, inside="#detail")
    shown.close()


def serious(shown: Page, scheme: str, *, inside: str | None = None) -> list[tuple[str, str]]:
    """Return what axe finds that is serious or critical, and where; inside a part of the page.

    The dark page differs from the light one in its colors alone.
    """
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast"]
    response = Axe().run(shown, context=inside, options=options).response
    return [
        (one["id"], one["nodes"][0]["html"])
        for one in response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_a_thousand_teams_of_hostile_names_are_summed(tab: Page, tmp_path: Path) -> None:
    """Each has its option and, as a filter, its exact total; none runs or moves another."""
    names = [f"{HOSTILE[place % len(HOSTILE)]}{place}" for place in range(1000)]
    base = {"product": "model_apis", "unit": "image", "currency": "USD", "unit_price": 0.5}
    rows = [
        {
            "day": START + timedelta(days=day),
            "username": name,
            "endpoint_id": f"fal-ai/{place % 300}",
            **base,
            "quantity": Decimal(place + day),
            "cost": Decimal(place + day) / 2,
        }
        for place, name in enumerate(names)
        for day in range(90)
    ]
    sums = frame(rows)
    (tmp_path / "page.html").write_text(page(sums, start=START, end=END), "utf-8")
    for shown in quietly(tab, tmp_path / "page.html"):
        for chosen in ({}, {"username": names[5:9]}, {"username": [names[-1]]}):
            filtered(shown, **{**chosen, "from": 3, "until": 90})
            total = shown.locator("#filtered > .sum strong").first.get_attribute("data-exact")
            assert exact_total(selected(sums, {**chosen, "from": 3, "until": 90})) == total
        assert 1000 == shown.locator("#filter-username option").count()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
def test_each_file_of_the_script_is_valid() -> None:
    """Every file parses, and none could end the element that the script stands in."""
    folder = Path(str(resources.files("falusage.reporting._page")))
    for file in folder.rglob("*.js"):
        node = ["node", "--check", str(file)]
        subprocess.run(node, check=True, capture_output=True)  # noqa: S603
    assert "</script" not in page_script().lower()
    assert "innerHTML" not in page_script()


def test_a_year_of_many_endpoints_is_small() -> None:
    """About five bytes for each day of each pair, with fractional quantities and rounded costs."""
    pick = random.Random(3)
    names = {"product": "model_apis", "unit": "second", "currency": "USD", "percent_discount": 10.0}
    rows: list[dict[str, Any]] = []
    for pair in range(150):
        price = Decimal(pick.randrange(10, 10_000)) / 10_000
        for day in range(90):
            quantity = Decimal(pick.randrange(10**7)) / 1000
            rows.append(
                {
                    "day": START + timedelta(days=day),
                    "username": f"team-{pair % 40}",
                    "endpoint_id": f"fal-ai/{pair}",
                    **names,
                    "unit_price": float(price),
                    "quantity": quantity,
                    "cost_subtotal": round(quantity * price, 6),
                    "cost": round(quantity * price * 9 / 10, 6),
                }
            )
    assert len(daily_data(frame(rows), start=START, end=END)) < 5.3 * len(rows)
