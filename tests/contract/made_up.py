"""Follow a made-up field, label and parameter through the package, in an interpreter of its own.

`test_one_place` inserts the three lines below into a copy of the package and runs this file on
it. Each function checks one promise; what fails is printed as JSON, by the promise's name.

    python made_up.py FOLDER    FOLDER has a snapshot and a store of the unmodified package
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest
import requests
from click.testing import CliRunner

import falusage as fu
from falusage.api._pages import page as pages
from falusage.api._pages.answers import Expected
from falusage.api._pages.strict import read_strictly
from falusage.api.asks import Ask, asks
from falusage.cli import cli
from falusage.columns import USAGE, widened
from falusage.contract import ORGANIZATION_USAGE
from falusage.errors import FalUsageWarning, ProtocolError, QueryError, SchemaError, StoreError
from falusage.snapshot._snapshot import snapshot_metadata
from falusage.transforms.restatements import restatements

NUMBER = (
    'Field("gpu_hours", "amount", "made-up hours", dtype=NUMBER, required=False, since=4, '
    "at_most=1000.0),"
)
LABEL = 'Field("region", "label", "a made-up place", required=False, since=4),'
PARAMETER = (
    'region: Annotated[Names, Parameter(kind="names", default=(), column="region", since=4, '
    'metavar="REGION", help="Only these made-up places.")]'
)
"""The three lines."""

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
DAYS = {"start": "2025-03-01", "end": "2025-03-03"}
REGION: dict[str, Any] = {"region": ["us", "eu"]}
HOURS = [1.5, 0.25, None, 1000.0]
REGIONS = ["eu", "us", None, "eu"]


def table(day: int = 0) -> pl.DataFrame:
    """Return two days of usage, from a day of March on, with what is known everywhere."""
    return pl.DataFrame(
        [
            {
                "bucket": BEGIN + timedelta(days=day + at // 2),
                "bucket_end": BEGIN + timedelta(days=day + at // 2 + 1),
                "username": f"team-{at % 2}",
                "product": "serverless",
                "endpoint_id": "my-app",
                "unit": "second",
                "quantity": 10.0 + at,
                "unit_price": 0.5,
                "percent_discount": None,
                "cost_subtotal": 5.0 + at / 2,
                "cost_discount": 0.0,
                "cost": 5.0 + at / 2,
                "currency": "USD",
            }
            for at in range(4)
        ],
        schema_overrides={"percent_discount": pl.Float64},
    )


def made_up(day: int = 0, **instead: list[Any]) -> pl.DataFrame:
    """Return the same usage with values in the made-up columns."""
    values = {"gpu_hours": HOURS, "region": REGIONS} | instead
    return table(day).with_columns(**{name: pl.Series(found) for name, found in values.items()})


def query(**fields: Any) -> fu.UsageQuery:
    """Ask for the two days."""
    return fu.UsageQuery("2025-03-01", "2025-03-03", timeframe="day", **fields)


@contextlib.contextmanager
def serving(usage: pl.DataFrame, edition: Any = 4) -> Iterator[tuple[fu.Emulator, fu.UsageClient]]:
    """Serve a table, with a client of it."""
    with (
        fu.Emulator(usage, edition=edition) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=1) as client,
    ):
        yield emulator, client


def got(emulator: fu.Emulator, **parameters: Any) -> requests.Response:
    """Ask without our client."""
    return requests.get(
        f"{emulator.base_url}/organization/usage",
        params={**DAYS, "timeframe": "day", **parameters},
        headers={"Authorization": f"Key {emulator.api_key}"},
        timeout=60,
    )


def items(answer: requests.Response) -> list[dict[str, Any]]:
    """Return an answer's line items, in order."""
    return [item for bucket in answer.json()["time_series"] for item in bucket["results"]]


def values(frame: pl.DataFrame | pl.LazyFrame) -> list[tuple[Any, ...]]:
    """Return the made-up values, by bucket and team."""
    rows = frame.lazy().sort("bucket", "username").select("gpu_hours", "region").collect()
    return rows.rows()


