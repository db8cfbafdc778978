"""What is particular to a backend: processes that share it, one that dies, a server that goes away."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plano_extproc.config import load
from plano_extproc.limits.claims import Claim, Sum
from plano_extproc.stores import MemoryStore, PostgresStore, RedisStore, SqliteStore, StoreError, limit_store
from tests.support.servers import PostgresServer, RedisServer, running_postgres, running_redis

ROOT = Path(__file__).parents[2]

TAKER = """
import asyncio, sys
from pathlib import Path
from plano_extproc.limits.claims import Claim
from plano_extproc.stores import PostgresStore, RedisStore, SqliteStore

async def main(where, key):
    kinds = {"redis": RedisStore, "postgresql": PostgresStore}
    kind = kinds.get(where.partition(":")[0])
    store = kind(where) if kind else SqliteStore(Path(where))
    granted = 0
    for _ in range(400):
        taken = await asyncio.gather(*(store.take([Claim(key, 1, 1, 1, 1000, 600)]) for _ in range(2)))
        granted += sum(one.is_granted for one in taken)
    await store.close()
    print(granted)

asyncio.run(main(*sys.argv[1:]))
"""


def take_in_processes(where: str, key: str, count: int) -> list[int]:
    command = [sys.executable, "-c", TAKER, where, key]
    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(count)]
    outputs = [taker.communicate(timeout=100)[0] for taker in takers]
    assert [taker.returncode for taker in takers] == [0] * count
    return [int(output) for output in outputs]


def test_processes_that_share_a_file_never_exceed_the_bound(tmp_path: Path) -> None:
    assert sum(take_in_processes(str(tmp_path / "s.sqlite"), "key", 2)) == 1000


def test_processes_that_share_a_redis_never_exceed_the_bound(redis_server: RedisServer) -> None:
    assert sum(take_in_processes(redis_server.url, "processes", 2)) == 1000


def test_processes_that_share_a_postgres_never_exceed_the_bound(postgres_server: PostgresServer) -> None:
    assert sum(take_in_processes(postgres_server.url, "processes", 2)) == 1000


ADDER = """
import asyncio, sys
from pathlib import Path
from plano_extproc.limits.claims import Sum
from plano_extproc.stores import SqliteStore

async def main(path):
    store = SqliteStore(Path(path))
    while True:
        total = await store.add([Sum("n", 1), Sum("twin", 1)])
        print(total[0], flush=True)

