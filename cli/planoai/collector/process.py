"""Starting a collector once, finding it again, stopping it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from planoai import ports
from planoai.collector.client import Client, Foreign, Unreachable
from planoai.drain import end
from planoai.errors import Failure
from planoai.home import Home, write

USUAL_PORT = 4317
VARIABLE = "PLANO_TRACE_PORT"
_MODULE = "planoai.collector.server"

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Collectors that this process started, which outlive it unless it ends them."""


@dataclass(frozen=True, slots=True)
class Running:
    """A collector that answers. `is_new` says that it was started by this command."""

    client: Client
    pid: int
    is_new: bool = False

    @property
    def port(self) -> int:
        """Where it takes spans."""
        return self.client.port

    @property
    def endpoint(self) -> str:
        """The URL that spans are sent to."""
        return f"http://{self.client.host}:{self.client.port}"


def address(home: Home, environ: Mapping[str, str], *, host: str | None = None, port: int | None = None) -> Client:
    """Return where the collector is looked for: as told, else by PLANO_TRACE_PORT, else where it was last started."""
    found = port or ports.named(environ, VARIABLE) or _written(home) or USUAL_PORT
    return Client(_reachable(host), found)


def running(client: Client) -> Running | None:
    """Return the collector at an address, None where nothing listens. Raises `Failure` for a stranger."""
    try:
        return Running(client, int(client.info()["pid"]))
    except Unreachable:
        if ports.problem(client.host, client.port) is None:
            return None
    except Foreign:
        pass
    raise Failure(
        f"port {client.port} is in use by {ports.holder(client.port)}, which is no collector of ours",
        f"choose another one: --port, or {VARIABLE}=0 for any",
    )


def ensure(
    home: Home,
    environ: Mapping[str, str],
    *,
    port: int | None = None,
    host: str | None = None,
    of_gateway: bool = False,
) -> Running:
    """Return the collector that runs, or start one that outlives this command.

    `of_gateway` ties it to the gateway, so that `planoai down` ends it.
    """
    asked = port if port is not None else ports.named(environ, VARIABLE)
    if asked or asked is None:
        known = address(home, environ, host=host, port=port)
        try:
            found = running(known)
        except Failure:
            if asked is not None:
                raise
            found = None  # a stranger has the usual port, and the next that is free will do
        if found is not None:
            return found
    chosen = ports.choose({} if asked is None else {VARIABLE: str(asked)}, VARIABLE, USUAL_PORT, ())
    return _start(home, environ, chosen, of_gateway=of_gateway)


def _start(home: Home, environ: Mapping[str, str], port: int, *, of_gateway: bool) -> Running:
    home.create()
    marks = {"PLANO_HOME": str(home.root)} | ({"PLANO_RUN": str(home.run)} if of_gateway else {})
    with (home.logs / "collector.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, "--host", ports.LOOPBACK, "--port", str(port)],
            env={**{k: v for k, v in environ.items() if k != "PLANO_RUN"}, **marks},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    _children[process.pid] = process
    assert process.stdout is not None
    try:
        with process.stdout as told:
            is_ready = told.readline().strip().isdigit()
        if is_ready:
            write(home.root / "collector.json", json.dumps({"port": port, "pid": process.pid}) + "\n")
    except BaseException:  # a Ctrl-C leaves none behind
        process.terminate()
        _children.pop(process.pid).wait()
        raise
    if not is_ready:
        _children.pop(process.pid).wait()
        raise Failure(f"the collector did not start on port {port}", f"see {home.logs / 'collector.log'}")
    return Running(Client(ports.LOOPBACK, port), process.pid, is_new=True)


def stop(home: Home, client: Client) -> bool:
    """End the collector at an address; return whether one ran."""
    found = running(client)
    if found is None:
        return False
    try:
        process = psutil.Process(found.pid)
        if _MODULE not in process.cmdline():
            raise Failure(f"process {found.pid} answers as a collector, but is none")
    except psutil.Error as error:
        raise Failure(f"the collector (process {found.pid}) cannot be stopped: {error}") from None
    end([process])
    if (child := _children.pop(found.pid, None)) is not None:
        child.wait()
    if _written(home) == client.port:
        (home.root / "collector.json").unlink(missing_ok=True)
    return True


def _written(home: Home) -> int | None:
    """Return the port of the collector that was started last in this home, if it still lives."""
    try:
        found = json.loads((home.root / "collector.json").read_text(encoding="utf-8"))
        port, pid = int(found["port"]), int(found["pid"])
        return port if _MODULE in psutil.Process(pid).cmdline() else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _reachable(host: str | None) -> str:
    return ports.LOOPBACK if host in (None, "", "0.0.0.0", "localhost") else host  # noqa: S104 - the peer's default
