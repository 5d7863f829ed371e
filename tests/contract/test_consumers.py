"""Every room that handles fields or parameters handles each that is declared, by its own name.

`test_one_place` proves the same of made-up ones; here a consumer that lacks a real one is named.
"""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import falusage as fu
from falusage import columns
from falusage.api._pages import page as pages
from falusage.api._pages.answers import Expected
from falusage.api._pages.strict import read_strictly
from falusage.api.asks import asks
from falusage.cli import cli
from falusage.columns import SUMMARY, USAGE, widened
from falusage.contract import ORGANIZATION_USAGE, Field, Parameter
from falusage.emulator._books import Books
from falusage.emulator._document import item_model
from falusage.emulator._ledger import Question
from falusage.emulator._parameters import parameters_model
from falusage.store._log import STORED
from falusage.store._scope import Scope
from falusage.transforms.restatements import restatements

ROOT = Path(__file__).parents[2]
FIELDS = ORGANIZATION_USAGE.fields
ASKED = ORGANIZATION_USAGE.asked
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
every_field = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
every_parameter = pytest.mark.parametrize("name", ASKED)
every_edition = pytest.mark.parametrize("edition", ORGANIZATION_USAGE.editions)


def value(field: Field) -> Any:
    """Return a valid value, different for each field."""
    if field.is_number:
        return 2.0 + FIELDS.index(field)
    if field.letters is not None:
        return "ABCDEFG"[: field.letters]
    return True if field.dtype == pl.Boolean() else f"its {field.name}"


ROW = {field.name: value(field) for field in FIELDS}
TABLE = pl.DataFrame([{"bucket": BEGIN, "bucket_end": END, **ROW}], schema=USAGE)
SHOWN = tuple(name for name, parameter in ASKED.items() if parameter.kind == "expand")


def page(edition: int = ORGANIZATION_USAGE.editions[-1]) -> bytes:
    """Return a page of an edition, with a value of each field, as the emulator writes it."""
    question = Question(start=BEGIN, end=END, timeframe="day", shown=SHOWN)
    items = Books(TABLE, edition=edition).ledger(ORGANIZATION_USAGE).summary(question).decode()
    series = f'[{{"bucket":"{BEGIN.isoformat()}","results":{items}}}]'
    return f'{{"time_series":{series},"next_cursor":null,"has_more":false}}'.encode()


def sent(edition: int) -> dict[str, Any]:
    """Return the members of that page's item, with those of objects beside them."""
    (item,) = json.loads(page(edition))["time_series"][0]["results"]
    inner = [item.pop(name) for name in ORGANIZATION_USAGE.objects if name in item]
    return item | {name: value for members in inner for name, value in members.items()}


def test_columns_are_the_declared_fields() -> None:
    """The summary has each, in order; the usage table has the bucket before them."""
    expected = {field.name: field.dtype for field in FIELDS}
    assert list(expected.items()) == list(SUMMARY.items())
    assert ["bucket", "bucket_end", *expected] == list(USAGE)


@every_field
def test_each_field_has_one_role(field: Field) -> None:
    """It is in just one of the lists by which the rooms treat columns."""
    lists = (columns.KEY, columns.RATES, columns.AMOUNTS, columns.LABELS, tuple(columns.AUTH))
    assert 1 == sum(field.name in each for each in lists)
    assert field.is_number == (field.name in columns.NUMBERS)


@every_field
@pytest.mark.parametrize("schema", [fu.usage_schema, fu.summary_schema])
def test_the_rules_have_it(field: Field, schema: Any) -> None:
    """With its type, whether it may be null, and checks of its range."""
    rule = schema().columns[field.name]
    assert field.dtype == rule.dtype.type
    in_summary = schema is fu.summary_schema
    is_required = field.name in ORGANIZATION_USAGE.required(in_summary=in_summary)
    assert (is_required, not is_required) == (rule.required, rule.nullable)
    said = {check.error for check in rule.checks}
    assert ("negative" in said) == field.is_number
    assert (f"over {field.at_most or 0:g}" in said) == (field.at_most is not None)
    assert bool(said) == (field.is_number or field.letters is not None)


@every_field
@every_edition
def test_the_emulator_serves_it(field: Field, edition: int) -> None:
    """Under each of the names that the edition has, and under no other."""
    found = sent(edition)
    for name, since in field.names.items():
        assert (since <= edition) == (name in found)
        if since <= edition and field.name != "unit_price":
            assert value(field) == found[name]


@every_field
@every_edition
def test_the_document_has_it(field: Field, edition: int) -> None:
    """Each name of the edition, with its meaning."""
    schema = item_model(ORGANIZATION_USAGE, edition).model_json_schema()
    holder = schema if field.within is None else next(iter(schema.get("$defs", {}).values()), {})
    found = holder.get("properties", {})
    for name, since in field.names.items():
        assert (since <= edition) == (name in found)
        if since <= edition:
            assert field.meaning in found[name]["description"]


