"""A strict ledger: no answer of a governed agent ends before its rows are in the file, whatever answer it is."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets.sync.client

from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.reply import ToolCall
from tests.support.scripted import ScriptedProvider
from tests.support.serving import echoing

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {models}}}
  - type: agent
    name: team
    port: {team}
    agents: [{{id: planner, description: "plans", default: true}}]
  - {{type: agent, name: tools, port: {tools}, agents: [{{id: box, description: tools}}]}}
agents:
  - {{id: planner, url: "{planner}"}}
  - {{id: box, url: "http://127.0.0.1:{box}/rpc", protocol: mcp}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: sk-1, default: true}}
  - {{model: openai/gpt-realtime, base_url: "http://127.0.0.1:{sockets}/v1", access_key: sk-1}}
clients: [{{id: robot-key, key: k-robot}}]
governance:
  ledger: {{mode: strict}}
  agents:
    - {{id: robot, client: robot-key, forbidden_actions: [ssh]}}
    - {{id: planner}}
    - {{id: box, forbidden_actions: [delete_file]}}
"""
KEY = {"authorization": "Bearer k-robot"}
RESULT = b'{"jsonrpc":"2.0","id":1,"result":{}}'


def tools(request: Recorded) -> Sequence[Action]:
    """Answer as an MCP server, by a stream where the client takes one."""
    if "text/event-stream" in (request.header("accept") or ""):
        return [Head(200, (("content-type", "text/event-stream"),)), Data(b"data: %s\n\n" % RESULT), End()]
    length = ("content-length", str(len(RESULT)))
    return [Head(200, (("content-type", "application/json"), length)), Data(RESULT)]


@dataclass(frozen=True, slots=True)
class Stand:
    gateway: Gateway
    chat: ScriptedProvider
    planner: ScriptedProvider

    def rows(self) -> list[tuple[str, str, str, int]]:
        with closing(sqlite3.connect(self.gateway.home / "state" / "ledger.sqlite")) as db:
            return db.execute("SELECT agent, action, decision, status FROM ledger ORDER BY number").fetchall()

    def post(self, listener: str, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        url = f"{self.gateway.url(listener)}{path}"
        return httpx.post(url, json=body, headers={**KEY, **headers}, timeout=30)

    def ask(self, listener: str = "llm", **fields: Any) -> httpx.Response:
        messages = [{"role": "user", "content": "Hello there"}]
        return self.post(listener, "/v1/chat/completions", {"model": "gpt-4o", "messages": messages, **fields})

    def call(self, tool: str, **headers: str) -> httpx.Response:
        params = {"name": tool, "arguments": {}}
        return self.post("tools", "/mcp/box", {"id": 1, "method": "tools/call", "params": params}, **headers)

    def open_socket(self) -> bool:
        url = self.gateway.url("llm").replace("http", "ws")
        with websockets.sync.client.connect(f"{url}/v1/realtime?model=gpt-realtime", additional_headers=KEY):
            return True


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with (
        echoing() as sockets,
        ScriptedProvider("openai.chat", is_strict=False) as chat,
        ScriptedProvider("openai.chat", is_strict=False) as planner,
        HttpServer(tools) as box,
    ):
        text = CONFIG.format(
            models=free_port(), team=free_port(), tools=free_port(), box=box.port, planner=planner.url, chat=chat.url,
            sockets=sockets,
        )  # fmt: skip
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("strict"), workers=2) as gateway:
            yield Stand(gateway, chat, planner)


@pytest.fixture
def stand(_running: Stand) -> Stand:
    _running.chat.clear()
    _running.planner.clear()
    assert _running.ask().status_code == 200
    return _running


def failing(stand: Stand) -> None:
    stand.chat.fail(429)
    assert stand.ask().status_code == 429


def failing_agent(stand: Stand) -> None:
    stand.planner.fail(500)
    assert stand.ask("team").status_code == 500


def unknown(stand: Stand) -> None:
    assert stand.ask(model="nothing").status_code == 404


def blocked(stand: Stand) -> None:
    stand.chat.call_tools(ToolCall("ssh"))
    assert stand.ask().status_code == 403


def blocked_stream(stand: Stand) -> None:
    stand.chat.call_tools(ToolCall("ssh"))
    assert "may not call tool" in stand.ask(stream=True).text


def images(stand: Stand) -> None:
    assert stand.post("llm", "/v1/images/generations", {"model": "gpt-4o", "prompt": "x"}).status_code < 500


def socket(stand: Stand) -> None:
    assert stand.open_socket()


def passed(stand: Stand) -> None:
    assert stand.call("look").content == RESULT


def passed_stream(stand: Stand) -> None:
    assert RESULT in stand.call("look", accept="text/event-stream").content


def passed_refused(stand: Stand) -> None:
    assert stand.call("delete_file").status_code == 403


CALLED, SERVED = ("robot", "call_model"), ("planner", "serve")
CASES: dict[Callable[[Stand], None], list[tuple[str, ...]]] = {
    failing: [(*CALLED, "ERROR")],
    failing_agent: [(*CALLED, "ERROR"), (*SERVED, "ERROR")],
    unknown: [(*CALLED, "ERROR")],
    blocked: [(*CALLED, "ERROR"), ("robot", "tool:ssh", "SKIP")],
    blocked_stream: [(*CALLED, "ERROR"), ("robot", "tool:ssh", "SKIP")],
    images: [(*CALLED, "EXECUTE")],
    socket: [(*CALLED, "EXECUTE")],
    passed: [(*CALLED, "EXECUTE"), ("box", "serve", "EXECUTE")],
    passed_stream: [(*CALLED, "EXECUTE"), ("box", "serve", "EXECUTE")],
    passed_refused: [(*CALLED, "ERROR"), ("box", "serve", "ERROR"), ("box", "tool:delete_file", "SKIP")],
}


@pytest.mark.parametrize("ask", CASES, ids=lambda ask: ask.__name__)
def test_no_answer_ends_before_its_rows_are_written(stand: Stand, ask: Callable[[Stand], None]) -> None:
    before = len(stand.rows())
    is_free, seen = threading.Event(), list[bool]()

    def run() -> None:
        ask(stand)
        seen.append(is_free.is_set())

    thread = threading.Thread(target=run)
    with closing(sqlite3.connect(stand.gateway.home / "state" / "ledger.sqlite", isolation_level=None)) as db:
        # Nobody else can write, so the answer has to wait.
        db.execute("BEGIN IMMEDIATE")
        thread.start()
        time.sleep(1)
        is_free.set()
        db.execute("ROLLBACK")
    thread.join()

    assert seen == [True]
    assert sorted(row[:3] for row in stand.rows()[before:]) == sorted(CASES[ask])
