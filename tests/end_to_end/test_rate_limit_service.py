"""Envoy's own rate-limit service, asked with what the sidecar tells Envoy: the documentation's example at work.

An Envoy of somebody else's has the snippet of `planoai render` and the filter that docs/limits.md shows; the sidecar is
`plano-extproc serve`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.render.stand import envoy, wait_until
from tests.render.test_rate_limit_service import SERVICE, shown
from tests.render.test_snippet import foreign, merge
from tests.support.gateway import run_cli, until
from tests.support.ports import free_port
from tests.support.rate_limit_service import RateLimitService, Subject, subject_of
from tests.support.reply import Usage
from tests.support.scripted import ScriptedProvider

pytestmark = pytest.mark.envoy

CONFIG = """
version: v0.5.0
listeners: [{{type: model, name: llm, port: 12000}}]
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: k, default: true}}
  - {{model: openai/small, base_url: "{chat}", access_key: k}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: k}}
clients:
  - {{id: ann, key: key-ann}}
  - {{id: bob, key: key-bob}}
  - {{id: eve, key: key-eve}}
"""
HELLO: Any = [{"role": "user", "content": "Hello"}]
MODEL = "openai/gpt-4o"


@dataclass(frozen=True, slots=True)
class World:
    """A foreign Envoy with the sidecar and the rate-limit service beside it."""

    port: int
    service: RateLimitService
    chat: ScriptedProvider
    messages: ScriptedProvider

    def ask(self, client: str, *, model: str = MODEL, path: str = "chat/completions", **fields: Any) -> httpx.Response:
        """Send a request as a client."""
        headers = {"x-plano-key": f"key-{client}"}
        body = {"model": model, "messages": HELLO, **fields}
        return httpx.post(f"http://127.0.0.1:{self.port}/v1/{path}", json=body, headers=headers, timeout=20)

    def is_up(self) -> bool:
        """Return whether the sidecar is asked, without the rate-limit service being."""
        try:
            return httpx.get(
                f"http://127.0.0.1:{self.port}/v1/models", headers={"x-plano-key": "key-ann"}, timeout=20
            ).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("limited")
    limits: dict[Subject, int] = {("ann", MODEL): 100, ("bob", "anthropic/claude"): 30}
    with (
        ScriptedProvider("openai.chat", key="k") as chat,
        ScriptedProvider("anthropic.messages", key="k") as messages,
        RateLimitService(domain="plano", limits=limits) as service,
        tempfile.TemporaryDirectory(prefix="plano-") as sockets,
    ):
        file = folder / "config.yaml"
        file.write_text(CONFIG.format(chat=chat.url, messages=messages.url))
        world = World(free_port(), service, chat, messages)
        (folder / "envoy.yaml").write_text(yaml.safe_dump(_envoys(world, file, sockets)))
        with _sidecar(file, sockets), envoy(folder / "envoy.yaml", folder / "envoy.log"):
            try:
                wait_until(world.is_up, "readiness", 60)
            except AssertionError as error:
                raise AssertionError((folder / "envoy.log").read_text()) from error
            yield world


def _envoys(world: World, file: Path, sockets: str) -> dict[str, Any]:
    """Return what the owner of an Envoy makes of the snippet and of the page."""
    environ = {"PATH": os.defpath, "PLANO_HOME": str(file.parent), "HOME": str(file.parent)}
    options = ("--snippet", "ext-proc", "--workers", "1", "--sockets", sockets)
    rendered = run_cli("render", str(file), *options, environ=environ, folder=file.parent)
    assert rendered.returncode == 0, rendered.stderr
    config = merge(foreign(world.port, world.chat.port), rendered.stdout, "llm")
    resources = config["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["use_remote_address"] = True
    *filters, router = manager["http_filters"]
    router["typed_config"]["suppress_envoy_headers"] = True
    limit = shown()
    # The machine may be busy, and a service that is late counts as one that agrees.
    limit["typed_config"]["timeout"] = "10s"
    manager["http_filters"] = [*filters, limit, router]
    resources["clusters"].append(yaml.safe_load(SERVICE.replace("8081", str(world.service.port))))
    return config


@contextmanager
def _sidecar(file: Path, sockets: str) -> Iterator[None]:
    listen = f"unix:{sockets}/worker-0.sock"
    command = [sys.executable, "-m", "plano_extproc", "serve", "--config", str(file), "--listen", listen]
    environ = {**os.environ, "PLANO_HOME": str(file.parent)}
    environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with (file.parent / "sidecar.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stderr=log, cwd=file.parent)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def test_descriptors_tell_client_and_model_and_real_tokens_are_charged(world: World) -> None:
    world.chat.say("hi", usage=Usage(60, 17))

    answer = world.ask("eve")

    assert answer.status_code == 200, answer.text
    assert until(lambda: world.service.used(("eve", MODEL)) == 77)
    asked = [one for request in world.service.asked for one in request.descriptors if subject_of(one)[0] == "eve"]
    assert [[entry.key for entry in one.entries] for one in asked] == [["client", "model"], ["client", "model"]]
    assert [one.hits_addend for one in asked] == [0, 77]


def test_a_client_whose_tokens_are_spent_gets_429(world: World) -> None:
    world.chat.say("hi", usage=Usage(90, 20))
    first = world.ask("ann")
    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit"].startswith("100")
    assert first.headers["x-ratelimit-remaining"] == "100"
    assert until(lambda: world.service.used(("ann", MODEL)) == 110)
    seen = len(world.chat.requests)

    refused = world.ask("ann")

    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) == 3600
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert len(world.chat.requests) == seen
    assert world.service.used(("ann", MODEL)) == 110
    assert world.ask("ann", model="openai/small").status_code == 200
    assert world.ask("bob").status_code == 200


def test_a_stream_is_charged_too_and_refused_in_the_callers_dialect(world: World) -> None:
    world.messages.say("one two three", usage=Usage(25, 10))
    options: Any = {"model": "anthropic/claude", "path": "messages", "max_tokens": 50, "stream": True}
    assert "message_stop" in world.ask("bob", **options).text
    assert until(lambda: world.service.used(("bob", "anthropic/claude")) == 35)

    refused = world.ask("bob", **options)

    assert (refused.status_code, refused.json()["type"]) == (429, "error")
    assert refused.json()["error"]["type"] == "rate_limit_error"


def test_an_answer_that_fails_costs_no_tokens(world: World) -> None:
    before = world.service.used(("eve", MODEL))
    calls = len(world.service.asked)
    world.chat.fail(500)

    assert world.ask("eve").status_code == 500

    assert until(lambda: len(world.service.asked) > calls)
    assert world.service.used(("eve", MODEL)) == before
