"""A real gateway: `planoai up` in a PLANO_HOME of its own, stopped whatever happens to the test.

    with running_gateway(text, environ={"OPENAI_API_KEY": "sk-1"}, home=tmp_path / "home") as gateway:
        httpx.post(f"{gateway.url()}/v1/chat/completions", ...)

The configuration names its own listener ports; take them from `ports.free_port()`.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.support import processes
from tests.support.ports import free_port

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "planoai")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs. `listeners` maps names to ports."""

    home: Path
    file: Path
    environ: Mapping[str, str]
    listeners: Mapping[str, int]

    def url(self, listener: str | None = None) -> str:
        """Return the root URL of a listener, by default the first one."""
        port = self.listeners[listener or next(iter(self.listeners))]
        return f"http://127.0.0.1:{port}"

    def cli(self, *arguments: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
        """Run `planoai` with this gateway's environment."""
        return run_cli(*arguments, environ=self.environ, folder=self.home, timeout=timeout)

    def status(self) -> dict[str, Any]:
        """Return what `planoai status --json` prints."""
        found: dict[str, Any] = json.loads(self.cli("status", "--json").stdout)
        return found

    def workers(self) -> list[int]:
        """Return the process ids of the sidecar workers that run."""
        return [
            process["pid"] for process in self.status()["processes"] if process["name"] != "envoy" and process["pid"]
        ]

    def envoy(self) -> int:
        """Return Envoy's process id."""
        return next(int(process["pid"]) for process in self.status()["processes"] if process["name"] == "envoy")

    def seen_healthy(self) -> int:
        """Return how many workers Envoy holds to be healthy."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.status()['ports']['admin']}/clusters", timeout=30
        ) as answer:
            lines = answer.read().decode().splitlines()
        return sum(1 for line in lines if "extproc" in line and line.endswith("health_flags::healthy"))

    def logs(self) -> str:
        """Return all logs, one after the other."""
        paths = sorted((self.home / "run" / "logs").glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')}" for path in paths)

    def last_words(self, lines: int = 12) -> str:
        """Return the end of each log."""
        paths = sorted((self.home / "run" / "logs").glob("*.log"))
        ends = (path.read_text(errors="replace").splitlines()[-lines:] for path in paths)
        return "\n".join(f"== {path.name}\n" + "\n".join(end) for path, end in zip(paths, ends, strict=True))

    def access_log(self) -> list[dict[str, Any]]:
        """Return the access log's entries so far."""
        path = self.home / "run" / "logs" / "access.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def logged(self, wanted: Callable[[dict[str, Any]], bool], *, seconds: float = 30) -> dict[str, Any]:
        """Return the first entry of the access log that is wanted, waiting for it to be written."""
        found = until(lambda: next(filter(wanted, self.access_log()), None), seconds=seconds)
        assert found is not None, "no such entry in the access log"
        return found


@contextmanager
def running_gateway(
    config: str, *, environ: Mapping[str, str], home: Path, workers: int = 1, options: tuple[str, ...] = ()
) -> Iterator[Gateway]:
    """Start a gateway and yield it once it is ready. At the end nothing of it is left running.

    `environ` is all that the gateway sees beside PATH and the PLANO variables: no key of the machine gets in.
    """
    home.mkdir(parents=True, exist_ok=True)
    file = home / "config.yaml"
    file.write_text(config)
    gateway = Gateway(home, file, _environment(environ, home), _listeners(config))
    try:
        started = gateway.cli("up", str(file), "--workers", str(workers), *options)
        if started.returncode != 0:
            raise AssertionError(f"planoai up ended with {started.returncode}\n{started.stdout}\n{started.stderr}")
        yield gateway
    finally:
        _stop(gateway)


def run_cli(
    *arguments: str, environ: Mapping[str, str], folder: Path, timeout: float = 90
) -> subprocess.CompletedProcess[str]:
    """Run `planoai` in a folder, with exactly this environment."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def until(found: Callable[[], T], *, seconds: float = 30) -> T:
    """Return what `found` returns once it is true, or at the deadline, which a busy machine must not reach."""
    deadline = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


def everywhere(asked: Callable[[], T], *, workers: int = 2) -> set[T]:
    """Return what is heard at every worker: Envoy draws one for each request, and so many leave none out.

    Each of two is left out in one of thirty thousand cases.
    """
    return {asked() for _ in range(16 * (workers - 1))}


def _stop(gateway: Gateway) -> None:
    try:
        gateway.cli("down", "--drain-seconds", "0", timeout=200)
    finally:
        left = processes.of_home(gateway.home)
        processes.end(left)
    assert not left, f"still running after planoai down: {left}"


def _environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    own = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "PLANO_HOME": str(home),
        "PLANO_ADMIN_PORT": str(free_port()),
        "PLANO_METRICS_PORT": str(free_port()),
        "PLANO_ENVOY_CONCURRENCY": "1",
        "NO_COLOR": "1",
    }
    if importlib.util.find_spec("planoai") is None:
        own["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "cli")))
    return {**own, **environ}


def _listeners(config: str) -> dict[str, int]:
    listeners = yaml.safe_load(config)["listeners"]
    if isinstance(listeners, dict):
        # The oldest files name their listeners by the direction of what passes.
        return {name: listener["port"] for name, listener in listeners.items()}
    return {listener["name"]: listener["port"] for listener in listeners}
