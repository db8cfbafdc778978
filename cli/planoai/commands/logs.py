"""`planoai logs`: the access log, and with --debug what Envoy and the workers say."""

import os
from pathlib import Path

import rich_click as click

from planoai import tail
from planoai.errors import Failure
from planoai.home import home

ACCESS = ("access.log",)
DEBUG = ("access.log", "envoy.log", "extproc.log")


@click.command("logs")
@click.option("--debug", is_flag=True, help="Add Envoy's log and the workers'.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=100, show_default=True, help="Last lines of each log."
)
def command(debug: bool, follow: bool, lines: int) -> None:
    """Show the access log: one JSON object per exchange."""
    place = home(os.environ)
    paths = [place.logs / name for name in (DEBUG if debug else ACCESS)]
    if not follow and not any(path.exists() for path in paths):
        raise Failure(f"no logs in {place.logs}", "start the gateway with `planoai up`")
    for path in paths:
        _show(path, lines, prefixed=len(paths) > 1)
    if follow:
        try:
            tail.follow(tail.opened(paths), click.echo, until=lambda: False)
        except KeyboardInterrupt:
            return


def _show(path: Path, lines: int, *, prefixed: bool) -> None:
    prefix = f"[{path.stem}] " if prefixed else ""
    for line in tail.last_lines(path, lines):
        click.echo(prefix + line)
