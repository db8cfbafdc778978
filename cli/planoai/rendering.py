"""From a configuration to what Envoy is to look like."""

from pathlib import Path

from plano_extproc import render
from plano_extproc.config import Config
from plano_extproc.render import Topology
from planoai.home import Home, worker_socket
from planoai.state import Endpoint


def topology(
    config: Config,
    *,
    folder: Path,
    sockets: Path,
    workers: int,
    admin_port: int,
    metrics_port: int,
    generation: int,
    access_log: str,
) -> Topology:
    """Return the topology with workers on Unix sockets in one folder, and Envoy's files in another."""
    return render.topology(
        config,
        folder=str(folder),
        workers=tuple(f"unix:{worker_socket(sockets, number)}" for number in range(workers)),
        admin_port=admin_port,
        metrics_port=metrics_port,
        generation=generation,
        access_log=access_log,
    )


def topology_of(
    home: Home, config: Config, *, workers: int, admin_port: int, metrics_port: int, generation: int
) -> Topology:
    """Return the topology of the gateway that `up` and `reload` run in a home."""
    return topology(
        config,
        folder=home.envoy,
        sockets=home.sockets,
        workers=workers,
        admin_port=admin_port,
        metrics_port=metrics_port,
        generation=generation,
        access_log=str(home.logs / "access.log"),
    )


def endpoints(config: Config) -> tuple[Endpoint, ...]:
    """Return the listeners that Envoy opens for clients."""
    return tuple(Endpoint(entry.name, entry.type, entry.address, entry.port) for entry in config.listeners)
