"""The real product under test: `planoai up` in a home of its own, with both providers of the bench."""

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Self

import psutil

from bench.cases import ANTHROPIC_MODEL, OPENAI_MODEL
from bench.processes import environment, free_ports, python, tree

_CONFIG = """\
version: v0.5.0
listeners:
  - {{type: model, name: bench, address: 127.0.0.1, port: {listener_port}}}
model_providers:
  - {{model: {openai}, base_url: "http://127.0.0.1:{provider_port}", access_key: $BENCH_KEY, default: true}}
  - {{model: {anthropic}, base_url: "http://127.0.0.1:{provider_port}", access_key: $BENCH_KEY}}
"""

# As a module, so that it is this checkout that is measured, installed or not.
_PLANOAI = python("planoai")


def configuration(*, listener_port: int, provider_port: int) -> str:
    """Return the text of a configuration with one model listener and both providers."""
    return _CONFIG.format(
        listener_port=listener_port, provider_port=provider_port, openai=OPENAI_MODEL, anthropic=ANTHROPIC_MODEL
    )


class Gateway:
    """A running gateway. It is stopped, with all that belongs to it, when the `with` block ends."""

    def __init__(self, folder: Path, *, provider_port: int, workers: int, envoy_threads: int | None) -> None:
        """Start it; `envoy_threads` None leaves the number to the gateway."""
        self.port, self.admin_port = free_ports(2)
        home = folder / "home"
        config = folder / "config.yaml"
        config.write_text(configuration(listener_port=self.port, provider_port=provider_port))
        self._environment = {
            "PLANO_HOME": str(home),
            "PLANO_ADMIN_PORT": str(self.admin_port),
            "PLANO_METRICS_PORT": "0",
            "BENCH_KEY": "bench-key",
        }
        if envoy_threads:
            self._environment["PLANO_ENVOY_CONCURRENCY"] = str(envoy_threads)
        self._folder = folder
        try:
            # In the background, as it is mostly run: in the foreground it would also copy its logs to a terminal.
            self._run("up", str(config), "--workers", str(workers))
            processes = json.loads(self._run("status", "--json"))["processes"]
            self._pids = {each["name"]: int(each["pid"]) for each in processes}
        except BaseException:
            self.stop()
            raise

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*_PLANOAI, *words],
            env=environment(self._environment),
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"planoai {words[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def envoy(self) -> list[psutil.Process]:
        """Envoy's processes."""
        return tree([self._pids["envoy"]])

    @property
    def workers(self) -> list[psutil.Process]:
        """The sidecar's workers, with what they started."""
        return tree([pid for name, pid in self._pids.items() if name.startswith("worker")])

    def stop(self) -> None:
        """Stop it by its own command."""
        with contextlib.suppress(subprocess.TimeoutExpired, RuntimeError):
            self._run("down", "--drain-seconds", "0")
