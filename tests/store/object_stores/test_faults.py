"""What networks and servers do to a store on S3, Azure and GCS: named, and nothing is lost.

S3 is moto, Azure is azurite, behind a proxy that answers `startFrom` as Azure does, and GCS is
moto, behind one that translates the precondition of a commit.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage.errors import StoreError
from tests.store.object_stores.fault_proxy import Fault, Request, Rule
from tests.store.object_stores.servers import SERVICES, Service
from tests.world import BEGIN, DAY, World, spend

pytestmark = pytest.mark.slow

LONG = 60.0
Names = Callable[[], str]


def spent(table: pl.DataFrame | pl.LazyFrame) -> Counter[tuple[object, ...]]:
    """Return who spent what and when, as a bag."""
    return Counter(
        table.lazy().select("bucket", "username", "cost", "currency").collect().iter_rows()
    )


def nights(world: World, count: int) -> pl.DataFrame:
    """Let so many nights pass, and return what was spent in them."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(count)})
    world.on(BEGIN + count * DAY, usage)
    return usage


def clean(error: BaseException) -> str:
    """Return a message that a person may be shown."""
    text = str(error)
    assert not re.search(r"\x1b|<\w+|\n|↳|Generic|Error \{|Error performing", text)
    return text


@pytest.fixture(scope="module")
def kept(service: Service, world: World) -> fu.UsageStore:
    """A store with one night in it, for tests that only read it."""
    return one_night(service, "kept", world)


@pytest.fixture(scope="module")
def kept_on_s3(s3: Service, world: World) -> str:
    """The address of one on S3, for tests that add nothing to it."""
    one_night(s3, "kept-on-s3", world)
    return f"{s3.bucket}/kept-on-s3"


def one_night(service: Service, name: str, world: World) -> fu.UsageStore:
    """Return a store of the usage of one night."""
    usage = nights(world, 1)
    store = service.store(name)
    store.sync("2025-01-01", client=world.client)
    assert spent(usage) == spent(store.scan())
    return store


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AccessDenied", r"does not allow access \(403\); .*looked for are [AG]"),
        (404, "NoSuchBucket", "has no such bucket or container"),
        (503, "SlowDown", r"busy or has an outage \(503\); .*run this again later"),
        (400, "InvalidArgument", "the server answered 400"),
    ],
)
def test_an_outage_is_not_damage(
    service: Service, kept: fu.UsageStore, status: int, code: str, said: str
) -> None:
    """Listing, an entry of the log, a data file: what failed is named, and why, in a sentence."""
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>no</Message></Error>"
    entry = f"_delta_log/{1:020}.json"
    kinds: list[tuple[Callable[[Request], bool], str]] = [
        (lambda r: r.is_list, "kept.* cannot be listed: "),
        (lambda r: r.path.partition("?")[0].endswith(entry), f"{entry} "),
        (lambda r: ".parquet" in r.path, r"\.parquet "),
    ]
    for meets, where in kinds:
        with (
            service.proxy.breaking(lambda r: Fault(answer=(status, body)) if meets(r) else None),  # noqa: B023 - used at once
            pytest.raises(StoreError, match=where) as caught,
        ):
            kept.verify()
        assert "damaged" not in clean(caught.value)
        if "is missing" not in clean(caught.value):
            assert re.search(said, clean(caught.value))
    assert 2 == kept.verify()


def test_credentials_that_are_not_accepted(service: Service, kept: fu.UsageStore) -> None:
    """Are told from a right that is missing, by the code of the answer."""
    body = "<?xml version='1.0'?>\n<Error><Code>SignatureDoesNotMatch</Code></Error>"
    with (
        service.proxy.breaking(lambda _: Fault(answer=(403, body))),
        pytest.raises(StoreError, match=r"does not accept the credentials; check [AG]") as caught,
    ):
        kept.verify()
    clean(caught.value)


def test_a_cut_answer_is_not_damage(service: Service, kept: fu.UsageStore) -> None:
    """An entry or a data file of which half arrives was not read, so nothing is said of it."""
    for end in (f"{1:020}.json", ".parquet"):
        rule: Rule = lambda r: (  # noqa: E731
            Fault(cut=True)
            if r.method == "GET" and r.path.partition("?")[0].endswith(end)  # noqa: B023 - used at once
            else None
        )
        with (
            service.proxy.breaking(rule),
            pytest.raises(StoreError, match=f"{re.escape(end)} cannot be read: the connection"),
        ):
            kept.verify()
    assert 2 == kept.verify()