@contextlib.contextmanager
def without_the_careful_reader() -> Iterator[None]:
    """Raise where a page is not read on the fast path."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the page was read with care")

    pages.read_strictly = refuse
    try:
        yield
    finally:
        pages.read_strictly = read_strictly


def the_parameter_is_sent(_: Path) -> None:
    """The query takes it, and a request repeats it for each of its values."""
    asked = query(region=["eu", "us"])
    assert ("eu", "us") == asked.region
    (ask,) = asks(asked, time_series=True, summary=False)
    sent = [value for name, value in ask.params() if name == "region"]
    assert ["eu", "us"] == sent
    with pytest.raises(QueryError, match="region"):
        query(region=5)


def the_server_takes_the_parameter(_: Path) -> None:
    """The emulator filters by it, repeated or with commas; edition 3 rejects it."""
    with serving(made_up()) as (emulator, _client):
        assert [1.5, 1000.0] == [item["gpu_hours"] for item in items(got(emulator, region="eu"))]
        assert 3 == len(items(got(emulator, region="eu,us")))
        assert 3 == len(items(got(emulator, region=["eu", "us"])))
    with serving(made_up(), edition=3) as (emulator, _client):
        assert 400 == got(emulator, region="eu").status_code


def the_fields_are_served(_: Path) -> None:
    """Edition 4 sends both in items and summary; edition 3 has neither."""
    expected = list(zip(HOURS, REGIONS, strict=True))
    with serving(made_up()) as (emulator, _client):
        answer = got(emulator, expand=["time_series", "summary"])
    assert expected == [(item["gpu_hours"], item["region"]) for item in items(answer)]
    assert {"gpu_hours", "region"} <= set(answer.json()["summary"][0])
    with serving(made_up(), edition=3) as (emulator, _client):
        assert not {"gpu_hours", "region"} & set(items(got(emulator))[0])


def the_document_has_them(_: Path) -> None:
    """The OpenAPI document has the parameter and the fields, with their range and meaning."""
    with serving(made_up()) as (emulator, _client):
        address = emulator.base_url.removesuffix("/v1") + "/openapi.json"
        document = requests.get(address, timeout=60).json()
    said = document["paths"]["/v1/organization/usage"]["get"]["parameters"]
    (parameter,) = (each for each in said if each["name"] == "region")
    assert "array" == parameter["schema"]["type"]
    assert "made-up places" in json.dumps(parameter)
    item = document["components"]["schemas"]["OrganizationUsage4"]["properties"]
    assert "made-up hours" == item["gpu_hours"]["description"]
    assert '"maximum": 1000' in json.dumps(item["gpu_hours"])
    assert "a made-up place" == item["region"]["description"]


def the_query_explains_the_parameter(_: Path) -> None:
    """The docstring of `UsageQuery` has its name, its default and its help."""
    assert "region (default ()): Only these made-up places." in str(fu.UsageQuery.__doc__)


def pages_are_read_on_the_fast_path(_: Path) -> None:
    """Values and nulls arrive without the careful reader, and nothing is unknown."""
    with serving(made_up()) as (_emulator, client), without_the_careful_reader():
        usage = client.load(query()).usage
    assert list(USAGE) == usage.columns
    assert list(zip(HOURS, REGIONS, strict=True)) == values(usage)


def the_careful_reader_reads_the_same(_: Path) -> None:
    """A page read with care has the same rows; a mistyped value is a fault of its row."""
    with serving(made_up()) as (emulator, client):
        fast, body = client.load(query()).usage, got(emulator).content
    answer = read_strictly(body, Expected(ORGANIZATION_USAGE))
    assert answer.rows is not None
    assert values(fast) == answer.rows.table.select("gpu_hours", "region").rows()
    broken = body.replace(b'"gpu_hours":1.5', b'"gpu_hours":"1.5"')
    answer = read_strictly(broken, Expected(ORGANIZATION_USAGE))
    assert answer.rows is not None
    assert [{"column": "gpu_hours", "rule": "not a number"}] == answer.rows.table["_faults"][
        0
    ].to_list()


def an_older_edition_reads_as_null(_: Path) -> None:
    """Edition 3 is read on the fast path, too."""
    with serving(made_up(), edition=3) as (_emulator, client), without_the_careful_reader():
        assert [(None, None)] * 4 == values(client.load(query()).usage)


def a_filtered_load_is_reconciled(_: Path) -> None:
    """Rows and the API's own summary agree on the filtered question; others do not come."""
    with serving(made_up()) as (_emulator, client):
        load = client.load(query(region="eu"))
    assert [(1.5, "eu"), (1000.0, "eu")] == values(load.usage)
    assert load.receipt.reconciled


