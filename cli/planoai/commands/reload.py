"""`planoai reload`: apply a changed file to the running gateway."""

import os
from pathlib import Path

import rich_click as click
from rich.markup import escape

from planoai import sources
from planoai import state as states
from planoai.errors import Failure
from planoai.home import Home, home
from planoai.output import say, working
from planoai.reloading import Reload, variables
from planoai.supervise import Supervisor


@click.command("reload")
@click.argument("file", required=False)
def command(file: str | None) -> None:
    """Apply FILE, else the file that is running, without dropping a request.

    A file with errors changes nothing. Variables are read from the environment of this command and from `.env`;
    those that neither has keep the value that the gateway runs with.
    """
    place = home(os.environ)
    with place.locked():
        state = _running(place)
        source = _source(place, state, file)
        config = sources.accept(source)
        with working("waiting until Envoy and every worker serve it"):
            state = Reload(place, state).apply(source, config)
    say(f"[bold green]Reloaded[/] {escape(source.name)}: generation {state.generation} serves")
    for endpoint in state.endpoints:
        say(f"  {escape(endpoint.name)}  [cyan]{escape(endpoint.url)}[/]")


def _running(place: Home) -> states.State:
    if Supervisor(place).pid() is None:
        raise Failure(f"nothing runs in {place.root}", "start it with `planoai up`")
    state = states.load(place)
    if state is None:
        raise Failure(f"{place.state} cannot be read", "run `planoai down`, then `planoai up`")
    return state


def _source(place: Home, state: states.State, file: str | None) -> sources.Source:
    named = file or state.file
    path = Path(named) if named else place.config
    try:
        names = variables(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        names = []  # reading it again says why
    return sources.read(path, os.environ, beneath=Supervisor(place).environment(names))
