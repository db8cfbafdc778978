"""`PLANO_HOME`: where one gateway keeps what it needs while it runs.

    PLANO_HOME/
        lock                    held while a command changes what runs
        chatgpt/                a login to ChatGPT (`plano_extproc.providers.chatgpt.store`)
        run/
            config.yaml         the user's text, as it was validated
            envoy/              Envoy's configuration, rendered
            state.json          which ports, listeners and generation (`planoai.state`)
            sockets/            supervisord's and the workers'
            logs/               envoy.log extproc.log access.log supervisord.log

Folders are 0700 and files 0600. Everything under `run` but the logs is gone after `down`.
"""

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planoai.errors import Failure

MAX_SOCKET_PATH = 107
"""Bytes in the path of a Unix socket (`sun_path` in unix(7), less the closing NUL)."""

_LONGEST_SOCKET = "supervisord.sock.4194304"
"""supervisord binds `<socket>.<pid>` first and links it to its name; the largest pid has seven digits."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folders and files of one gateway. Nothing exists before `create`."""

    root: Path

    @property
    def run(self) -> Path:
        """The folder of the running gateway."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """The folder of the logs; it outlives the gateway."""
        return self.run / "logs"

    @property
    def envoy(self) -> Path:
        """The folder of Envoy's rendered configuration."""
        return self.run / "envoy"

    @property
    def config(self) -> Path:
        """The snapshot of the user's configuration that workers read when they start."""
        return self.run / "config.yaml"

    @property
    def state(self) -> Path:
        """What `planoai.state` writes."""
        return self.run / "state.json"

    @property
    def sockets(self) -> Path:
        """The folder of Unix sockets: in `run`, or a short one of our own under /tmp where that is too deep.

        It depends on the home alone, so that every command finds it, whatever its environment.
        """
        inside = self.run / "sockets"
        if len(os.fsencode(inside / _LONGEST_SOCKET)) <= MAX_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path("/tmp") / f"plano-{os.getuid()}-{digest}"  # noqa: S108 - owner and mode are checked below

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord listens."""
        return self.sockets / "supervisord.sock"

    def worker_socket(self, number: int) -> Path:
        """Return where worker `number`, counted from 0, listens."""
        return worker_socket(self.sockets, number)

    def create(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.run, self.logs, self.envoy, self.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.run, self.logs, self.envoy, self.sockets):
            _make_private(folder)

    def clear(self) -> None:
        """Remove what belonged to a running gateway; logs stay."""
        shutil.rmtree(self.sockets, ignore_errors=True)
        if not self.run.is_dir():
            return
        for entry in self.run.iterdir():
            if entry == self.logs:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one command; a second command that wants it fails at once."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Failure(
                f"the gateway's files cannot be kept in {self.root}: {error.strerror}",
                "set PLANO_HOME to a folder that you may write to",
            ) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure(
                    f"another planoai command is at work on {self.root}",
                    "wait until it has ended, then try again",
                ) from None
            yield
        finally:
            os.close(descriptor)


def worker_socket(folder: Path, number: int) -> Path:
    """Return the socket of worker `number` in a folder of sockets."""
    return folder / f"worker-{number}.sock"


def home(environ: Mapping[str, str]) -> Home:
    """Return the home that the environment names: `PLANO_HOME`, else `~/.plano`."""
    try:
        root = Path(environ.get("PLANO_HOME") or "~/.plano").expanduser()
    except RuntimeError:  # neither HOME nor an entry in the system's list of users
        raise Failure("there is no home folder to keep the gateway's files in", "set PLANO_HOME to a folder") from None
    return Home(root.absolute())


def write(path: Path, text: str) -> None:
    """Write a private file so that a reader sees the old text or the new, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    partial.replace(path)


def _make_private(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Failure(f"{folder} is not a folder of yours", "remove it, or choose another PLANO_HOME")
    folder.chmod(0o700)
