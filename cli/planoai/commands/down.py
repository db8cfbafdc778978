"""`planoai down`: stop the gateway."""

import os

import rich_click as click

from planoai.drain import stop
from planoai.home import home
from planoai.output import say
from planoai.supervise import DRAIN_SECONDS, strays


@click.command("down")
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=DRAIN_SECONDS,
    show_default=True,
    help="How long requests in flight may take to end.",
)
def command(drain_seconds: float) -> None:
    """Drain and stop the gateway of this PLANO_HOME; nothing of it is left running."""
    place = home(os.environ)
    if not place.run.exists() and not place.sockets.exists() and not strays(place):
        say(f"Nothing runs in {place.root}")
        return
    with place.locked():
        ran = stop(place, drain_seconds=drain_seconds, note=say)
    say("Stopped" if ran else f"Nothing runs in {place.root}")
