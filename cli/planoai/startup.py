"""Bringing a gateway up: ports, files, processes, and the wait until every listener serves.

plan    everything that can fail without a process: ports, the Envoy binary, an earlier gateway
launch  files and supervisord
await_ready
        polls listeners and processes; whatever dies on the way ends the start, with its last words
"""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from plano_extproc import render
from plano_extproc.config import Config
from plano_extproc.render import Topology
from planoai import machine, ports, rendering, tail
from planoai.drain import stop
from planoai.errors import Failure
from planoai.home import Home, write
from planoai.output import diagnose
from planoai.probe import Admin, is_ready
from planoai.sources import Source
from planoai.state import Endpoint, State
from planoai.state import load as load_state
from planoai.supervise import Program, Settings, Supervisor, is_supervisor, start, strays

START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_SHOWN_LINES = 15


@dataclass(frozen=True, slots=True)
class Plan:
    """A gateway that can be started."""

    home: Home
    source: Source
    config: Config
    settings: Settings
    topology: Topology
    state: State


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway whose supervisord runs. `logged` says how long each log was before."""

    plan: Plan
    process: subprocess.Popen[bytes]
    logged: Mapping[str, int]


def plan(home: Home, source: Source, config: Config, *, workers: int | None) -> Plan:
    """Return what would be started; raises `Failure` where it cannot be."""
    refuse_second(home)
    endpoints = rendering.endpoints(config)
    _check_ports(endpoints)
    taken = {endpoint.port for endpoint in endpoints}
    admin = ports.choose(source.environ, "PLANO_ADMIN_PORT", 9901, taken)
    metrics = ports.choose(source.environ, "PLANO_METRICS_PORT", 9092, taken | {admin})
    settings = Settings(
        home=home,
        workers=workers or machine.cores(),
        envoy=machine.envoy_path(source.environ),
        envoy_concurrency=machine.envoy_concurrency(source.environ),
        envoy_log_level=machine.envoy_log_level(source.environ),
        directory=source.folder,
    )
    topology = rendering.topology_of(
        home, config, workers=settings.workers, admin_port=admin, metrics_port=metrics, generation=1
    )
    state = State(
        file=str(source.file.absolute()) if source.file else None,
        generation=topology.generation,
        last_generation=topology.generation,
        workers=settings.workers,
        admin_port=admin,
        metrics_port=metrics,
        started_at=time.time(),
        max_body_bytes=topology.max_body_bytes,
        endpoints=endpoints,
        clusters=tuple(asdict(cluster) for cluster in topology.clusters),
    )
    return Plan(home, source, config, settings, topology, state)


def refuse_second(home: Home) -> None:
    """Raise when a gateway runs in this home. What a crash left behind is removed, with a word about it."""
    pid = Supervisor(home).pid()
    if pid is not None:
        state = load_state(home)
        what = f" with {state.file}" if state and state.file else ""
        raise Failure(
            f"a gateway runs already in {home.root} (supervisord is process {pid}){what}",
            "`planoai reload` applies a changed file, `planoai down` stops it",
            "another PLANO_HOME runs a second one beside it",
        )
    left = strays(home)
    if (silent := next((process for process in left if is_supervisor(process)), None)) is not None:
        raise Failure(
            f"a gateway runs already in {home.root}, but its supervisord (process {silent.pid}) does not answer",
            "`planoai down` stops it",
        )
    if left or home.state.exists():
        names = ", ".join(f"process {process.pid}" for process in left) or "files only"
        diagnose("note", f"cleaning up after a gateway in {home.root} that ended without `planoai down` ({names})")
        stop(home, drain_seconds=0)


def launch(plan: Plan) -> Started:
    """Write the run folder and start supervisord."""
    home, state = plan.home, plan.state
    home.create()
    write(home.config, plan.source.text)
    render.write(render.files(plan.topology), home.envoy)
    state.save(home)
    logged = {path.name: path.stat().st_size for path in home.logs.glob("*.log")}
    process = start(plan.settings, {**plan.source.environ, "PLANO_GENERATION": str(state.generation)})
    return Started(plan, process, logged)


@contextmanager
def undone_on_failure(home: Home) -> Iterator[None]:
    """Leave nothing running and no files when the block does not come to its end, by error, Ctrl-C or signal."""
    try:
        yield
    except BaseException:
        stop(home, drain_seconds=0)
        raise


def await_ready(started: Started) -> None:
    """Return when every listener is ready and every worker listens; raise `Failure` when a process dies."""
    home, state = started.plan.home, started.plan.state
    supervisor, admin = Supervisor(home), Admin(state.admin_port)
    waiting = list(state.endpoints)
    sockets = [home.worker_socket(number) for number in range(state.workers)]
    pids: dict[str, int] = {}
    deadline = time.monotonic() + START_SECONDS
    while waiting or sockets:
        if started.process.poll() is not None:
            raise Failure("supervisord ended while starting; it says:", quoted=_supervisor_words(home))
        for program in supervisor.programs() or ():
            if program.is_dead or (program.pid and pids.setdefault(program.name, program.pid) != program.pid):
                raise _died(started, program)
        updates = admin.updates()
        if updates is not None and updates.rejected:
            raise Failure("Envoy refused its configuration; it says:", quoted=_last_words(started, "envoy.log"))
        sockets = [path for path in sockets if not _answers(path)]
        waiting = [endpoint for endpoint in waiting if not is_ready(endpoint)]
        if time.monotonic() > deadline:
            raise _too_slow(started, waiting)
        time.sleep(_POLL_SECONDS)


def _check_ports(endpoints: tuple[Endpoint, ...]) -> None:
    busy = [
        f"listener '{endpoint.name}': {ports.explain(endpoint.address, endpoint.port, reason)}"
        for endpoint in endpoints
        if (reason := ports.problem(endpoint.address, endpoint.port)) is not None
    ]
    if len(busy) == 1:
        raise Failure(busy[0], "stop what holds the port, or give the listener another one")
    if busy:
        raise Failure("ports of several listeners cannot be opened", *busy)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(os.fspath(path))
        except OSError:
            return False
    return True


def _died(started: Started, program: Program) -> Failure:
    # supervisord forgets the status of what ended within its first second; its log does not.
    log = "\n".join(_last_words(started, "supervisord.log"))
    found = re.search(rf"(?:exited|gave up): {re.escape(program.name)} \(([^;)]*)", log)
    reason = found.group(1) if found else program.reason
    return Failure(
        f"{program.name} ended while the gateway was starting ({reason}); its last words:",
        quoted=_last_words(started, program.log),
    )


def _too_slow(started: Started, waiting: list[Endpoint]) -> Failure:
    names = ", ".join(f"{endpoint.name} on {endpoint.url}" for endpoint in waiting) or "a worker"
    return Failure(
        f"not ready after {START_SECONDS:g} s: {names}; the logs end with:",
        quoted=[*_last_words(started, "envoy.log"), *_last_words(started, "extproc.log")],
    )


def _last_words(started: Started, name: str) -> list[str]:
    path = started.plan.home.logs / name
    return tail.last_lines(path, _SHOWN_LINES, since=started.logged.get(name, 0)) or [f"(nothing in {path})"]


def _supervisor_words(home: Home) -> list[str]:
    found = tail.last_lines(home.run / "supervisord.err", _SHOWN_LINES)
    return found or tail.last_lines(home.logs / "supervisord.log", _SHOWN_LINES)
