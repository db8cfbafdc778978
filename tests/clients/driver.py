"""A program in another environment that asks the gateway with a real client, kept running for several tests.

A command is a line of JSON on its stdin, the answer a line on its stdout:

    {"client": "...", "url": "...", "key": "...", "model": "...", "stream": false, "wants": "text"}
    {"text": "...", "finish": "...", "usage": [11, 7], "ran": [["get_weather", {"city": "Paris"}]]}
    {"error": {"type": "RateLimitError", "status": 429, "message": "..."}}
"""

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support.clients import CLIENT_KEY

Json = dict[str, Any]
Wants = Literal["text", "tools", "models", "count"]
SECONDS = 120.0
"""Long enough for a program whose first answer waits for its imports on a busy machine."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a client made of an answer. `usage` is what it counts as (input, output); `ran` are the tools it ran."""

    text: str
    finish: str | None
    usage: tuple[int, int] | None
    ran: tuple[tuple[str, Json], ...]


class ClientFailed(Exception):
    """The client raised: its exception's name, the status and the message that it saw."""

    def __init__(self, type: str, status: int | None, message: str) -> None:  # noqa: A002
        super().__init__(f"{type} ({status}): {message}")
        self.type = type
        self.status = status
        self.message = message


class Driver:
    """A program that is kept running. One command at a time."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(process, self._lines), daemon=True)
        self._reader.start()

    def ask(self, client: str, url: str, model: str, *, wants: Wants = "text", stream: bool = False) -> Told:
        """Ask for the weather in Paris, or for what else it `wants`. Raises `ClientFailed` for what it raised."""
        command = {"client": client, "url": url, "model": model, "wants": wants, "stream": stream, "key": CLIENT_KEY}
        line = self._answer(command)
        assert line is not None, f"no answer within {SECONDS} s:\n{self._log.read_text()}"
        assert line, f"the program has ended:\n{self._log.read_text()}"
        told = json.loads(line)
        if "error" in told:
            raise ClientFailed(**told["error"])
        usage = tuple(told["usage"]) if told.get("usage") else None
        return Told(told["text"], told["finish"], usage, tuple((name, given) for name, given in told["ran"]))

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _answer(self, command: Json) -> str | None:
        assert self._process.stdin is not None
        assert self._process.poll() is None, f"the program has ended:\n{self._log.read_text()}"
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        try:
            return self._lines.get(timeout=SECONDS)
        except queue.Empty:
            return None

    @staticmethod
    def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")


@contextmanager
def running_driver(command: Sequence[str | Path], environ: Mapping[str, str], folder: Path) -> Iterator[Driver]:
    """Start a program in a folder of its own, which is also its HOME; end it at the end."""
    log = folder / "stderr.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**alone(folder), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        driver = Driver(process, log)
        try:
            yield driver
        finally:
            driver.stop()


def alone(home: Path) -> dict[str, str]:
    """Return an environment without anything of the machine's user: no keys, no settings, no way out but loopback."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
    }
