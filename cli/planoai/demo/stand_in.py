"""The demo's servers as processes of their own, for as long as a block runs."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planoai.errors import Failure
from planoai.home import write
from planoai.tail import last_lines

_START_SECONDS = 30.0
_URL = re.compile(rb"http://\S+")


@dataclass(frozen=True, slots=True)
class Server:
    """A module to run. The file of the demo finds its URL in the environment, under `variable`."""

    module: str
    variable: str
    log: str


SERVERS = (
    Server("plano_agents.dev_model", "PLANO_DEMO_MODEL", "model.log"),
    Server("plano_agents.travel.weather_agent", "PLANO_DEMO_WEATHER", "weather.log"),
    Server("plano_agents.travel.flight_agent", "PLANO_DEMO_FLIGHTS", "flights.log"),
    Server("plano_agents.unified", "PLANO_DEMO_PLATFORM", "platform.log"),
)


@contextmanager
def stand_ins(environ: Mapping[str, str], logs: Path) -> Iterator[dict[str, str]]:
    """Run all servers on free loopback ports; yields their URLs, by variable."""
    running: list[tuple[Server, subprocess.Popen[bytes]]] = []
    try:
        running.extend((server, _started(server, environ, logs / server.log)) for server in SERVERS)
        yield {server.variable: _url(process, server, logs / server.log) for server, process in running}
    finally:
        for _, process in running:
            process.terminate()
        for _, process in running:
            _end(process)


def _started(server: Server, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    write(log, "")
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", server.module],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is ours: the gateway ends first
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _url(process: subprocess.Popen[bytes], server: Server, log: Path) -> str:
    """Return the URL in what it prints once its port is open."""
    assert process.stdout is not None
    descriptor, said = process.stdout.fileno(), b""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        readable, _, _ = select.select([descriptor], [], [], 0.2)
        if not readable:
            continue
        piece = os.read(descriptor, 4096)
        if not piece:
            raise Failure(f"{server.module} ended while starting; it says:", quoted=last_lines(log, 15))
        said += piece
        found = _URL.search(said)
        if found and b"\n" in said:
            return found.group().decode()
    raise Failure(f"{server.module} did not start within {_START_SECONDS:g} s")
