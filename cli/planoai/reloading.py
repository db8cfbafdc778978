"""Applying a changed configuration to a running gateway, without dropping a request.

    clusters    the old and the new, so that whoever still decides by the old configuration finds its own
    workers     the environment and the snapshot for those that start later, then each running one in turn
    routes      of the new generation, and listeners
    wait        until every listener's /readyz speaks for the new generation
    undo        all of it, in the same order, when a worker or Envoy refuses

Clusters that only the previous generation used stay until the reload after: an exchange may begin with a slow body
under the old configuration and name one of them much later. Unused, they cost nothing.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from plano_extproc import render
from plano_extproc.config import Config
from plano_extproc.config.telemetry import COLLECTOR
from plano_extproc.render import Cluster
from planoai import control, ports, rendering
from planoai.errors import Failure
from planoai.home import Home, write
from planoai.probe import Admin, ask
from planoai.sources import Source
from planoai.state import Endpoint, State
from planoai.supervise import Supervisor

_WAIT_SECONDS = 20.0
_ENVOY_SECONDS = 5.0
_POLL_SECONDS = 0.05
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_ALWAYS = ("PLANO_LISTEN_ADDRESS", COLLECTOR)
"""Variables that a configuration depends on without naming them."""


def variables(text: str) -> list[str]:
    """Return the names of the variables that a configuration may refer to."""
    return sorted({*_VARIABLE.findall(text), *_ALWAYS})


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration as workers and Envoy get it. `clusters` are its own; `files` may hold older ones too."""

    text: str
    name: str
    environment: Mapping[str, str]
    generation: int
    files: Mapping[str, str]
    clusters: tuple[Cluster, ...]