asyncio.run(main(sys.argv[1]))
"""


def test_what_a_killed_worker_has_counted_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with subprocess.Popen([sys.executable, "-c", ADDER, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as adder:
        assert adder.stdout is not None
        lines = [adder.stdout.readline() for _ in range(300)]
        adder.send_signal(signal.SIGKILL)
        lines += adder.stdout.read().splitlines(keepends=True)
    told = max(int(line) for line in lines if line.endswith(b"\n"))

    n, twin = asyncio.run(counted(path))
    assert n >= told
    assert n == twin


async def counted(path: Path) -> list[int]:
    store = SqliteStore(path)
    totals = await store.add([Sum("n", 0), Sum("twin", 0)])
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return totals


async def test_a_lock_that_another_holds_is_waited_for_without_blocking_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = SqliteStore(path)
    await store.set("a", b"1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.set("a", b"2"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await waiting

    assert await store.get("a") == b"2"
    await store.close()


async def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "s.sqlite"
    store = SqliteStore(path)
    await store.set("a", b"1")

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    await store.close()


async def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    store = SqliteStore(path)

    with pytest.raises(StoreError, match=r"s\.sqlite does not answer: file is not a database"):
        await store.get("a")


async def test_what_has_expired_is_removed_in_time(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    now = [1000.0]
    store = SqliteStore(path, now=lambda: now[0])
    await store.take([Claim("old", 1, 1, 1, 5, 1.0)])
    await store.set("old", b"", 1.0)
    now[0] += 10
    for number in range(2000):
        await store.set("new", b"%d" % number)
    await store.close()

    db = sqlite3.connect(path)
    assert db.execute("SELECT key FROM entries").fetchall() == [("new",)]
    assert db.execute("SELECT count(*) FROM slots").fetchone() == (0,)
    db.close()


async def test_memory_keeps_no_more_than_it_may() -> None:
    store = MemoryStore(most=10)
    for number in range(50):
        await store.set(f"k{number:02}", b"")
        await store.take([Claim(f"k{number:02}", 1, 1, 1, 1, 60)])

    assert [key for key, _ in await store.scan("k")] == [f"k{number}" for number in range(40, 50)]


async def test_a_redis_that_goes_away_fails_soon_and_is_found_again() -> None:
    with running_redis() as server:
        clock = [0.0]
        store = RedisStore(server.url, pause=5.0, clock=lambda: clock[0])
        await store.set("a", b"1")
        server.stop()
        with pytest.raises(StoreError, match="does not answer"):
            await store.get("a")
        server.start()
        with pytest.raises(StoreError, match="was away a moment ago"):
            await store.get("a")
        clock[0] += 6

        assert await store.swap("a", None, b"2")
        assert await store.get("a") == b"2"
        await store.close()


async def test_a_redis_that_hangs_is_given_up(redis_server: RedisServer) -> None:
    assert redis_server.process is not None
    store = RedisStore(redis_server.url)
    await store.set("a", b"1")
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match="TimeoutError"):
            await store.get("a")
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)
    await store.close()


def test_a_url_that_cannot_be_read_is_a_clear_error() -> None:
    with pytest.raises(StoreError, match="the Redis URL cannot be read"):
        RedisStore("http://host")


HEAD = "version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k}]\n"
REDIS = HEAD + "routing: {session_cache: {type: redis, url: 'redis://127.0.0.1:1/0'}}\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (HEAD, SqliteStore),
        (REDIS, RedisStore),
        (REDIS + "overrides: {limit_store: sqlite}\n", SqliteStore),
        (HEAD + "overrides: {limit_store: 'rediss://u:p@h:6380/1'}\n", RedisStore),
        (HEAD + "governance: {store: 'redis://127.0.0.1:1'}\n", RedisStore),
        (HEAD + "governance: {store: sqlite}\n", SqliteStore),
    ],
)
def test_limits_are_counted_in_the_redis_that_the_file_names(
    text: str, kind: Callable[..., object], tmp_path: Path
) -> None:
    config = load(text, environ={}, name="c").config
    assert config is not None

    assert type(limit_store(config, tmp_path)) is kind


async def test_the_oldest_go_when_memory_is_full() -> None:
    store = MemoryStore(most_bytes=1000)
    for number in range(20):
        await store.set(f"{number:02}", bytes(98))
    for key in ("11", "20", "21"):
        await store.set(key, bytes(98))

    assert [key for key, _ in await store.scan("")] == ["11", *(str(number) for number in range(13, 22))]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_oldest_go_when_a_store_is_full(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store = (
        SqliteStore(tmp_path / "s.sqlite", most_bytes=100_000)
        if kind == "sqlite"
        else PostgresStore(request.getfixturevalue("postgres_server").url, most_bytes=100_000)
    )
    for number in range(300):
        await store.set(f"full:{number:03}", bytes(1000))
        await asyncio.sleep(0)
    for _ in range(500):
        await store.set("full:299", bytes(1000))
        kept = [key for key, _ in await store.scan("full:")]
        if len(kept) <= 110:
            break
        await asyncio.sleep(0.01)
    await store.close()

    assert 50 < len(kept) <= 110
    assert kept == [f"full:{number:03}" for number in range(300 - len(kept), 300)]


async def test_a_postgres_that_comes_back_is_used_again() -> None:
    with running_postgres() as server:
        clock = [0.0]
        store = PostgresStore(server.url, pause=5.0, clock=lambda: clock[0])
        await store.set("a", b"1")
        server.stop()
        with pytest.raises(StoreError, match="does not answer"):
            await store.get("a")
        with pytest.raises(StoreError, match="a moment ago"):
            await store.get("a")
        server.start()
        found = None
        for _ in range(400):
            clock[0] += 6
            with contextlib.suppress(StoreError):
                found = await store.get("a")
                break
            await asyncio.sleep(0.05)
        await store.close()

        assert found == b"1"


async def test_a_postgres_that_was_never_there_is_a_store_error() -> None:
    store = PostgresStore("postgresql://someone:secret@127.0.0.1:1/none")
    with pytest.raises(StoreError) as raised:
        await store.get("a")
    await store.close()

    assert "secret" not in str(raised.value)


def test_a_url_that_is_none_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        PostgresStore("postgresql://host:port:port/secret?x")


async def test_nodes_that_start_at_once_make_the_tables_once() -> None:
    with running_postgres() as server:
        stores = [PostgresStore(server.url) for _ in range(4)]
        await asyncio.gather(*(store.set(f"k{number}", b"v") for number, store in enumerate(stores)))

        assert len(await stores[0].scan("k")) == 4
        for store in stores:
            await store.close()


FILLER = """
import asyncio, resource, sys
from pathlib import Path
from plano_extproc.stores import SqliteStore, StoreError

async def main(path):
    store = SqliteStore(Path(path), durable=True)
    await store.set("first", b"1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    kept = 0
    try:
        for number in range(1000):
            await store.set(f"n{number:03}", bytes(10_000))
            kept = number + 1
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.set("last", b"1")
    found = await store.scan("n")
    assert len(found) == kept, (len(found), kept)
    assert await store.get("first") == b"1"
    await store.close()
    print("kept")

asyncio.run(main(sys.argv[1]))
"""


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLER, str(tmp_path / "s.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=110)

    assert done.returncode == 0, done.stderr
    assert "does not answer" in done.stdout
    assert done.stdout.endswith("kept\n")


def certified(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that nobody has signed but itself, and its key."""
    key, certificate = folder / "server.key", folder / "server.crt"
    made = subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "1", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=plano",
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return certificate, key


async def test_a_postgres_that_wants_tls_is_checked_by_its_certificate(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    with running_postgres() as server:
        server.stop()
        certificate, key = certified(tmp_path)
        for path in (certificate, key):
            shutil.copy(path, server.folder / path.name)
            owner = (server.folder / "data").stat()
            os.chown(server.folder / path.name, owner.st_uid, owner.st_gid)
            (server.folder / path.name).chmod(0o600)
        (server.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        server.options = (
            "-c", "ssl=on", "-c", f"ssl_cert_file={server.folder / certificate.name}",
            "-c", f"ssl_key_file={server.folder / key.name}",
        )  # fmt: skip
        server.start()
        checked = PostgresStore(f"{server.url}?sslmode=verify-full&sslrootcert={certificate}")
        await checked.set("a", b"1")
        assert await checked.get("a") == b"1"
        await checked.close()
        for mode in ("disable", f"verify-full&sslrootcert={tmp_path / 'none.crt'}"):
            refused = PostgresStore(f"{server.url}?sslmode={mode}")
            with pytest.raises(StoreError):
                await refused.get("a")
            await refused.close()
