"""The usage of one workspace: two endpoints in one load, over real HTTP."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.columns import FURTHER, USAGE

DAYS = ("2025-03-01", "2025-03-04")


def row(day: int, **fields: Any) -> dict[str, Any]:
    """Return a row of a day of March."""
    start = datetime(2025, 3, day, tzinfo=UTC)
    numbers = {"quantity": 10.0, "unit_price": 0.1, "cost_subtotal": 1.0, "cost_discount": 0.0}
    usual = {"username": "studio", "unit": "image", "currency": "USD", "cost": 1.0, **numbers}
    return {
        "bucket": start,
        "bucket_end": start.replace(day=day + 1),
        "product": "model_apis",
        "endpoint_id": "fal-ai/flux/dev",
        **usual,
        **fields,
    }


def serverless(day: int, **fields: Any) -> dict[str, Any]:
    """Return a row of a serverless app."""
    return row(day, product="serverless", unit="second", **fields)


ROWS = [
    row(1),
    row(1, endpoint_id="fal-ai/kling", login_username="ada", auth_detail="login"),
    row(2, percent_discount=50.0, cost=0.5, cost_discount=0.5),
    serverless(1, endpoint_id="GPU-H100 (art, production)"),
    serverless(2, endpoint_id="GPU-H100 (art)"),
    serverless(3, endpoint_id="L"),
    row(1, username="another-team", cost=0.75, quantity=7.5, cost_subtotal=0.75),
    row(1, product="compute", endpoint_id="type: gpu (a, b)", unit="hour"),
]
TABLE = pl.DataFrame(ROWS, infer_schema_length=None)


@pytest.fixture(scope="module")
def emulator() -> Iterator[fu.Emulator]:
    """One server for all tests, with small pages."""
    with fu.Emulator(TABLE, page_size=2) as running:
        yield running


def client_of(emulator: fu.Emulator, key: str | None = None) -> fu.UsageClient:
    """Return a client with the key of the workspace, or another one."""
    return fu.UsageClient(key or emulator.workspace_key, base_url=emulator.base_url)


def loaded(emulator: fu.Emulator, **fields: Any) -> fu.UsageLoad:
    """Load three days of the workspace."""
    with client_of(emulator) as client:
        return client.load(
            fu.UsageQuery(*DAYS, scope="workspace", **{"timeframe": "day", **fields})
        )


def test_both_endpoints_are_one_table_in_the_order_of_time(emulator: fu.Emulator) -> None:
    """The rows are the workspace's own, with its name; compute is in no endpoint."""
    usage = loaded(emulator).usage
    assert [*USAGE, *FURTHER] == usage.columns
    assert ["app", "environment", "machine_type", "is_surge"] == usage.columns[-4:]
    found = usage.sort("bucket", "product").select(
        "bucket", "username", "product", "endpoint_id", "app", "environment", "machine_type"
    )
    day = [datetime(2025, 3, n, tzinfo=UTC) for n in (1, 1, 1, 2, 2, 3)]
    expected = {
        "bucket": day,
        "username": ["studio"] * 6,
        "product": ["model_apis"] * 2 + ["serverless", "model_apis"] + ["serverless"] * 2,
        "endpoint_id": [
            "fal-ai/flux/dev",
            "fal-ai/kling",
            "GPU-H100 (art, production)",
            "fal-ai/flux/dev",
            "GPU-H100 (art)",
            "L",
        ],
        "app": [None, None, "art", None, "art", None],
        "environment": [None, None, "production", None, None, None],
        "machine_type": [None, None, "GPU-H100", None, "GPU-H100", "L"],
    }
    assert expected == found.to_dict(as_series=False)
    assert usage["bucket"].is_sorted()
    assert [None, False] == usage["is_surge"].unique().sort().to_list()


def test_one_receipt_has_both_summaries(emulator: fu.Emulator) -> None:
    """Each endpoint's rows are compared with its own totals."""
    load = loaded(emulator)
    compared = load.receipt.reconciliation
    assert {"model_apis": 2, "serverless": 3} == dict(
        compared.group_by("product").len().iter_rows()
    )
    assert 0 == compared["cost_summary"].null_count()
    assert 6 == load.receipt.rows_received == load.receipt.rows_kept


def test_the_coverage_says_what_is_included(emulator: fu.Emulator) -> None:
    """The scope and the products, whether they were asked for or follow from a filter."""
    said = [
        (load.coverage.scope, load.coverage.products, load.coverage.filters)
        for load in (
            loaded(emulator),
            loaded(emulator, product="serverless"),
            loaded(emulator, app="art"),
            loaded(emulator, endpoint_id="fal-ai/kling"),
        )
    ]
    assert [
        ("workspace", ("model_apis", "serverless"), ()),
        ("workspace", ("serverless",), ("product: serverless",)),
        ("workspace", ("serverless",), ("app: art",)),
        ("workspace", ("model_apis",), ("endpoint_id: fal-ai/kling",)),
    ] == said