class Reload:
    """One reload of the gateway of a home."""

    def __init__(self, home: Home, state: State) -> None:
        self._home = home
        self._state = state
        self._supervisor = Supervisor(home)
        self._admin = Admin(state.admin_port)

    def apply(self, source: Source, config: Config) -> State:
        """Apply a configuration and return the new state, which is saved; raise `Failure` where the old one stays."""
        new = self._prepare(source, config)
        old = self._current(new)
        endpoints = rendering.endpoints(config)
        self._state.tried(new.generation).save(self._home)
        try:
            self._apply(new)
            self._await(endpoints, new.generation)
        except BaseException:
            self._apply(old)
            raise
        state = replace(
            self._state.tried(new.generation),
            file=str(source.file.absolute()) if source.file else self._state.file,
            generation=new.generation,
            endpoints=endpoints,
            clusters=tuple(asdict(cluster) for cluster in new.clusters),
            max_body_bytes=config.overrides.max_body_bytes,
        )
        state.save(self._home)
        return state

    def _prepare(self, source: Source, config: Config) -> Version:
        state = self._state
        self._refuse_what_needs_a_start(config)
        generation = state.last_generation + 1
        topology = rendering.topology_of(
            self._home,
            config,
            workers=state.workers,
            admin_port=state.admin_port,
            metrics_port=state.metrics_port,
            generation=generation,
        )
        both = replace(topology, clusters=_union(topology.clusters, _clusters(state)))
        files = render.files(both)
        if files["bootstrap.yaml"] != (self._home.envoy / "bootstrap.yaml").read_text(encoding="utf-8"):
            raise Failure(
                "this change touches what Envoy reads only when it starts", "run `planoai down`, then `planoai up`"
            )
        environment = {name: source.environ[name] for name in variables(source.text) if name in source.environ}
        return Version(source.text, source.name, environment, generation, files, topology.clusters)

    def _current(self, new: Version) -> Version:
        text = self._home.config.read_text(encoding="utf-8")
        names = sorted({*variables(text), *new.environment})
        return Version(
            text,
            self._state.file or "config.yaml",
            self._supervisor.environment(names),
            self._state.generation,
            {name: (self._home.envoy / name).read_text(encoding="utf-8") for name in new.files},
            _clusters(self._state),
        )

    def _refuse_what_needs_a_start(self, config: Config) -> None:
        if config.overrides.max_body_bytes > self._state.max_body_bytes:
            raise Failure(
                "overrides.max_body_bytes cannot grow while the gateway runs", "run `planoai down`, then `planoai up`"
            )
        old = {entry.port: entry for entry in self._state.endpoints}
        for entry in rendering.endpoints(config):
            before = old.get(entry.port)
            if before is None:
                if (reason := ports.problem(entry.address, entry.port)) is not None:
                    raise Failure(
                        f"listener '{entry.name}': {ports.explain(entry.address, entry.port, reason)}",
                        "stop what holds the port, or give the listener another one",
                    )
            elif (before.name, before.address) != (entry.name, entry.address):
                # Envoy would close one listener and open another: whoever calls in between is refused.
                raise Failure(
                    f"listener '{before.name}' cannot change its name or address on port {entry.port} while it serves",
                    "run `planoai down`, then `planoai up`",
                )

    def _apply(self, version: Version) -> None:
        # The gate of a provider that is watched over is a listener, and part of its cluster.
        has_gates = "internal_listener" in version.files["lds.yaml"]
        self._tell_envoy(version, "cds.yaml", *(["lds.yaml"] if has_gates else []))
        write(self._home.config, version.text)
        self._supervisor.set_environment({**version.environment, "PLANO_GENERATION": str(version.generation)})
        for socket in self._running_workers():
            control.reload(
                socket,
                text=version.text,
                name=version.name,
                environment=version.environment,
                generation=version.generation,
            )
        self._tell_envoy(version, "rds.yaml", "lds.yaml")

    def _running_workers(self) -> list[Path]:
        """Return the sockets of workers that run; others read the snapshot when supervisord starts them again."""
        running = {program.name for program in self._supervisor.programs() or () if not program.is_dead}
        sockets = (self._home.worker_socket(number) for number in range(self._state.workers))
        return [socket for socket in sockets if socket.stem in running]

    def _tell_envoy(self, version: Version, *names: str) -> None:
        """Write files, and wait until Envoy has read them; raise when it refuses one."""
        for name in names:
            kind = name.removesuffix(".yaml")
            before = self._admin.updates(kind)
            is_changed = (self._home.envoy / name).read_text(encoding="utf-8") != version.files[name]
            render.write({name: version.files[name]}, self._home.envoy)
            deadline = time.monotonic() + _ENVOY_SECONDS
            while is_changed and before is not None and time.monotonic() < deadline:
                after = self._admin.updates(kind)
                if after is not None and after.rejected > before.rejected:
                    raise Failure(
                        f"Envoy refused the new {name}; the old configuration stays",
                        f"see {self._home.logs / 'envoy.log'}",
                    )
                if after is not None and after.accepted > before.accepted and not after.warming:
                    break
                time.sleep(_POLL_SECONDS)

    def _await(self, endpoints: Iterable[Endpoint], generation: int) -> None:
        waiting = list(endpoints)
        deadline = time.monotonic() + _WAIT_SECONDS
        while waiting:
            waiting = [endpoint for endpoint in waiting if not _serves(endpoint, generation)]
            if time.monotonic() > deadline:
                names = ", ".join(f"'{endpoint.name}'" for endpoint in waiting)
                raise Failure(
                    f"listener {names} does not serve the new configuration after {_WAIT_SECONDS:g} s; the old stays",
                    f"see {self._home.logs / 'envoy.log'}",
                )
            time.sleep(_POLL_SECONDS)


def _serves(endpoint: Endpoint, generation: int) -> bool:
    """Say whether Envoy's route there is of this generation or a later one, and a worker serves it."""
    reply = ask(f"{endpoint.url}/readyz")
    if reply is None or reply.status != 200:
        return False
    try:
        wanted = json.loads(reply.body)["wanted"]
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(wanted, int) and wanted >= generation


def _clusters(state: State) -> tuple[Cluster, ...]:
    return tuple(Cluster(**fields) for fields in state.clusters)


def _union(new: Iterable[Cluster], old: Iterable[Cluster]) -> tuple[Cluster, ...]:
    return tuple({cluster.name: cluster for cluster in (*old, *new)}.values())
