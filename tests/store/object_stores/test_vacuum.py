"""A store in a bucket that others use too: a real server of S3, on this machine."""

from __future__ import annotations

import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store._parts import write_part
from falusage.store._place import Place
from tests.store.object_stores.servers import Service
from tests.world import BEGIN, DAY, World, spend

pytestmark = pytest.mark.slow


class Bucket:
    """A bucket, looked into with another client than the store's."""

    def __init__(self, url: str, name: str) -> None:
        import boto3

        key, secret = "someone", "nothing"
        self.options = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        self.name = name
        self._client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, content: bytes = b"someone's work") -> None:
        """Put an object."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def keys(self) -> set[str]:
        """List all keys."""
        return {
            found["Key"] for found in self._client.list_objects_v2(Bucket=self.name)["Contents"]
        }

    def store(self, path: str) -> fu.UsageStore:
        """Open a store in it."""
        return fu.UsageStore(f"s3://{self.name}/{path}", storage_options=self.options)


@pytest.fixture
def bucket(s3: Service, request: pytest.FixtureRequest) -> Bucket:
    """A bucket of the test's own."""
    return Bucket(s3.proxy.url, request.node.name.replace("_", "-")[:63])


def nights(world: World, store: fu.UsageStore) -> None:
    """Sync two nights, all days restated in the second."""
    for night in range(3, 5):
        usage = spend({BEGIN + at * DAY: [4, night] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        store.sync("2025-01-01", client=world.client)


def test_what_others_keep_stays(world: World, bucket: Bucket) -> None:
    """A payroll, a log and another store below ours stay; our own orphans go."""
    store = bucket.store("usage")
    nights(world, store)
    for key in (
        "payroll/june.csv",
        "usage/payroll/june.csv",
        "usage/logs/app.log",
        "usage/2025-01/notes.txt",
        f"usage/2025-01/20250101T000000Z_20250102T000000Z-{'0a' * 32}.parquet",
        "usage/2024-12/_delta_log/00000000000000000000.json",
        f"usage/2024-12/20241201T000000Z_20241202T000000Z-{'0a' * 32}.parquet",
        "usage2/_delta_log/00000000000000000000.json",
    ):
        bucket.put(key)
    had = bucket.keys()
    orphan = write_part(
        Place.of(f"s3://{bucket.name}/usage", bucket.options),
        spend({BEGIN: [9]}),
        timezone="UTC",
    ).part.path
    assert [] == store.vacuum()
    assert [orphan] == store.vacuum(orphans="0h", dry_run=True)
    assert {*had, f"usage/{orphan}"} == bucket.keys()

    assert [orphan] == store.vacuum(orphans="0h")

    assert had | {"usage/_delta_log/00000000000000000003.json"} == bucket.keys()
    superseded = store.vacuum(older_than="0d", orphans="0h")
    assert superseded
    assert had - {f"usage/{path}" for path in superseded} <= bucket.keys()
    assert 8 == store.verify()


def test_a_place_that_holds_something_else(world: World, bucket: Bucket) -> None:
    """A bucket or a folder in use is refused, as on disk; the same for one inside a store."""
    bucket.put("payroll/june.csv")
    bucket.put("hollow/")  # as a console makes a folder
    bucket.put("pre/fix")
    had = bucket.keys()
    world.on(BEGIN + DAY, spend({BEGIN: [4]}))
    for path, said in {
        "": "not empty: it holds 'hollow' and 2 more;",
        "payroll": "not empty: it holds 'june.csv';",
        "payroll/": "not empty: it holds 'june.csv';",
    }.items():
        with pytest.raises(StoreError, match=said):
            bucket.store(path).sync("2025-01-01", client=world.client)
    assert had == bucket.keys()

    for path in ("hollow", "pre/fixed", "p", "teams/a/usage"):
        store = bucket.store(path)
        store.sync("2025-01-01", client=world.client)
        assert 1 == store.verify()
    had = bucket.keys()
    for path, above in {
        "p/x": "p",
        "p/2025-01": "p",
        "teams/a/usage/b/c": "teams/a/usage",
        "p/_delta_log": "p",
    }.items():
        with pytest.raises(StoreError, match=f"is inside the store.* at s3://.*/{above};"):
            bucket.store(path).sync("2025-01-01", client=world.client)
    with pytest.raises(StoreError, match="not empty: it holds 'usage'"):
        bucket.store("teams/a").sync("2025-01-01", client=world.client)
    assert had == bucket.keys()


def test_a_store_in_the_bucket_itself(world: World, bucket: Bucket) -> None:
    """An empty bucket may be a store; nothing else may be put below it."""
    store = bucket.store("")
    nights(world, store)
    assert 8 == store.verify()
    assert [] == store.vacuum(orphans="0h")
    with pytest.raises(StoreError, match=f"at s3://{bucket.name};"):
        bucket.store("teams/b").sync("2025-01-01", client=world.client)
    assert 8 == bucket.store("").verify()
