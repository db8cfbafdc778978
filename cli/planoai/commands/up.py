"""`planoai up`: start the gateway."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import rich_click as click
from rich.markup import escape

from plano_extproc.config.telemetry import COLLECTOR, effective
from planoai import foreground, interrupt, sources, startup
from planoai.collector import process
from planoai.console.process import start as start_console
from planoai.errors import Failure
from planoai.greeting import greet
from planoai.home import home
from planoai.output import diagnose, say, working

DEFAULT_PORT = 12000


@click.command("up")
@click.argument("file", required=False)
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option("--foreground", "in_foreground", is_flag=True, help="Show the logs and stay until Ctrl-C or SIGTERM.")
@click.option("--with-tracing", is_flag=True, help="Start a local trace collector too.")
@click.option("--tracing-port", type=click.IntRange(1, 65535), help="Its port.  [default: PLANO_TRACE_PORT, or 4317]")
@click.option("--console", "with_console", is_flag=True, help="Serve the web console too, and collect traces for it.")
@click.option("--docker", is_flag=True, help="Say how to run it in a container, and end.")
@click.option(
    "--listener-port", type=click.IntRange(1, 65535), help="The port of a zero configuration.  [default: 12000]"
)
@click.option("--workers", type=click.IntRange(1, 256), help="Sidecar processes.  [default: one per core]")
@click.option("-v", "--verbose", is_flag=True, help="Say what is done.")
def command(
    file: str | None,
    folder: str,
    in_foreground: bool,
    with_tracing: bool,
    tracing_port: int | None,
    with_console: bool,
    docker: bool,
    listener_port: int | None,
    workers: int | None,
    verbose: bool,
) -> None:
    """Start the gateway for FILE, else for config.yaml or plano_config.yaml in the folder.

    Without any of them it serves every provider whose key is in the environment, on loopback.
    """
    begun = time.monotonic()
    if docker:
        raise Failure(
            "`up` starts no container",
            "build the image with `docker build -t plano .`, then: "
            "docker run -p 12000:12000 -v ./config.yaml:/app/plano_config.yaml:ro --env-file .env plano",
        )
    interrupt.on_terminate()
    source = _source(file, folder, listener_port)
    config = sources.accept(source)
    place = home(os.environ)
    with place.locked():
        plan = startup.plan(place, source, config, workers=workers)
        if verbose:
            _describe(plan)
        with startup.undone_on_failure(place):
            if with_tracing or with_console:
                plan = _traced(plan, tracing_port)
            with working("starting Envoy and the workers"):
                started = startup.launch(plan)
                startup.await_ready(started)
            console = start_console(place, plan.source.environ) if with_console else None
            signals = foreground.Signals() if in_foreground else None
    # Whoever reads the greeting may ask at once, and wants to see it.
    logs = foreground.logs(place) if in_foreground else ()
    if verbose:
        say(f"[dim]ready after {time.monotonic() - begun:.1f} s[/]")
    greet(plan)
    if console is not None:
        say(f"console [cyan]{console}[/]")
    if signals is not None:
        sys.stdout.flush()
        raise SystemExit(foreground.stay(started, signals, logs))


def _source(file: str | None, folder: str, listener_port: int | None) -> sources.Source:
    if file is None and not Path(folder).is_dir():
        raise Failure(f"--path {folder} is not a folder")
    found = sources.locate(file, folder)
    if found is None:
        return sources.zero(folder, os.environ, listener_port or DEFAULT_PORT)
    if listener_port is not None:
        diagnose("warning", f"--listener-port has no effect: the listeners are those of {found}")
    return sources.read(found, os.environ)


def _traced(plan: startup.Plan, port: int | None) -> startup.Plan:
    """Return the plan of a gateway that sends its spans to a local collector, which runs from here on."""
    environ = plan.source.environ
    collector = process.ensure(plan.home, environ, port=port, of_gateway=True)
    if not collector.is_new:
        diagnose("note", f"spans go to the collector that runs already on {collector.endpoint}")
    environ = {**environ, COLLECTOR: collector.endpoint}
    tracing = effective(plan.config.tracing, environ, is_configured=True)
    return replace(
        plan,
        source=replace(plan.source, environ=environ),
        config=plan.config.model_copy(update={"tracing": tracing}),
        topology=replace(plan.topology, sampling=tracing.random_sampling, reads_usage=True),
        state=replace(plan.state, trace_port=collector.port),
    )


def _describe(plan: startup.Plan) -> None:
    settings, state = plan.settings, plan.state
    say(f"[dim]home {escape(str(plan.home.root))}, sockets {escape(str(plan.home.sockets))}[/]")
    say(f"[dim]envoy {escape(settings.envoy)}, {settings.envoy_concurrency} threads[/]")
    say(f"[dim]{settings.workers} workers in {escape(str(settings.directory))}[/]")
    say(f"[dim]admin port {state.admin_port}, metrics port {state.metrics_port}[/]")
