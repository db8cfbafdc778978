"""supervisord, which keeps Envoy and the workers running: started, asked, stopped.

It is asked over XML-RPC on its Unix socket (http://supervisord.org/api.html). Every process of a gateway carries
`PLANO_RUN` in its environment, so that what a crash left behind is found without trusting a written pid.
"""

import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from plano_extproc import resources
from planoai.home import Home, write

DRAIN_SECONDS = 30
"""How long a graceful end may take unless told otherwise."""

RPC_TIMEOUT = 5.0

_MODULE = "supervisor.supervisord"

DEAD = frozenset({"BACKOFF", "EXITED", "FATAL", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process. `state` is supervisord's word: STARTING, RUNNING, BACKOFF, FATAL, ..."""

    name: str
    state: str
    pid: int
    uptime: float
    reason: str

    @property
    def is_dead(self) -> bool:
        """It ended, or could not be started; supervisord may be about to try again."""
        return self.state in DEAD

    @property
    def log(self) -> str:
        """The file in the log folder that holds its output."""
        return "envoy.log" if self.name == "envoy" else "extproc.log"


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs from one gateway to the next in `supervisord.conf`."""

    home: Home
    workers: int
    envoy: str
    envoy_concurrency: int
    envoy_log_level: str
    directory: Path
    """Where both run: the folder of the user's file, so that relative paths in it mean what they say."""

    def environment(self) -> dict[str, str]:
        """Return the variables that `supervisord.conf` reads. Values that land in a command are quoted for it."""
        home = self.home
        return {
            "PLANO_RUN": str(home.run),
            "PLANO_SOCKETS": str(home.sockets),
            "PLANO_DIRECTORY": str(self.directory),
            "PLANO_WORKERS": str(self.workers),
            "PLANO_PYTHON": shlex.quote(sys.executable),
            "PLANO_CONFIG": shlex.quote(str(home.config)),
            "PLANO_LISTEN": shlex.quote(f"unix:{home.sockets}"),
            "PLANO_ENVOY": shlex.quote(self.envoy),
            "PLANO_BOOTSTRAP": shlex.quote(str(home.envoy / "bootstrap.yaml")),
            "PLANO_ENVOY_CONCURRENCY": str(self.envoy_concurrency),
            "PLANO_ENVOY_LOG_LEVEL": self.envoy_log_level,
            "PLANO_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "PLANO_STOP_SECONDS": str(DRAIN_SECONDS + 5),
        }


class Supervisor:
    """The running supervisord of a home. Methods return None or False when it does not answer."""

    def __init__(self, home: Home) -> None:
        self._server = xmlrpc.client.ServerProxy(
            "http://supervisord/RPC2", transport=_UnixTransport(home.supervisor_socket), allow_none=True
        )

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._server, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None
        finally:
            # What stays, such as the console, leaves no connection open from one question to the next.
            self._server("close")()

    def pid(self) -> int | None:
        """Return its process id."""
        found = self._call("supervisor.getPID")
        return found if isinstance(found, int) else None

    def programs(self) -> list[Program] | None:
        """Return every supervised process, in order of name."""
        found = self._call("supervisor.getAllProcessInfo")
        if not isinstance(found, list):
            return None
        return sorted((_program(entry) for entry in found), key=lambda program: (program.name != "envoy", program.name))

    def shutdown(self) -> bool:
        """Ask it to stop everything, Envoy first, and then itself."""
        return self._call("supervisor.shutdown") is True

    def environment(self, names: list[str]) -> dict[str, str]:
        """Return those of its variables that have these names; workers start with them."""
        found = self._call("plano.environment", names)
        return json.loads(found.data) if isinstance(found, xmlrpc.client.Binary) else {}

    def set_environment(self, variables: Mapping[str, str]) -> bool:
        """Let workers that start from here on see these variables."""
        # XML has no way to write most control characters; base64 of JSON carries any value.
        return self._call("plano.setEnvironment", xmlrpc.client.Binary(json.dumps(dict(variables)).encode())) is True


def start(settings: Settings, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start supervisord in a session of its own; it outlives this command, and no Ctrl-C of a terminal reaches it."""
    command = [sys.executable, "-m", _MODULE, "-c", str(resources.path("supervisord.conf"))]
    if os.geteuid() == 0:
        command += ["--user", "root"]  # silences the advice to say so
    write(settings.home.run / "supervisord.err", "")
    with (settings.home.run / "supervisord.err").open("ab") as errors:
        return subprocess.Popen(
            command,
            cwd=settings.home.run,
            env={**environ, **settings.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            umask=0o077,  # supervisord's own setting counts only where it makes itself a daemon
        )


def is_supervisor(process: psutil.Process) -> bool:
    """Say whether a process is a supervisord of ours."""
    try:
        return _MODULE in process.cmdline()
    except psutil.Error:
        return False


def strays(home: Home, mark: str = "PLANO_RUN") -> list[psutil.Process]:
    """Return every process whose environment says that it belongs to this home, whoever its parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(mark) == str(home.run):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _program(info: Mapping[str, Any]) -> Program:
    state = str(info["statename"])
    uptime = max(0.0, float(info["now"] - info["start"])) if state in {"STARTING", "RUNNING", "STOPPING"} else 0.0
    reason = str(info.get("spawnerr") or info.get("description") or "")
    return Program(str(info["name"]), state, int(info["pid"]), uptime, reason)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=RPC_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        made = _UnixConnection(self._path)
        self._connection = host, made  # so that `close` finds it
        return made