def rows_that_were_not_asked_for_are_rejected(_: Path) -> None:
    """A page with another place than the asked one is outside the contract."""
    with serving(made_up()) as (emulator, _client):
        body = got(emulator).content
    everything, europe = (
        next(asks(each, time_series=True, summary=False)) for each in (query(), query(region="eu"))
    )
    rows = _read(body, everything)
    assert list(zip(HOURS, REGIONS, strict=True)) == values(rows)
    with pytest.raises(ProtocolError, match="region 'us' was not asked for"):
        _read(body, europe)


def _read(body: bytes, ask: Ask) -> pl.DataFrame:
    rows = pages.read_page(body, ask, kinds={}).rows
    assert rows is not None
    return rows.table


def what_is_out_of_range_is_rejected(_: Path) -> None:
    """Below 0 or above the largest value: by the schema, and by a load over HTTP."""
    wrong = made_up(gpu_hours=[-1.0, 1000.5, 1.0, None])
    good, rejected = fu.validate_usage(wrong)
    assert 2 == good.height
    assert [["gpu_hours: negative"], ["gpu_hours: over 1000"]] == rejected["rules"].to_list()
    assert {"gpu_hours", "region"} <= set(fu.usage_schema().columns)
    assert {"gpu_hours", "region"} <= set(fu.summary_schema().columns)
    with serving(wrong) as (_emulator, client), pytest.raises(SchemaError, match="over 1000"):
        client.load(query())


def a_table_without_them_is_valid(_: Path) -> None:
    """A user's table from before the columns were declared has no fault."""
    good, rejected = fu.validate_usage(table())
    assert (4, 0) == (good.height, rejected.height)


def a_snapshot_keeps_them(folder: Path) -> None:
    """Written from a load and streamed: the columns, and the parameter in what was asked."""
    asked = query(region=["eu", "us"])
    with serving(made_up()) as (_emulator, client):
        fu.write_snapshot(client.load(asked), folder / "loaded.parquet")
        fu.download_snapshot(asked, folder / "streamed.parquet", client=client)
    for name in ("loaded.parquet", "streamed.parquet"):
        found = fu.read_snapshot(folder / name)
        assert list(USAGE) == found.columns
        assert [(1.5, "eu"), (0.25, "us"), (1000.0, "eu")] == values(found)
        kept = snapshot_metadata(folder / name).query
        assert kept is not None
        assert ("eu", "us") == kept.region


def a_store_keeps_the_fields(folder: Path) -> None:
    """A first sync keeps the columns."""
    store = fu.UsageStore(folder / "new-store")
    with serving(made_up()) as (_emulator, client):
        store.sync(**DAYS, client=client)
    assert list(zip(HOURS, REGIONS, strict=True)) == values(store.scan())
    store.verify()


def a_store_keeps_the_parameter(folder: Path) -> None:
    """It is part of what the store asks: another value of it is another store."""
    store = fu.UsageStore(folder / "european-store")
    with serving(made_up()) as (_emulator, client):
        store.sync(**DAYS, client=client, **REGION)
        assert [(1.5, "eu"), (0.25, "us"), (1000.0, "eu")] == values(store.scan())
        with pytest.raises(StoreError, match="region"):
            store.sync(**DAYS, client=client)
    store.verify()


def restatements_compare_them(_: Path) -> None:
    """A changed number is a changed row, with both values; a changed label is seen, too."""
    old = widened(made_up())
    hours = restatements(old, widened(made_up(gpu_hours=[1.5, 0.5, None, 1000.0])))
    assert [("changed", 0.25, 0.5)] == hours.select("change", "^gpu_hours_(old|new)$").rows()
    places = restatements(old, widened(made_up(region=["eu", "us", "us", "eu"])))
    assert 0 < places.height < 3
    assert any(name.startswith("region") for name in places.columns)
    assert restatements(old, old).is_empty()


def restatements_compare_with_a_snapshot_from_before(folder: Path) -> None:
    """A file without the columns has nulls there: what now has a value was changed."""
    found = restatements(fu.read_snapshot(folder / "before.parquet"), widened(made_up()))
    assert [None] * found.height == found["gpu_hours_old"].to_list()
    assert [0.25, 1.5, 1000.0] == found["gpu_hours_new"].drop_nulls().sort().to_list()


