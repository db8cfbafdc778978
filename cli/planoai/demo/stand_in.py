"""The development model as a process of its own, for as long as a block runs."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from planoai.errors import Failure
from planoai.home import write
from planoai.tail import last_lines

_START_SECONDS = 30.0
_URL = re.compile(rb"http://\S+")


@contextmanager
def stand_in(environ: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run `plano_agents.dev_model` on a free loopback port; yields its URL."""
    write(log, "")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "plano_agents.dev_model"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is ours: the gateway ends first
        )
    try:
        yield _url(process, log)
    finally:
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
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
            raise Failure("the development model ended while starting; it says:", quoted=last_lines(log, 15))
        said += piece
        found = _URL.search(said)
        if found and b"\n" in said:
            return found.group().decode()
    raise Failure(f"the development model did not start within {_START_SECONDS:g} s")
