"""The configuration that the running gateway serves by, for commands about it in any shell and folder."""

from collections.abc import Mapping
from pathlib import Path

from planoai import sources
from planoai import state as states
from planoai.home import Home
from planoai.reloading import variables
from planoai.sources import Source
from planoai.supervise import Supervisor


def configuration(home: Home, environ: Mapping[str, str]) -> Source | None:
    """Return what the gateway of a home serves by, with the variables that it runs with; None where none was started.

    Of one that no longer answers it is the file that was named, as far as this shell can read it.
    """
    state = states.load(home)
    if state is None:
        return None
    supervisor = Supervisor(home)
    try:
        text = home.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None or supervisor.pid() is None:
        return sources.read(Path(state.file) if state.file else home.config, environ)
    return sources.read(home.config, {**environ, **supervisor.environment(variables(text))})