def a_store_knows_what_was_restated(folder: Path) -> None:
    """A second sync that brings another number is a restatement of the store."""
    store = fu.UsageStore(folder / "restated-store")
    with serving(made_up()) as (emulator, client):
        first = store.sync(**DAYS, client=client, settle="9999d")
        emulator.replace(made_up(gpu_hours=[1.5, 0.5, None, 1000.0]))
        again = store.sync(**DAYS, client=client, settle="9999d")
    assert 1 == again.rows_changed
    found = store.restatements(first.version)
    assert [("changed", 0.25, 0.5)] == found.select("change", "^gpu_hours_(old|new)$").rows()


def a_snapshot_from_before_reads_as_null(folder: Path) -> None:
    """All columns are there, with nulls in the new ones, and what was asked is still known."""
    for found in (
        fu.read_snapshot(folder / "before.parquet"),
        fu.scan_snapshot(folder / "before.parquet").collect(),
    ):
        assert list(USAGE) == found.columns
        assert [(None, None)] * 4 == values(found)
    kept = snapshot_metadata(folder / "before.parquet").query
    assert query() == kept


def a_store_from_before_reads_as_null(folder: Path) -> None:
    """Its view and its past have all columns, with nulls in the new ones."""
    store = fu.UsageStore(folder / "store-before")
    for found in (store.scan().collect(), store.view().usage.collect()):
        assert set(USAGE) <= set(found.columns)
        assert [(None, None)] * 4 == values(found)
    store.verify()


def a_store_from_before_is_widened_by_its_next_sync(folder: Path) -> None:
    """The rows that it had keep their nulls, and the new ones have values."""
    store = fu.UsageStore(folder / "store-before")
    before = store.scan().collect()
    with serving(made_up(2)) as (_emulator, client):
        store.sync("2025-03-03", end="2025-03-05", client=client)
    found = store.scan().collect()
    new = list(zip(HOURS, REGIONS, strict=True))
    assert [(None, None)] * 4 + new == values(found)
    shared = [name for name in before.columns if name not in {"gpu_hours", "region"}]
    old = found.filter(pl.col("bucket") < BEGIN + timedelta(days=2)).select(shared)
    assert before.select(shared).sort("bucket", "username").equals(old.sort("bucket", "username"))
    store.verify()


def the_commands_offer_the_parameter(_: Path) -> None:
    """`load`, `snapshot` and `sync` have the option, with its help."""
    for command in ("load", "snapshot", "sync"):
        said = CliRunner().invoke(cli, [command, "--help"], terminal_width=100).output
        assert "--region REGION" in said, command
        assert "Only these made-up places." in said, command


def the_command_sends_the_parameter(_: Path) -> None:
    """`falusage load --region eu` prints only those rows."""
    with serving(made_up()) as (emulator, _client):
        done = CliRunner(
            env={"FAL_ADMIN_KEY": emulator.api_key, "FALUSAGE_BASE_URL": emulator.base_url}
        ).invoke(
            cli,
            "load --start 2025-03-01 --end 2025-03-03 --timeframe day --region eu --format json",
        )
    assert 0 == done.exit_code, done.output
    assert [1.5, 1000.0] == [row["gpu_hours"] for row in json.loads(done.stdout)]


PROMISES: tuple[Callable[[Path], None], ...] = (
    the_parameter_is_sent,
    the_server_takes_the_parameter,
    the_fields_are_served,
    the_document_has_them,
    the_query_explains_the_parameter,
    pages_are_read_on_the_fast_path,
    the_careful_reader_reads_the_same,
    an_older_edition_reads_as_null,
    a_filtered_load_is_reconciled,
    rows_that_were_not_asked_for_are_rejected,
    what_is_out_of_range_is_rejected,
    a_table_without_them_is_valid,
    a_snapshot_keeps_them,
    a_store_keeps_the_fields,
    a_store_knows_what_was_restated,
    a_snapshot_from_before_reads_as_null,
    a_store_keeps_the_parameter,
    a_store_from_before_reads_as_null,
    a_store_from_before_is_widened_by_its_next_sync,
    restatements_compare_them,
    restatements_compare_with_a_snapshot_from_before,
    the_commands_offer_the_parameter,
    the_command_sends_the_parameter,
)


def main(folder: Path) -> None:
    """Check every promise, and print why each that is broken is."""
    warnings.simplefilter("error", FalUsageWarning)
    broken: dict[str, str] = {}
    for promise in PROMISES:
        try:
            promise(folder)
        except Exception:  # noqa: BLE001 (whatever breaks one promise, the others are looked at)
            broken[promise.__name__] = traceback.format_exc()
    sys.stdout.write(json.dumps({"package": fu.__file__, "broken": broken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
