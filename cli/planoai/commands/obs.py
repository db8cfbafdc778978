"""`planoai obs`: a live view of the calls of models."""

import os
import sys
import time

import rich_click as click
from rich.console import Console
from rich.live import Live

from planoai import interrupt
from planoai.collector import pricing, process
from planoai.collector.board import board
from planoai.collector.calls import Calls
from planoai.collector.client import Foreign, Unreachable
from planoai.errors import Failure
from planoai.home import home
from planoai.output import print_json

_WIDEST = 160


@click.command("obs")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The collector's port.  [default: PLANO_TRACE_PORT, or 4317]"
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the collector is.")
@click.option("--capacity", type=click.IntRange(min=1), default=1000, show_default=True, help="Calls that are kept.")
@click.option(
    "--refresh-ms", type=click.IntRange(min=50), default=500, show_default=True, help="Time between two looks."
)
@click.option("--config", "file", metavar="FILE", help="Take prices from the source that FILE names.")
@click.option("--pricing-provider", type=click.Choice(("digitalocean", "models.dev")), help="Take prices from there.")
@click.option("--pricing-url", metavar="URL", help="Its address.")
@click.option("--json", "as_json", is_flag=True, help="Print what is known so far as JSON, and end.")
def command(
    port: int | None,
    host: str,
    capacity: int,
    refresh_ms: int,
    file: str | None,
    pricing_provider: str | None,
    pricing_url: str | None,
    as_json: bool,
) -> None:
    """Show requests, routes, models, tokens, cost and latency as they come.

    The collector is the one of `planoai trace` and `up --with-tracing`; where none runs, one is started, and ends with
    this command. Costs are those that spans tell, else by the prices of the built-in catalogue.
    """
    place = home(os.environ)
    prices = pricing.source(file, pricing_provider, pricing_url, os.environ)
    calls = Calls(capacity, prices)
    if as_json:
        client = process.address(place, os.environ, host=host, port=port)
        try:
            for trace in reversed(client.traces()):
                calls.take(trace)
        except (Unreachable, Foreign) as error:
            raise Failure(str(error), "start one with `planoai trace listen`") from None
        print_json(calls.snapshot(recent=capacity))
        return
    interrupt.on_terminate()
    try:
        collector = process.ensure(place, os.environ, port=port, host=host)
        try:
            _watch(collector, calls, refresh_ms / 1000)
        finally:
            if collector.is_new:
                process.stop(place, collector.client)
    except KeyboardInterrupt:
        return
    except (Unreachable, Foreign) as error:
        raise Failure(str(error)) from None


def _watch(collector: process.Running, calls: Calls, pause: float) -> None:
    console = Console(highlight=False)
    if console.width > _WIDEST:
        console.width = _WIDEST
    about = f"collector on {collector.endpoint}"
    after = 0
    with Live(console=console, screen=sys.stdout.isatty(), auto_refresh=False) as live:
        while True:
            sequence = int(collector.client.info()["sequence"])
            if sequence != after:
                for trace in reversed(collector.client.traces(after=after)):
                    calls.take(trace)
                after = sequence
            live.update(board(calls.snapshot(), about, width=console.width), refresh=True)
            time.sleep(pause)