@pytest.mark.parametrize(
    ("fields", "costs"),
    [
        ({"product": "model_apis"}, 2.5),
        ({"product": "serverless"}, 3.0),
        ({"app": ["art"]}, 2.0),
        ({"app": "none"}, 0.0),
        ({"endpoint_id": "fal-ai/kling"}, 1.0),
        ({"login_username": "ada", "auth_method_structured": True}, 1.0),
        ({"timeframe": "month", "bound_to_timeframe": False}, 5.5),
        ({"limit": 1}, 5.5),
        ({"tag": "customer=(untagged)"}, 2.5),
        ({"tag": "customer=acme"}, 0.0),
    ],
)
def test_every_parameter_is_sent_where_it_applies(
    emulator: fu.Emulator, fields: dict[str, Any], costs: float
) -> None:
    """Each changes the answer as the contract says."""
    assert costs == loaded(emulator, **fields).usage["cost"].sum()


def test_tags_are_kept_as_text_that_can_be_grouped() -> None:
    """Equal tags are equal texts, a key is one expression away, and a filter is the API's."""
    tags = ['{"customer":"acme","plan":"pro"}', '{"plan":"pro","customer":"acme"}', None]
    table = TABLE.head(3).with_columns(tags=pl.Series(tags))
    with fu.Emulator(table) as emulator:
        plain = loaded(emulator)
        tagged = loaded(emulator, source="tagged-estimate", product="model_apis").usage
        acme = loaded(emulator, source="tagged-estimate", tag=["customer=acme", "plan=pro"])
    assert "tags" not in plain.usage.columns
    assert [None, '{"customer": "acme", "plan": "pro"}'] == tagged["tags"].unique().sort().to_list()
    customer = pl.col("tags").str.json_path_match("$.customer")
    spent = fu.rollup(tagged.with_columns(customer=customer), by="customer")
    assert {"acme": 2.0, None: 0.5} == dict(spent.select("customer", "cost").iter_rows())
    assert (2.0, ("tag: customer=acme, plan=pro",)) == (
        acme.usage["cost"].sum(),
        acme.coverage.filters,
    )


def test_days_are_cut_in_the_time_zone(emulator: fu.Emulator) -> None:
    """Both endpoints take the zone: a day of Paris begins an hour before that of UTC."""
    days = {"scope": "workspace", "timeframe": "day", "timezone": "Europe/Paris"}
    with client_of(emulator) as client:
        usage = client.load(fu.UsageQuery("2025-02-28", "2025-03-05", **days)).usage
    assert {23} == set(usage["bucket"].dt.hour())
    assert 5.5 == usage["cost"].sum()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scope": "workspace", "team_username": "studio"}, "field of scope='organization'"),
        ({"app": "art"}, "app is a field of scope='workspace'"),
        ({"login_username": "ada"}, "login_username is a field of scope='workspace'"),
        ({"source": "estimate"}, "source is a field of scope='workspace'"),
        ({"tag": "a=b"}, "tag is a field of scope='workspace'"),
        ({"scope": "workspace", "product": "compute"}, "'compute' has no endpoint"),
        ({"scope": "workspace", "app": "art", "endpoint_id": "x"}, "app and endpoint_id|together"),
        ({"scope": "workspace", "app": "art", "product": "model_apis"}, "together"),
        ({"scope": "workspace", "tag": "acme"}, "expected key=value"),
        ({"scope": "workspace", "tag": [f"a={n}" for n in range(11)]}, "expected 10 at most"),
        ({"scope": "team"}, "'team' is not one of organization, workspace"),
    ],
)
def test_a_field_of_the_other_scope_is_an_error(fields: dict[str, Any], said: str) -> None:
    """Nothing is sent that would be ignored, and nothing is asked that has no answer."""
    with pytest.raises(fu.QueryError, match=said):
        fu.UsageQuery(*DAYS, **fields)


def test_sixty_apps_are_two_requests(emulator: fu.Emulator) -> None:
    """As for ids: a request takes fifty at most."""
    load = loaded(emulator, app=[*(f"none-{n}" for n in range(59)), "art"])
    assert 2.0 == load.usage["cost"].sum()


def test_a_key_that_may_read_only_one_endpoint(emulator: fu.Emulator) -> None:
    """The error names the endpoint and the way out, which works, without the name."""
    query = {"scope": "workspace", "timeframe": "day"}
    with client_of(emulator, emulator.member_key) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.FalUsageWarning)
        with pytest.raises(fu.PermissionDeniedError) as caught:
            client.load(fu.UsageQuery(*DAYS, **query))
        assert "/serverless/usage" in str(caught.value)
        assert "product='model_apis'" in str(caught.value)
    with (
        client_of(emulator, emulator.member_key) as client,
        pytest.warns(fu.FalUsageWarning, match="may not read the name of its workspace"),
    ):
        usage = client.load(fu.UsageQuery(*DAYS, product="model_apis", **query)).usage
    assert ["workspace"] == usage["username"].unique().to_list()


