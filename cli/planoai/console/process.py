"""A console in a process of its own, beside the gateway."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from planoai.errors import Failure
from planoai.home import Home, write


def start(home: Home, environ: Mapping[str, str]) -> str:
    """Start a console that `planoai down` ends, and return its address."""
    home.create()
    with (home.logs / "console.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "planoai.console"],
            env={**environ, "PLANO_HOME": str(home.root), "PLANO_RUN": str(home.run)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert child.stdout is not None
    with child.stdout as told:
        url = told.readline().decode().strip()
    if not url:
        raise Failure("the console did not start", f"see {home.logs / 'console.log'}")
    write(home.run / "console.json", json.dumps({"pid": child.pid, "url": url}) + "\n")
    return url


def started(home: Home) -> str | None:
    """Return the address of the console that was started with the gateway, if it still runs."""
    try:
        found = json.loads((home.run / "console.json").read_text(encoding="utf-8"))
        os.kill(int(found["pid"]), 0)
        return str(found["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
