"""The real product under test: `planoai up` in a home of its own, with both providers of the bench."""

import contextlib
import subprocess
import urllib.request
from pathlib import Path
from typing import Self

import psutil

from bench.cases import ANTHROPIC_CHAIN, ANTHROPIC_MODEL, ANTHROPIC_OWN, OPENAI_CHAIN, OPENAI_MODEL
from bench.processes import Child, environment, free_ports, python, tree, wait_until

_CONFIG = """\
version: v0.5.0
listeners:
  - {{type: model, name: bench, address: 127.0.0.1, port: {listener_port}}}
model_providers:
  - {{model: {openai}, base_url: "http://127.0.0.1:{provider_port}", access_key: $BENCH_KEY, default: true}}
  - {{model: {anthropic}, base_url: "http://127.0.0.1:{provider_port}", access_key: $BENCH_KEY}}
  - {{model: "anthropic/{anthropic_own}", base_url: "http://127.0.0.1:{provider_port}", access_key: $BENCH_KEY}}
  - model: {openai_chain}
    base_url: "http://127.0.0.1:{provider_port}"
    access_key: $BENCH_KEY
    retry_policy: {{fallback_models: [{anthropic}]}}
  - model: {anthropic_chain}
    base_url: "http://127.0.0.1:{provider_port}"
    access_key: $BENCH_KEY
    retry_policy: {{fallback_models: [{openai}]}}
"""

# As a module, so that it is this checkout that is measured, installed or not.
_PLANOAI = python("planoai")


def configuration(*, listener_port: int, provider_port: int, more: str = "") -> str:
    """Return the text of a configuration with one model listener and both providers, and `more` of its own."""
    base = _CONFIG.format(
        listener_port=listener_port,
        provider_port=provider_port,
        openai=OPENAI_MODEL,
        anthropic=ANTHROPIC_MODEL,
        anthropic_own=ANTHROPIC_OWN,
        openai_chain=OPENAI_CHAIN,
        anthropic_chain=ANTHROPIC_CHAIN,
    )
    return base + more


class Gateway:
    """A running gateway. It is stopped, with all that belongs to it, when the `with` block ends."""

    def __init__(
        self, folder: Path, *, provider_port: int, workers: int, envoy_threads: int | None, more: str = ""
    ) -> None:
        """Start it; `envoy_threads` None leaves the number to the gateway, `more` is added to its configuration."""
        self.port, self.admin_port = free_ports(2)
        home = folder / "home"
        config = folder / "config.yaml"
        config.write_text(configuration(listener_port=self.port, provider_port=provider_port, more=more))
        self._environment = {
            "PLANO_HOME": str(home),
            "PLANO_ADMIN_PORT": str(self.admin_port),
            "PLANO_METRICS_PORT": "0",
            "BENCH_KEY": "bench-key",
        }
        if envoy_threads:
            self._environment["PLANO_ENVOY_CONCURRENCY"] = str(envoy_threads)
        command = [*_PLANOAI, "up", str(config), "--foreground", "--workers", str(workers)]
        self._child = Child(command, folder / "gateway.log", more_environment=self._environment)
        try:
            wait_until(self._is_ready, self._child)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def envoy(self) -> list[psutil.Process]:
        """Envoy's processes."""
        return [each for each in tree([self._child.pid]) if each.name() == "envoy"]

    @property
    def workers(self) -> list[psutil.Process]:
        """The sidecar's workers, with what they started."""
        found = [each for each in tree([self._child.pid]) if _is_worker(each)]
        return list({each.pid: each for root in found for each in tree([root.pid])}.values())

    def stop(self) -> None:
        """Stop it by its own command, and then whatever is left."""
        if self._child.is_running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [*_PLANOAI, "down", "--drain-seconds", "0"],
                    env=environment(self._environment),
                    capture_output=True,
                    timeout=20,
                    check=False,
                )
        self._child.stop()


def _is_worker(process: psutil.Process) -> bool:
    words = [Path(word).name for word in process.cmdline()[:4]]
    return "serve" in words and any(word.startswith(("plano-extproc", "plano_extproc")) for word in words)