def test_a_key_of_a_workspace_is_told_of_its_scope(emulator: fu.Emulator) -> None:
    """Whoever asks for an organization with such a key learns what to ask instead."""
    with client_of(emulator) as client, pytest.raises(fu.PermissionDeniedError) as caught:
        client.load(fu.UsageQuery(*DAYS))
    assert "scope='workspace'" in str(caught.value)


def test_an_empty_account_and_one_of_a_single_row() -> None:
    """The table has its columns, whatever there is."""
    for table in (TABLE.clear(), TABLE.head(1)):
        with fu.Emulator(table) as emulator:
            load = loaded(emulator)
        assert [*USAGE, *FURTHER] == load.usage.columns
        assert table.height == load.usage.height


def test_the_other_ways_to_read(emulator: fu.Emulator, tmp_path: Any) -> None:
    """Pages, a summary, a snapshot and a store have the same rows as a load."""
    query = fu.UsageQuery(*DAYS, scope="workspace", timeframe="day")
    usage = loaded(emulator).usage
    order = ("bucket", "product", "endpoint_id")
    with client_of(emulator) as client:
        pages = pl.concat([pl.DataFrame(page) for page in client.iter_usage(query)], how="diagonal")
        summary = fu.load_summary(*DAYS, client=client, scope="workspace", timeframe="day")
        fu.download_snapshot(query, tmp_path / "snapshot.parquet", client=client)
        store = fu.UsageStore(tmp_path / "store")
        store.sync(*DAYS[:1], end=DAYS[1], client=client, scope="workspace")
    assert_frame_equal(usage.sort(order), pages.select(usage.columns).sort(order))
    assert usage["cost"].sum() == summary["cost"].sum()
    snapshot = fu.open_snapshot(tmp_path / "snapshot.parquet")
    assert_frame_equal(usage.sort(order), snapshot.usage.collect().sort(order))
    view = store.view()
    assert_frame_equal(usage.sort(order), view.usage.select(usage.columns).collect().sort(order))
    for coverage in (snapshot.coverage, view.coverage):
        assert ("workspace", ("model_apis", "serverless")) == (coverage.scope, coverage.products)
    with (
        pytest.raises(fu.StoreError, match="scope is 'workspace' there"),
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        store.sync("2025-03-01", client=client)


def test_a_store_keeps_one_workspace(emulator: fu.Emulator, tmp_path: Any) -> None:
    """Another workspace's rows would replace its own in silence."""
    other = TABLE.with_columns(username=pl.lit("another"))
    store = fu.UsageStore(tmp_path / "store")
    with client_of(emulator) as client:
        store.sync(DAYS[0], end=DAYS[1], client=client, scope="workspace")
    before = store.scan().collect()
    said = "workspace is 'studio' there and 'another' here"
    with (
        fu.Emulator(other) as elsewhere,
        client_of(elsewhere) as client,
        pytest.raises(fu.StoreError, match=said),
    ):
        store.sync(DAYS[0], end="2025-03-06", settle="9000d", client=client, scope="workspace")
    assert_frame_equal(before, store.scan().collect())


def test_what_was_loaded_can_be_served_again(emulator: fu.Emulator) -> None:
    """A workspace's table is served as it was loaded, apps and all."""
    usage = loaded(emulator).usage
    with fu.Emulator(usage) as again:
        assert_frame_equal(usage, loaded(again).usage)


def test_what_a_newcomer_gets_wrong_is_answered_in_the_terminal(
    emulator: fu.Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A serverless app named as an endpoint, a tag that no call has."""
    from click.testing import CliRunner

    from falusage.cli import cli

    monkeypatch.setenv("FAL_KEY", emulator.workspace_key)
    monkeypatch.delenv("FAL_ADMIN_KEY", raising=False)
    monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
    load = ["load", "--scope", "workspace", "--start", DAYS[0], "--end", DAYS[1]]
    for option, said in {
        ("--endpoint", "GPU-H100 (art)"): "is a serverless app; name it with --app",
        ("--tag", "customer=acme"): "nothing matched --tag customer=acme",
    }.items():
        done = CliRunner().invoke(cli, [*load, *option])
        assert 1 == done.exit_code
        assert said in done.stderr


def test_a_store_knows_its_workspace_without_rows(emulator: fu.Emulator, tmp_path: Any) -> None:
    """A range without usage belongs to its workspace as well; a key that has no name has none."""
    store = fu.UsageStore(tmp_path / "store")
    with fu.Emulator(TABLE.clear()) as elsewhere, client_of(elsewhere) as client:
        store.sync("2025-03-10", end="2025-03-12", client=client, scope="workspace")
    with client_of(emulator) as client, pytest.raises(fu.StoreError, match="'studio' here"):
        store.sync("2025-03-10", end="2025-03-12", client=client, scope="workspace")
    with (
        client_of(emulator, emulator.member_key) as client,
        pytest.raises(fu.StoreError, match="use a key that may read billing"),
    ):
        store.sync("2025-03-10", client=client, scope="workspace", product="model_apis")