@every_field
def test_both_readers_read_it(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """The strict reader returns its value, and the fast one handles pages without it."""
    answer = read_strictly(page(), Expected(ORGANIZATION_USAGE, SHOWN))
    assert answer.rows is not None
    assert [value(field)] == answer.rows.table[field.name].to_list()
    assert not answer.rows.kinds
    monkeypatch.setattr(pages, "read_strictly", None)
    shown: dict[str, Any] = dict.fromkeys(SHOWN, True)
    asked = fu.UsageQuery(BEGIN, END, timeframe="day", **shown)
    ask = next(asks(asked, time_series=True, summary=False))
    rows = pages.read_page(page(), ask, kinds={}).rows
    assert rows is not None
    assert [value(field)] == rows.table[field.name].to_list()


@every_field
def test_a_snapshot_keeps_it(field: Field, tmp_path: Path) -> None:
    """With its value, where it is known, and as null where the table lacks it."""
    fu.write_snapshot(TABLE, tmp_path / "all.parquet")
    assert [value(field)] == fu.read_snapshot(tmp_path / "all.parquet")[field.name].to_list()


@every_field
def test_a_store_keeps_it(field: Field) -> None:
    """Its column is one of those that a store has from the start."""
    assert field.dtype == STORED[field.name]


@every_field
def test_restatements_compare_it(field: Field) -> None:
    """A table in which it alone differs was restated, and the result has it."""
    other = 1.0 if field.is_number else "another" if field.letters is None else "XYZ"
    changed = pl.lit(False) if field.dtype == pl.Boolean() else pl.lit(other)
    found = restatements(TABLE, TABLE.with_columns(changed.alias(field.name)))
    assert not found.is_empty()
    assert any(name in found.columns for name in (field.name, f"{field.name}_new"))


@pytest.fixture(scope="module")
def sample() -> pl.DataFrame:
    """A day of the sample."""
    return fu.sample_usage(start="2025-03-01", end="2025-03-02").usage


@every_field
def test_the_sample_has_it(field: Field, sample: pl.DataFrame) -> None:
    """As a column of the declared type."""
    assert field.dtype == sample.schema[field.name]


@pytest.fixture(scope="module")
def reference() -> str:
    """The reference's page about the tables, as it is written now."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return "\n".join(module.pages().values())


@every_field
def test_its_meaning_is_in_the_reference(field: Field, reference: str) -> None:
    """The table of columns is written from the declaration."""
    assert field.meaning == columns.MEANINGS[field.name]
    assert f"| `{field.name}` | {field.dtype} | {field.meaning} |" in reference


def test_a_table_without_optional_fields_is_widened() -> None:
    """Missing columns are null, with the declared type, in the declared order."""
    bare = TABLE.select("bucket", "bucket_end", *ORGANIZATION_USAGE.required())
    assert list(USAGE.items()) == list(widened(bare).schema.items())


def given(name: str, parameter: Parameter) -> Any:
    """Return a value of a parameter that is not its default."""
    choices = parameter.choices
    return {
        "zone": "Asia/Tokyo",
        "choice": choices[0] if choices else None,
        "switch": not parameter.default,
        "names": (choices[0] if choices else f"a {name}",),
        "expand": True,
        "count": 7,
    }[parameter.kind]


@every_parameter
def test_the_query_has_it_and_sends_it(name: str) -> None:
    """As an argument and an attribute; what is sent is written as the API takes it."""
    parameter = ASKED[name]
    wanted = given(name, parameter)
    query = fu.UsageQuery("2025-03-01", "2025-03-02", **{name: wanted})
    assert wanted == getattr(query, name)
    assert wanted == query.fields()[name]
    assert query == fu.UsageQuery(**query.fields())
    assert f"{name} (default {parameter.default!r})" in str(fu.UsageQuery.__doc__)
    found = next(asks(query, time_series=True, summary=False)).params()
    if parameter.kind == "expand":
        assert ("expand", name) in found
    else:
        (said,) = (text for key, text in found if key == name)
        expected = wanted[0] if isinstance(wanted, tuple) else wanted
        assert str(expected).lower() == said.lower()


@every_parameter
@every_edition
def test_the_emulator_takes_it(name: str, edition: int) -> None:
    """From its first edition on: as a parameter, or as a value of `expand`."""
    parameter, model = ASKED[name], parameters_model(ORGANIZATION_USAGE, edition)
    if parameter.kind == "expand":
        found = json.dumps(model.model_json_schema()["properties"]["expand"])
        assert (parameter.since <= edition) == (f'"{name}"' in found)
    else:
        assert (parameter.since <= edition) == (name in model.model_fields)


@every_edition
def test_the_emulator_takes_what_every_request_has(edition: int) -> None:
    """The range, the cursor and `expand`."""
    assert set(ORGANIZATION_USAGE.paged) <= set(
        parameters_model(ORGANIZATION_USAGE, edition).model_fields
    )


@every_parameter
def test_a_store_s_question_has_it(name: str) -> None:
    """Unless it shapes pages alone; a sync is always of whole buckets."""
    if ASKED[name].per_page or name == "bound_to_timeframe":
        return
    query = fu.UsageQuery("2025-03-01", "2025-03-02", **{name: given(name, ASKED[name])})
    other = fu.UsageQuery("2025-03-01", "2025-03-02")
    assert name in Scope.of(query).difference(Scope.of(other))


@every_parameter
@pytest.mark.parametrize("command", ["load", "snapshot", "sync"])
def test_the_commands_offer_it(name: str, command: str) -> None:
    """As an option of its name; a sync is always of whole buckets."""
    if command == "sync" and name == "bound_to_timeframe":
        return
    said = CliRunner().invoke(cli, [command, "--help"], terminal_width=200).output
    assert f"-{name.replace('_', '-')}" in said
