"""Several servers behind one name: a conversation stays with the one that has it in its cache."""

import http.server
import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.serving import Quiet, serving

pytestmark = pytest.mark.envoy

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: house/llama, base_url: "http://localhost:{pool}/v1", access_key: k, prefix_affinity: true,
      provider_interface: openai, api: openai.chat, default: true{more}}}
  - {{model: house/other, base_url: "http://127.0.0.1:{pool}/v1", access_key: k, provider_interface: openai,
      api: openai.chat, name: other}}
"""


class Replica(http.server.ThreadingHTTPServer):
    """One of two servers with one name."""

    def __init__(self, address: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.headers: list[dict[str, str]] = []
        self.status = 200
        super().__init__((address, port), Handler)


class Handler(Quiet):
    # A server that is gone must not go on serving open connections.
    protocol_version = "HTTP/1.0"
    server: Replica

    def answer(self) -> None:
        self.body()
        self.server.headers.append(self.sent())
        message = {"role": "assistant", "content": self.server.server_address[0]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
        self.reply(self.server.status, body.encode())


@contextmanager
def replicas() -> Iterator[tuple[Replica, Replica]]:
    """Serve on both addresses of localhost, on one port."""
    port = free_port()
    try:
        made = (Replica("127.0.0.1", port), Replica("::1", port))
    except OSError as error:
        pytest.skip(f"no second address of localhost: {error}")
    with serving(made[0]), serving(made[1]):
        yield made


def ask(url: str, text: str, *turns: str, path: str = "/v1/chat/completions", **headers: str) -> str:
    """Say something, and return who answered."""
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    for turn in turns:
        said += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": turn}]
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.post(url + path, json={"messages": said}, headers=sent, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize("more", ["", ", retry_policy: {fallback_models: [other]}"])
def test_a_conversation_stays_with_one_server(more: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = stack.enter_context(replicas())
        text = CONFIG.format(port=free_port(), pool=both[0].server_address[1], more=more)
        gateway = stack.enter_context(running_gateway(text, environ={}, home=tmp_path / "home"))
        url = gateway.url()
        first = {f"question {number}": ask(url, f"question {number}") for number in range(40)}
        shares = Counter(first.values())
        assert len(shares) == 2, shares
        assert min(shares.values()) >= 8
        for text, server in first.items():
            assert ask(url, text, "and then?", "and then?") == server
        named = {ask(url, f"anything {number}", x_model_affinity="my-session") for number in range(10)}
        assert len(named) == 1
        seen = [headers for one in both for headers in one.headers]
        assert seen
        assert not [name for headers in seen for name in headers if name.startswith("x-plano-")]


def test_when_a_server_goes_its_conversations_move(tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = stack.enter_context(replicas())
        text = CONFIG.format(port=free_port(), pool=both[0].server_address[1], more="")
        gateway = stack.enter_context(running_gateway(text, environ={}, home=tmp_path / "home"))
        first = {f"question {number}": ask(gateway.url(), f"question {number}") for number in range(20)}
        both[1].shutdown()
        both[1].server_close()

        assert "::1" in first.values()
        assert {ask(gateway.url(), text) for text in first} == {"127.0.0.1"}
