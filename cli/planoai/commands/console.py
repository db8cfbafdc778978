"""`planoai console`: a page that shows the gateway at work."""

import os
import webbrowser

import rich_click as click

from planoai.console.process import started
from planoai.console.serve import Page, serve
from planoai.home import home
from planoai.output import say


@click.command("console")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Its port; 0 is any.  [default: PLANO_CONSOLE_PORT, else 9093 or the next that is free]",
)
@click.option("--open", "opens", is_flag=True, help="Open it in a browser.")
def command(port: int | None, opens: bool) -> None:
    """Serve a page on loopback: live requests, traces, signals, cost, guards, providers, configuration, a playground.

    Its address holds a token, without which nothing is answered. The page goes on until Ctrl-C. A console that was
    started by `planoai up --console` is shown instead of a second one, unless --port is given.
    """
    place = home(os.environ)
    if port is None and (url := started(place)) is not None:
        say(f"The console of this gateway is [cyan]{url}[/]")
        if opens:
            webbrowser.open(url)
        return

    def tell(page: Page) -> None:
        say(f"Console on [cyan]{page.url}[/]; Ctrl-C ends it")
        if opens:
            webbrowser.open(page.url)

    serve(place, os.environ, port, tell)
