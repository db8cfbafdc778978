"""`planoai demo`: the gateway in front of a stand-in, shown at work."""

import os
import threading
from collections.abc import Mapping

import rich_click as click

from plano_extproc import resources
from planoai import interrupt, ports, sources, startup
from planoai.demo import governed
from planoai.demo.exchange import send
from planoai.demo.scenes import EXCHANGES, SCENES
from planoai.demo.show import announce, show
from planoai.demo.stand_in import stand_ins
from planoai.drain import end, stop
from planoai.home import Home, home
from planoai.output import plain, say
from planoai.supervise import strays

WORKERS = 2
PORTS = {
    "PLANO_DEMO_PORT": 12000,
    "PLANO_DEMO_TRAVEL_PORT": 8001,
    "PLANO_DEMO_UNIFIED_PORT": 8002,
    "PLANO_DEMO_PLANNERS_PORT": 12001,
}
"""Where the listeners are, if nothing else is there."""
MARK = "PLANO_DEMO_RUN"
"""In the environment of the demo's servers: whose they are."""


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="Stop everything after the prompts; the exit code is 1 when an answer was wrong."
)
def command(once: bool) -> None:
    """Run the gateway with a local development model and sample agents, and send prompts through Envoy.

    Needs no key and no network.
    """
    interrupt.on_terminate()
    place = Home(home(os.environ).root / "demo")
    with place.locked():
        try:
            failed = _run(place, once=once)
        except KeyboardInterrupt:
            say("\nstopped")
            failed = int(once)
    if failed:
        raise SystemExit(1)


def _run(place: Home, *, once: bool) -> int:
    # A demo that was killed leaves its processes behind.
    end(strays(place, MARK))
    stop(place, drain_seconds=0)
    say("[bold]Plano demo[/]: two providers, both played by a local development model, and five sample agents\n")
    own = {
        "PLANO_HOME": str(place.root),
        "PLANO_ADMIN_PORT": "0",
        "PLANO_METRICS_PORT": "0",
        "PLANO_LISTEN_ADDRESS": "",
    }
    environ = {**os.environ, **own}
    place.create()
    with stand_ins({**environ, MARK: str(place.run)}, place.logs) as urls:
        host = urls["PLANO_DEMO_PLATFORM"].removeprefix("http://")
        environ |= {**urls, "PLANO_DEMO_PLATFORM_HOST": host, **_ports()}
        source = sources.read(resources.path("config/examples/demo.yaml"), environ)
        config = sources.accept(source)
        plan = startup.plan(place, source, config, workers=WORKERS)
        try:
            startup.await_ready(startup.launch(plan))
            at = {endpoint.name: endpoint.url for endpoint in plan.state.endpoints}
            failed = _send_all(at) + governed.show(place, at["planners"], {**environ, MARK: str(place.run)})
            if not once:
                _invite(at, plan)
                threading.Event().wait()
        finally:
            stop(place, drain_seconds=0)
    return failed


def _send_all(at: Mapping[str, str]) -> int:
    failed = 0
    for scene in SCENES:
        announce(scene)
        for exchange in scene.exchanges:
            outcome = send(at[exchange.listener], exchange)
            show(exchange, outcome)
            failed += bool(outcome.wrong)
    count = len(EXCHANGES)
    verdict = (
        f"[bold red]{failed} of {count} answers were wrong[/]"
        if failed
        else f"[bold green]all {count} answers were right[/]"
    )
    say(verdict)
    return failed


def _invite(at: Mapping[str, str], plan: startup.Plan) -> None:
    say(f"""
models     [cyan]{at["demo"]}[/]  [dim]for OpenAI clients with /v1 added, for Anthropic clients as it is[/]
agents     [cyan]{at["travel"]}[/]  [dim]weather and flights[/]
unified    [cyan]{at["platform"]}[/]  [dim]functions, then agents[/]
metrics    [cyan]http://127.0.0.1:{plan.state.metrics_port}/metrics[/]
logs       [cyan]{plain(str(plan.home.logs))}[/]

For a real model, replace one line in {plain(str(plan.source.file))}:
  [green]- {{model: openai/gpt-4o-mini, access_key: $OPENAI_API_KEY, default: true}}[/]

Ctrl-C stops everything""")


def _ports() -> dict[str, str]:
    return {
        name: str(port if ports.problem(ports.LOOPBACK, port) is None else ports.free()) for name, port in PORTS.items()
    }
