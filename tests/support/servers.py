"""Real servers that tests need, each on a private port of loopback: Redis and PostgreSQL.

    def test_something(redis_server: RedisServer) -> None:
        client = redis.Redis.from_url(redis_server.url)

A server is found on PATH, else installed by the system's package manager where we are root; else its tests are skipped,
with the reason. Import the fixtures where they are used, or name this module in `pytest_plugins`.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

REDIS_PROGRAMS = ("redis-server", "valkey-server", "dragonfly")
_START_SECONDS = 100.0


@dataclass(slots=True)
class RedisServer:
    """A Redis of one test session, with nothing in it. `stop` and `start` make it go away and come back."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        name = Path(self.program).name
        options = (
            ("--dbfilename", "", "--proactor_threads", "1", "--maxmemory", "512mb", "--noversion_check")
            if name == "dragonfly"
            else ("--save", "", "--appendonly", "no")
        )
        bound = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        self.process = _spawn((self.program, *bound, *options), self.folder / "log")
        _wait_for_port(self.port, self.process, self.folder / "log")

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a Redis; skip the test where there is none to be had."""
    program = _program(REDIS_PROGRAMS, "redis-server")
    with _folder("plano-redis-") as folder:
        server = RedisServer(program, folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run one Redis for the session: one for each process of xdist."""
    with running_redis() as server:
        yield server


@dataclass(slots=True)
class PostgresServer:
    """A PostgreSQL of one test session, with an empty database. `stop` and `start` make it go away and come back."""

    program: str
    folder: Path
    port: int
    as_user: list[str]
    options: tuple[str, ...] = ()
    user: str = "plano"
    database: str = "postgres"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{self.database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        where = ("-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1")
        # Nothing here has to outlast a crash.
        fast = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        command = (*self.as_user, self.program, "-D", str(self.folder / "data"), *where, *fast)
        self.process = _spawn((*command, *self.options), log)
        _wait_for_port(self.port, self.process, log)
        # It listens before it lets anyone in.
        _wait_for_words("ready to accept connections", log)

    def stop(self) -> None:
        """Cut its connections and end it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL; skip the test where there is none to be had."""
    initdb = _program(("initdb",), "postgresql", ("/usr/lib/postgresql/*/bin",))
    postgres = str(Path(initdb).resolve().parent / "postgres")
    if not Path(postgres).exists():
        postgres = shutil.which("postgres") or postgres
    with _folder("plano-postgres-") as folder:
        as_user = _without_root(folder)
        made = subprocess.run(
            [
                *as_user, initdb, "-D", str(folder / "data"), "-U", "plano", "-A", "trust", "--no-sync", "-E", "UTF8",
                "--locale=C",
            ],
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        server = PostgresServer(postgres, folder, free_port(), as_user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one PostgreSQL for the session: one for each process of xdist."""
    with running_postgres() as server:
        yield server


def _program(names: tuple[str, ...], package: str, folders: tuple[str, ...] = ()) -> str:
    found = _found(names, folders)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
        found = _found(names, folders)
    if found is None:
        pytest.skip(f"no {' or '.join(names)} on PATH, and it cannot be installed here")
    return found


def _found(names: tuple[str, ...], folders: tuple[str, ...]) -> str | None:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found:
        return found
    candidates = (path for one in folders for name in names for path in Path("/").glob(f"{one.lstrip('/')}/{name}"))
    return next((str(path) for path in candidates), None)


def _install(package: str) -> None:
    """Install a package, one process at a time; a policy keeps the system from starting its service."""
    with (Path(tempfile.gettempdir()) / "plano-test-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", package]):
            subprocess.run(command, env=environ, capture_output=True, check=False, timeout=300)


def _without_root(folder: Path) -> list[str]:
    """Return the beginning of a command line that gives up root, which PostgreSQL does not run as."""
    if os.geteuid() != 0:
        return []
    user = next((name for name in ("postgres", "nobody") if _is_user(name)), None)
    if user is None or not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root, and there is no other user to run it")
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spawn(command: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=log.parent)


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')}")


def _wait_for_words(words: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while words not in log.read_text(errors="replace"):
        assert time.monotonic() < until, f"the server is not ready:\n{log.read_text(errors='replace')}"
        time.sleep(0.05)