def test_a_commit_whose_reply_is_lost(service: Service, names: Names, world: World) -> None:
    """Is a commit: the sync goes on, and a compaction returns its version."""
    store = service.store(names())
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(4)})
    world.on(BEGIN + 20 * DAY, usage)
    store.sync("2025-01-01", end="2025-01-03", client=world.client)

    with service.proxy.breaking(lambda r: Fault(lose=True) if r.commits(2) else None):
        assert (2,) == store.sync("2025-01-01", end="2025-01-05", client=world.client).commits
    with service.proxy.breaking(lambda r: Fault(lose=True) if r.commits(3) else None):
        assert 3 == store.compact()
    assert spent(usage) == spent(store.scan())


def test_a_first_commit_whose_reply_is_lost(service: Service, names: Names, world: World) -> None:
    """Makes the store all the same, and so does the one that brings its first rows."""
    usage = nights(world, 1)
    store = service.store(names())
    lost: Rule = lambda r: Fault(lose=True) if r.commits(0) or r.commits(1) else None  # noqa: E731
    with service.proxy.breaking(lost):
        store.sync("2025-01-01", client=world.client)
    assert spent(usage) == spent(store.scan())


def test_night_after_night(service: Service, names: Names, world: World) -> None:
    """Each sync is a version; each version keeps its rows, and the last has all of them."""
    store = service.store(names())
    known = []
    for count in (1, 3):
        usage = nights(world, count)
        version = store.sync("2025-01-01", client=world.client).version
        known.append((version, spent(usage)))
    assert known[-1][1] == spent(store.scan())
    assert all(rows == spent(store.scan(version=version)) for version, rows in known)
    store.verify()


def test_a_commit_that_never_arrived(service: Service, names: Names, world: World) -> None:
    """Is no commit; the next sync makes it."""
    store = one_night(service, names(), world)
    usage = nights(world, 3)
    rule: Rule = lambda r: Fault(lose=True, reach=False) if r.commits(2) else None  # noqa: E731
    with (
        service.proxy.breaking(rule),
        pytest.raises(StoreError, match=r"was not written: .*run this again"),
    ):
        store.sync("2025-01-01", client=world.client)
    store.sync("2025-01-01", client=world.client)
    assert spent(usage) == spent(store.scan())


@pytest.mark.parametrize("when", ["before it is told", "after it has read it back"])
def test_a_server_without_conditional_put(
    s3: Service, names: Names, world: World, when: str
) -> None:
    """Of two commits that it accepts for one version, the one that is replaced raises.

    Azure has conditional PUT everywhere, and its signature covers the header.
    """
    name = names()
    one_night(s3, name, world)
    usage = nights(world, 3)
    late_waits, early_came, late_may, late_came = (threading.Event() for _ in range(4))

    def replace() -> None:
        late_may.set()
        late_came.wait(LONG)

    def meet(request: Request) -> Fault | None:
        if request.commits(2) and not late_waits.is_set():
            late_waits.set()
            late_may.wait(LONG)
            return Fault(without=("if-none-match",), then=late_came.set)
        if request.commits(2):
            early_came.set()
            is_told = when == "before it is told"
            return Fault(without=("if-none-match",), then=replace if is_told else None)
        is_read_back = request.path.endswith(f"{2:020}.json") and "range" in request.headers
        if early_came.is_set() and is_read_back and not late_may.is_set():
            return Fault(then=replace)
        return None

    def sync() -> Any:
        return s3.store(name).sync("2025-01-01", client=world.client)

    with s3.proxy.breaking(meet), ThreadPoolExecutor(1) as pool:
        late = pool.submit(sync)
        assert late_waits.wait(LONG)
        with pytest.raises(StoreError, match="let another writer replace version 2") as caught:
            sync()
        assert (2,) == late.result().commits

    assert "no conditional PUT" in clean(caught.value)
    assert "AWS S3, Cloudflare R2, MinIO" in clean(caught.value)
    assert spent(usage) == spent(s3.store(name).scan())


SYNC = """
import json, sys
import falusage as fu
place, options, url, key = sys.argv[1:]
with fu.UsageClient(key, base_url=url, workers=1) as client:
    fu.UsageStore(place, storage_options=json.loads(options)).sync("2025-01-01", client=client)
"""


