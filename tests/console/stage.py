"""A gateway with its console, in front of the development model."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port

_CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/dev-model, access_key: sk-very-secret, base_url: "{model}/v1", default: true}}
  - {{model: anthropic/dev-model-large, access_key: sk-very-secret, base_url: "{model}/v1"}}
model_aliases:
  smart: {{target: anthropic/dev-model-large}}
routing_preferences:
  - {{name: code, description: writing and mending programs, models: [anthropic/dev-model-large, openai/dev-model]}}
  - {{name: travel, description: "trains, flights and hotels", models: [openai/dev-model]}}
"""

ASKED = (
    "Write a Python program that sorts a list, and mend the bug in it",
    "Which trains and flights go from Lisbon to Vienna?",
    "thanks, that fixed it",
)


@contextmanager
def dev_model() -> Iterator[str]:
    """Run the development model on a free port, and end it."""
    process = subprocess.Popen([sys.executable, "-m", "plano_agents.dev_model"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
    finally:
        process.terminate()
        process.communicate(timeout=60)


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway and the address of its console."""

    gateway: Gateway
    console: str

    def ask(self, prompt: str, model: str | None = None, **headers: str) -> httpx.Response:
        """Send a prompt as an OpenAI client."""
        body: dict[str, object] = {"messages": [{"role": "user", "content": prompt}]}
        if model is not None:
            body["model"] = model
        return httpx.post(f"{self.gateway.url()}/v1/chat/completions", json=body, headers=headers, timeout=60)


@contextmanager
def stage() -> Iterator[Stage]:
    """Run a gateway and its console, and end both."""
    with TemporaryDirectory(prefix="plano-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        environ = {"PLANO_TRACE_PORT": str(free_port()), "PLANO_CONSOLE_PORT": str(free_port())}
        with dev_model() as model:
            config = _CONFIG.format(port=free_port(), model=model)
            with running_gateway(config, environ=environ, home=place / "home", options=("--console",)) as gateway:
                url = gateway.cli("console").stdout
                found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", "".join(url.split("\n")))
                assert found, url
                yield Stage(gateway, found[0])
