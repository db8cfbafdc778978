"""The `plano-extproc` command: the ext_proc server alone, without Envoy."""

import atexit
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import rich_click as click

from plano_extproc import __version__

_NUMBER = "%d"

_ROOM = {
    "counter": 1 << 20,
    "histogram": 1 << 20,
    **dict.fromkeys(("gauge_livemax", "gauge_livemin", "gauge_livesum", "gauge_max"), 1 << 16),
}
"""Bytes of each file of figures of one process, by what prometheus_client calls it: a thousand of them take 150 KB."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="plano-extproc %(version)s")
def main() -> None:
    """Run the ext_proc server that Envoy asks about each request."""


@main.command()
@click.option("--config", "config", type=click.Path(path_type=Path), required=True, help="The configuration file.")
@click.option(
    "--listen",
    multiple=True,
    default=("unix:plano-extproc-%d.sock",),
    show_default=True,
    help="Where to serve gRPC: unix:PATH or HOST:PORT; may be given more than once. %d is the worker's number.",
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="How many processes.")
@click.option(
    "--egress",
    metavar="ADDRESS",
    help="Where Envoy takes this server's own requests: unix:PATH or HOST:PORT. "
    "Default: egress.sock beside the first socket of --listen.",
)
@click.option("--worker-number", type=int, default=0, hidden=True)
@click.option("--parent", type=int, default=os.getppid, hidden=True)
@click.option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics of all workers here.")
@click.option(
    "--drain-seconds",
    type=float,
    default=30.0,
    show_default=True,
    help="How long a stop waits for exchanges.",
)
def serve(
    config: Path,
    listen: tuple[str, ...],
    workers: int,
    egress: str | None,
    worker_number: int,
    parent: int,
    metrics: str | None,
    drain_seconds: float,
) -> None:
    """Serve until SIGTERM, then drain. SIGHUP reads the configuration anew."""
    logging.basicConfig(level=_log_level(), format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    if workers > 1 and any(_NUMBER not in address for address in listen):
        raise click.UsageError("with several workers every --listen needs a %d, so that each has an address of its own")
    _share_metrics(listen)
    if metrics:
        _serve_metrics(metrics)
    if workers > 1:
        from plano_extproc.server.processes import Processes

        common = ["serve", "--config", str(config), "--drain-seconds", str(drain_seconds)]
        addresses = [word for address in listen for word in ("--listen", address)]
        addresses += ["--egress", egress] if egress else []
        # Told, since a worker that looked for itself might come too late: then it would outlive us.
        common += ["--parent", str(os.getpid())]
        commands = [[*common, *addresses, "--worker-number", str(number)] for number in range(workers)]
        sys.exit(Processes(commands).run())
    own = tuple(address.replace(_NUMBER, str(worker_number)) for address in listen)
    sys.exit(_work(config, own, egress, drain_seconds, parent))


def _work(config: Path, listen: tuple[str, ...], egress: str | None, drain_seconds: float, parent: int) -> int:
    try:
        _reserve(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    except OSError as error:
        click.echo(f"no room for {sum(_ROOM.values())} bytes of figures: {error}", err=True)
        return 1
    # Imported here, since the parent of several workers needs none of it.
    from plano_extproc.server.control import ConfigurationError
    from plano_extproc.server.worker import Settings, Worker

    generation = int(os.environ.get("PLANO_GENERATION", "1"))
    try:
        worker = Worker(Settings(config, listen, generation, drain_seconds, egress, parent))
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        return 1
    try:
        worker.run()
    except (OSError, RuntimeError) as error:
        click.echo(f"cannot serve on {', '.join(listen)}: {error}", err=True)
        return 1
    return 0


def _share_metrics(listen: tuple[str, ...]) -> None:
    """Give all workers of one gateway one folder for their figures: beside their sockets, else one for the while."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return
    sockets = [Path(address.removeprefix("unix:")) for address in listen if address.startswith("unix:")]
    if sockets:
        folder = sockets[0].parent / "metrics"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"cannot make the folder of the workers' figures: {error}") from None
    else:
        folder = Path(tempfile.mkdtemp(prefix="plano-metrics-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _reserve(folder: Path) -> None:
    """Have the disk give now what this process's figures need. Raises `OSError` where it cannot.

    They are mapped into memory: a page that a full disk cannot give later would end the process in midst of its work.
    """
    for kind, size in _ROOM.items() if hasattr(os, "posix_fallocate") else ():
        with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def _serve_metrics(address: str) -> None:
    from prometheus_client import start_http_server

    from plano_extproc.telemetry.metrics import registry_of_all

    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise click.UsageError(f"--metrics wants HOST:PORT, not '{address}'")
    start_http_server(int(port), addr=host or "127.0.0.1", registry=registry_of_all())


def _log_level() -> str:
    name = os.environ.get("LOG_LEVEL", "info").upper()
    known = logging.getLevelNamesMapping()
    # The peer's LOG_LEVEL also takes the words of Rust and Envoy.
    return {"TRACE": "DEBUG", "WARN": "WARNING"}.get(name, name if name in known else "INFO")