@pytest.mark.parametrize(
    ("service", "reach"),
    [
        pytest.param("s3", False, id="s3, before its commit"),
        *(pytest.param(name, True, id=f"{name}, after its commit") for name in SERVICES),
    ],
    indirect=["service"],
    scope="module",
)
def test_a_sync_that_is_killed(service: Service, names: Names, world: World, reach: bool) -> None:
    """Has made its commit or has not; the next sync does the rest, and nothing counts twice."""
    name = names()
    store = one_night(service, name, world)
    usage = nights(world, 3)
    about = (f"{service.bucket}/{name}", json.dumps(service.options))
    whom = (world.client.base_url, world.emulator.api_key)
    child = subprocess.Popen([sys.executable, "-c", SYNC, *about, *whom])  # noqa: S603 - our own

    def kill() -> None:
        child.kill()
        child.wait(LONG)

    rule: Rule = lambda r: (  # noqa: E731
        Fault(reach=reach, lose=True, then=kill) if r.commits(2) else None
    )
    with service.proxy.breaking(rule):
        child.wait(LONG)

    assert -signal.SIGKILL == child.returncode
    assert (2 if reach else 1) == store.history()["version"].max()
    store.sync("2025-01-01", client=world.client)
    assert spent(usage) == spent(store.scan())
    assert usage.height == store.verify()


def test_syncs_that_race(service: Service, names: Names, world: World) -> None:
    """Write the same files at once: one wins, the others are told so, in words."""
    usage = nights(world, 5)
    name, ends = names(), list[object]()

    def sync() -> None:
        try:
            ends.append(service.store(name).sync("2025-01-01", client=world.client))
        except StoreError as error:
            ends.append(clean(error))

    threads = [threading.Thread(target=sync) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(isinstance(end, fu.SyncResult) for end in ends)
    assert all("was faster" in end for end in ends if isinstance(end, str))
    assert spent(usage) == spent(service.store(name).scan())


def test_an_unreachable_server_and_no_bucket(s3: Service, names: Names) -> None:
    """Each says what to do."""
    with pytest.raises(StoreError, match=r"cannot be reached; check .*AWS_ENDPOINT_URL") as caught:
        s3.store(names(), AWS_ENDPOINT_URL="http://127.0.0.1:9").history()
    clean(caught.value)
    with pytest.raises(StoreError, match="has no such bucket") as caught:
        fu.UsageStore("s3://no-bucket/usage", storage_options=s3.options).history()
    clean(caught.value)
    secure = s3.proxy.url.replace("http:", "https:")
    with pytest.raises(StoreError, match=r"no secure connection .*SSL_CERT_FILE") as caught:
        s3.store(names(), AWS_ENDPOINT_URL=secure).history()
    clean(caught.value)


@pytest.mark.parametrize(
    ("address", "variable"),
    [
        ("s3://bucket/usage", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("az://bucket/usage", "AZURE_STORAGE_ACCOUNT_NAME"),
        ("gs://bucket/usage", "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_no_credentials(address: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that are looked for are named."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    patience = {"retry_timeout": "1s", "max_retries": "0", "connect_timeout": "1s"}
    store = fu.UsageStore(address, storage_options=patience)
    with pytest.raises(StoreError, match=f"no credentials .*set {variable}") as caught:
        store.history()
    clean(caught.value)


COMMANDS = {
    "list": ("verify",),
    "entry": ("verify",),
    "part": ("verify",),
    "scan": ("report",),
    "write": ("sync", "--start", "2025-01-01"),
    "commit": ("sync", "--start", "2025-01-01"),
}


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("what", COMMANDS)
def test_ctrl_c_while_the_server_hangs(
    s3: Service, kept_on_s3: str, world: World, what: str
) -> None:
    """Ends a command, whatever of the store it was waiting for, long before the server answers."""
    nights(world, 3)
    hanging = threading.Event()
    meets: dict[str, Callable[[Request], bool]] = {
        "list": lambda r: r.is_list,
        "entry": lambda r: r.method == "GET" and r.path.endswith(".json"),
        "part": lambda r: r.method == "GET" and r.path.endswith(".parquet"),
        "scan": lambda r: r.method == "GET" and r.path.endswith(".parquet"),
        "write": lambda r: r.method in {"PUT", "POST"} and ".parquet" in r.path,
        "commit": lambda r: r.commits(2),
    }

    def rule(request: Request) -> Fault | None:
        if not meets[what](request):
            return None
        hanging.set()
        return Fault(hang=100, reach=False)

    command = [sys.executable, "-m", "falusage", *COMMANDS[what], "--store", kept_on_s3]
    environment = {
        **os.environ,
        **{key: value for key, value in s3.options.items() if key.startswith("AWS_")},
        "FAL_ADMIN_KEY": world.emulator.api_key,
        "FALUSAGE_BASE_URL": world.emulator.base_url,
    }
    with s3.proxy.breaking(rule):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)  # noqa: S603 - our own
        try:
            assert hanging.wait(LONG)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=LONG)
        finally:
            process.kill()
            process.communicate()
    assert (130, b"interrupted") == (process.returncode, told.strip())
