"""What networks and servers do to a store on S3 and Azure: named as it is, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fault_proxy import Fault, Request

import falusage as fu
from falusage.errors import StoreError

pytestmark = pytest.mark.slow

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Names = Callable[[], str]


def filled(service: Any, name: str, world: Any, say: SimpleNamespace, nights: int = 3) -> Any:
    """Return a store of so many nights, and what was spent in them."""
    store = service.store(name)
    for night in range(1, nights + 1):
        usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        store.sync("2025-01-01", client=world.client)
    return store, usage


def clean(error: BaseException) -> str:
    """Return a message that a person may be shown."""
    text = str(error)
    assert not re.search(r"\x1b|<\w+|\n|↳|Generic|Error \{|Error performing", text)
    return text


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AccessDenied", r"refuses access \(403\); .*looked for are A"),
        (403, "SignatureDoesNotMatch", "does not accept the credentials; check A"),
        (404, "NoSuchBucket", "has no such bucket or container"),
        (503, "SlowDown", r"busy or has an outage \(503\); .*run this again later"),
        (400, "InvalidArgument", "the server answered 400"),
    ],
)
def test_an_outage_is_not_damage(  # noqa: PLR0917 - fixtures
    service: Any, names: Names, world: Any, say: SimpleNamespace, status: int, code: str, said: str
) -> None:
    """Listing, an entry of the log, a data file: what failed is named, and why, in a sentence."""
    name = names()
    store, usage = filled(service, name, world, say)
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>no</Message></Error>"
    entry = f"_delta_log/{2:020}.json"
    kinds = [
        (lambda r: r.is_list, f"{name}.* cannot be listed: "),
        (lambda r: r.path.partition("?")[0].endswith(entry), f"{entry} "),
        (lambda r: ".parquet" in r.path, r"\.parquet "),
    ]
    for meets, where in kinds:
        with (
            service.proxy.breaking(lambda r: Fault(answer=(status, body)) if meets(r) else None),  # noqa: B023 - used at once
            pytest.raises(StoreError, match=where) as caught,
        ):
            store.verify()
        assert "damaged" not in clean(caught.value)
        if "is missing" not in clean(caught.value):
            assert re.search(said, clean(caught.value))
    assert say.bag(usage) == say.bag(store.scan())


def test_a_cut_answer_is_not_damage(
    service: Any, names: Names, world: Any, say: SimpleNamespace
) -> None:
    """An entry or a data file of which half arrives was not read, so nothing is said of it."""
    store, _ = filled(service, names(), world, say)
    for end in (f"{2:020}.json", ".parquet"):
        rule = lambda r: (  # noqa: E731
            Fault(cut=True)
            if r.method == "GET" and r.path.partition("?")[0].endswith(end)  # noqa: B023 - used at once
            else None
        )
        with (
            service.proxy.breaking(rule),
            pytest.raises(StoreError, match=f"{re.escape(end)} cannot be read: the connection"),
        ):
            store.verify()


def test_a_commit_whose_reply_is_lost(
    service: Any, names: Names, world: Any, say: SimpleNamespace
) -> None:
    """Is a commit: the sync goes on, and a compaction returns its version."""
    store = service.store(names())
    usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(4)})
    world.on(BEGIN + 20 * DAY, usage)
    store.sync("2025-01-01", end="2025-01-03", client=world.client)

    with service.proxy.breaking(lambda r: Fault(lose=True) if r.commits(2) else None):
        assert (2,) == store.sync("2025-01-01", end="2025-01-05", client=world.client).commits
    with service.proxy.breaking(lambda r: Fault(lose=True) if r.commits(3) else None):
        assert 3 == store.compact()
    assert say.bag(usage) == say.bag(store.scan())


def test_a_first_commit_whose_reply_is_lost(
    service: Any, names: Names, world: Any, say: SimpleNamespace
) -> None:
    """Makes the store all the same."""
    usage = say.spend({BEGIN: [4, 2]})
    world.on(BEGIN + 2 * DAY, usage)
    store = service.store(names())
    with service.proxy.breaking(lambda r: Fault(lose=True) if r.commits(0) else None):
        store.sync("2025-01-01", client=world.client)
    assert say.bag(usage) == say.bag(store.scan())


def test_a_commit_that_never_arrived(
    service: Any, names: Names, world: Any, say: SimpleNamespace
) -> None:
    """Is no commit; the next sync makes it."""
    store, _ = filled(service, names(), world, say, nights=1)
    usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(3)})
    world.on(BEGIN + 3 * DAY, usage)
    rule = lambda r: Fault(lose=True, reach=False) if r.commits(2) else None  # noqa: E731
    with (
        service.proxy.breaking(rule),
        pytest.raises(StoreError, match=r"was not written: .*run this again"),
    ):
        store.sync("2025-01-01", client=world.client)
    store.sync("2025-01-01", client=world.client)
    assert say.bag(usage) == say.bag(store.scan())


def test_a_server_without_conditional_put(
    s3: Any, names: Names, world: Any, say: SimpleNamespace
) -> None:
    """Of two commits that it accepts for one version, the one that is lost raises."""
    name = names()
    filled(s3, name, world, say, nights=1)
    usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(3)})
    world.on(BEGIN + 3 * DAY, usage)
    both = threading.Barrier(2)

    def meet(request: Request) -> Fault | None:
        if not request.commits(2):
            return None
        both.wait(30)
        return Fault(without=("if-none-match",))

    ends: list[object] = []

    def sync() -> None:
        try:
            ends.append(s3.store(name).sync("2025-01-01", client=world.client))
        except StoreError as error:
            ends.append(clean(error))

    threads = [threading.Thread(target=sync) for _ in range(2)]
    with s3.proxy.breaking(meet):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    (refused,) = (end for end in ends if isinstance(end, str))
    assert "no conditional PUT" in refused
    assert "AWS S3, Cloudflare R2, MinIO" in refused
    assert say.bag(usage) == say.bag(s3.store(name).scan())


def test_syncs_that_race(service: Any, names: Names, world: Any, say: SimpleNamespace) -> None:
    """Write the same files at once: one wins, the others are told so, in words."""
    usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(5)})
    world.on(BEGIN + 5 * DAY, usage)
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
    assert say.bag(usage) == say.bag(service.store(name).scan())


def test_an_unreachable_server_and_no_bucket(s3: Any, names: Names) -> None:
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


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("what", ["list", "entry", "part", "write", "commit"])
def test_ctrl_c_while_the_server_hangs(
    s3: Any, names: Names, world: Any, say: SimpleNamespace, what: str
) -> None:
    """Ends the process at once, whatever it was waiting for."""
    name = names()
    filled(s3, name, world, say, nights=1)
    usage = say.spend({BEGIN + at * DAY: [4, 2] for at in range(3)})
    world.on(BEGIN + 3 * DAY, usage)
    act = {
        "part": "store.scan().collect()",
        "write": "store.sync('2025-01-01', client=client)",
        "commit": "store.sync('2025-01-01', client=client)",
    }.get(what, "store.verify()")
    program = (
        "import falusage as fu\n"
        f"store = fu.UsageStore({s3.bucket + '/' + name!r}, storage_options={s3.options!r})\n"
        f"with fu.UsageClient({world.emulator.api_key!r}, "
        f"base_url={world.client.base_url!r}) as client:\n    {act}\n"
    )
    hanging = threading.Event()
    meets: dict[str, Callable[[Request], bool]] = {
        "list": lambda r: r.is_list,
        "entry": lambda r: r.method == "GET" and ".json" in r.path,
        "part": lambda r: r.method == "GET" and ".parquet" in r.path,
        "write": lambda r: r.method in {"PUT", "POST"} and ".parquet" in r.path,
        "commit": lambda r: r.commits(2),
    }

    def rule(request: Request) -> Fault | None:
        if not meets[what](request):
            return None
        hanging.set()
        return Fault(hang=100)

    with s3.proxy.breaking(rule):
        process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)  # noqa: S603 - our own
        try:
            assert hanging.wait(60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)  # the hang takes a hundred
        finally:
            process.kill()
            process.wait()
    assert b"KeyboardInterrupt" in said
    s3.proxy.stopped.set()
    s3.proxy.stopped = threading.Event()
