"""`planoai demo`: the gateway in front of a stand-in, shown at work."""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

import rich_click as click

from plano_extproc import resources
from planoai import ports, sources, startup
from planoai.demo.exchange import EXCHANGES, send
from planoai.demo.show import show
from planoai.demo.stand_in import stand_in
from planoai.drain import end, stop
from planoai.home import Home, home
from planoai.output import plain, say
from planoai.supervise import strays

WORKERS = 2
PORT = 12000
MARK = "PLANO_DEMO_RUN"
"""In the environment of the development model: whose it is."""


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="Stop everything after the prompts; the exit code is 1 when an answer was wrong."
)
def command(once: bool) -> None:
    """Run the gateway with a local development model, and send prompts through Envoy. Needs no key and no network."""
    signal.signal(signal.SIGTERM, _interrupt)
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
    say("[bold]Plano demo[/]: an OpenAI and an Anthropic provider, both played by a local development model\n")
    own = {
        "PLANO_HOME": str(place.root),
        "PLANO_ADMIN_PORT": "0",
        "PLANO_METRICS_PORT": "0",
        "PLANO_LISTEN_ADDRESS": "",
    }
    environ = {**os.environ, **own}
    place.create()
    with stand_in({**environ, MARK: str(place.run)}, place.logs / "model.log") as model_url:
        environ |= {"PLANO_DEMO_MODEL": model_url, "PLANO_DEMO_PORT": str(_port())}
        source = sources.read(resources.path("config/examples/demo.yaml"), environ)
        config = sources.accept(source)
        plan = startup.plan(place, source, config, workers=WORKERS)
        try:
            startup.await_ready(startup.launch(plan))
            url = next(endpoint.url for endpoint in plan.state.endpoints if endpoint.name == "demo")
            failed = _send_all(url)
            if not once:
                _invite(url, model_url, plan)
                threading.Event().wait()
        finally:
            stop(place, drain_seconds=0)
    return failed


def _send_all(url: str) -> int:
    failed = 0
    for exchange in EXCHANGES:
        outcome = send(url, exchange)
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


def _invite(url: str, model_url: str, plan: startup.Plan) -> None:
    say(f"""
gateway    [cyan]{url}[/]  [dim]for OpenAI clients with /v1 added, for Anthropic clients as it is[/]
metrics    [cyan]http://127.0.0.1:{plan.state.metrics_port}/metrics[/]
model      [cyan]{model_url}[/]  [dim]the stand-in itself[/]
logs       [cyan]{plain(str(plan.home.logs))}[/]

For a real model, replace one line in {plain(str(plan.source.file))}:
  [green]- {{model: openai/gpt-4o-mini, access_key: $OPENAI_API_KEY, default: true}}[/]

Ctrl-C stops everything""")


def _port() -> int:
    return PORT if ports.problem(ports.LOOPBACK, PORT) is None else ports.free()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
