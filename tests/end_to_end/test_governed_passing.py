"""Governed A2A agents and MCP servers: who may, which tools are called, and what a revocation ends."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from tests.support.a2a_mcp import Service
from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.http_server import Action, Data, End, Head, Hold, HttpServer, Recorded, Wait
from tests.support.ports import free_port
from tests.support.servers import RedisServer, redis_server

__all__ = ["redis_server"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - type: agent
    name: team
    port: {team}
    agents: [{{id: talk, description: talks}}, {{id: tools, description: has tools}}, {{id: slow, description: slow}}]
agents:
  - {{id: talk, url: "http://127.0.0.1:{service}", protocol: a2a}}
  - {{id: tools, url: "http://127.0.0.1:{service}/rpc", protocol: mcp}}
  - {{id: slow, url: "http://127.0.0.1:{slow}", protocol: a2a}}
clients: [{{id: people, key: k-people}}, {{id: robot-key, key: k-robot}}, {{id: counted-key, key: k-counted}}]
governance:
  store: {store}
  cut_streams: true
  agents:
    - {{id: talk, tier: 1}}
    - {{id: slow, tier: 1}}
    - {{id: tools, tier: 1, forbidden_actions: [{{tool: run, arguments: "rm -rf|force"}}]}}
    - {{id: counted, tier: 0, client: counted-key, limits: [{{calls: 2, per: 10m}}]}}
    - {{id: robot, tier: 0, client: robot-key, forbidden_actions: [delete_file]}}
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    with made.server:
        yield made


EVENTS = 2400
"""Two minutes' worth: more than anything takes that is to end them."""


class Slow:
    """An A2A agent whose streams move for a long time, or say one thing and then nothing."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.last: Recorded | None = None
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.last = request
        event = b'data: {"jsonrpc":"2.0","id":7,"result":{"kind":"status-update"}}\r\n\r\n'
        begin: list[Action] = [Head(200, (("content-type", "text/event-stream"),)), Data(event)]
        if b"silent" in request.body:
            return [*begin, Hold(self.gate), End()]
        # Each event comes in two pieces, so that it is cut in the middle of one.
        pieces: list[Action] = [Data(event[:20]), Wait(0.05), Data(event[20:])]
        return [*begin, *pieces * EVENTS, End()]


@pytest.fixture(scope="module")
def slow() -> Iterator[Slow]:
    made = Slow()
    with made.server:
        yield made
        made.gate.set()


@pytest.fixture(scope="module")
def gateway(
    service: Service, slow: Slow, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = CONFIG.format(
        llm=free_port(), team=free_port(), service=service.server.port, slow=slow.server.port,
        store=redis_server.url.replace("/0", "/2"),
    )  # fmt: skip
    with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("passing"), workers=2) as running:
        yield running


def call(gateway: Gateway, key: str, tool: str, **arguments: Any) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return post(gateway, "/mcp/tools", body, key)


def post(gateway: Gateway, path: str, body: object, key: str = "k-people") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(gateway.url("team") + path, json=body, headers=headers, timeout=20)


def rows(gateway: Gateway, agent: str) -> list[tuple[str, str]]:
    found = json.loads(gateway.cli("ledger", "--json", "--agent", agent).stdout)
    return [(row["action"], row["decision"]) for row in found]


def test_forbidden_tools_are_not_called(gateway: Gateway, service: Service) -> None:
    assert call(gateway, "k-people", "run", command="ls").status_code == 200
    assert call(gateway, "k-people", "delete_file", path="x").status_code == 200, "nobody forbids people that"
    service.asked.clear()

    refused = [call(gateway, "k-people", "run", command="rm -rf /"), call(gateway, "k-robot", "deleteFile", path="x")]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert "'tools' may not call tool 'run'" in refused[0].json()["error"]["message"]
    assert "'robot' may not call tool 'deleteFile'" in refused[1].json()["error"]["message"]
    assert service.asked == []
    assert until(lambda: ("tool:run", "SKIP") in rows(gateway, "tools"), seconds=60)
    assert until(lambda: ("tool:deleteFile", "SKIP") in rows(gateway, "robot"), seconds=60)


def test_a_revoked_agent_is_not_reached_and_a_revoked_caller_reaches_nobody(gateway: Gateway, service: Service) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"parts": []}}}
    assert post(gateway, "/a2a/talk", message).status_code == 200
    for agent in ("talk", "robot"):
        assert gateway.cli("agents", "revoke", agent).returncode == 0

    def refused() -> bool:
        talked = everywhere(lambda: post(gateway, "/a2a/talk", message).status_code)
        return (talked, everywhere(lambda: call(gateway, "k-robot", "look").status_code)) == ({403}, {403})

    assert until(refused, seconds=60)
    service.asked.clear()
    assert refused()
    assert service.asked == []
    assert call(gateway, "k-people", "look").status_code == 200
    assert until(lambda: ("serve", "SKIP") in rows(gateway, "talk"), seconds=60)
    assert until(lambda: ("serve", "EXECUTE") in rows(gateway, "talk"))


def speak(what: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "message/stream", "params": {"message": {"parts": [{"text": what}]}}}


def test_a_moving_stream_of_a_revoked_agent_ends_with_an_error(gateway: Gateway, slow: Slow) -> None:
    lines: list[str] = []
    revoking = threading.Thread(target=gateway.cli, args=("agents", "revoke", "slow"))
    headers = {"authorization": "Bearer k-people", "accept": "text/event-stream"}
    url = f"{gateway.url('team')}/a2a/slow"

    def read() -> None:
        with httpx.stream("POST", url, json=speak("move"), headers=headers, timeout=60) as answer:
            for line in answer.iter_lines():
                if not lines:
                    revoking.start()
                lines.append(line)

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    revoking.join()

    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert 1 < len(events) < EVENTS
    assert {event["id"] for event in events} == {7}
    assert all("result" in event for event in events[:-1]), "whole events, and one error"
    assert "'slow' is revoked" in events[-1]["error"]["message"]
    assert slow.last is not None
    assert slow.last.gone.wait(30), "nobody works for it any more"
    assert until(lambda: ("serve", "ERROR") in rows(gateway, "slow"), seconds=60)
    assert gateway.cli("agents", "restore", "slow").returncode == 0


def test_a_silent_stream_of_a_revoked_agent_is_aborted(gateway: Gateway, slow: Slow) -> None:
    headers = {"authorization": "Bearer k-people", "accept": "text/event-stream"}
    url = f"{gateway.url('team')}/a2a/slow"
    assert until(lambda: 403 not in everywhere(lambda: is_let_to(url, headers)), seconds=60)
    with httpx.stream("POST", url, json=speak("silent"), headers=headers, timeout=60) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks)
        assert gateway.cli("agents", "revoke", "slow").returncode == 0
        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)


def is_let_to(url: str, headers: dict[str, str]) -> int:
    """Return the status of a stream, and hang up."""
    with httpx.stream("POST", url, json=speak("silent"), headers=headers, timeout=60) as answer:
        return answer.status_code


CALL = '"method":"tools/call","params":{"name":"delete_file","arguments":{}}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_file","arguments":{"a":NaN}}}',
        f'{{"jsonrpc":"2.0","id":1,{CALL}}}'.encode("utf-16"),
        f'{{"jsonrpc":"2.0","id":1,{CALL},"method":"ping"}}'.encode(),
        b'{"id":1,"method":"ping","Method":"tools/call","params":{"name":"delete_file"}}',
        b'{"id":1,"method":"tools/call","params":{"name":"look","Name":"delete_file"}}',
        b'[{"id":1,"method":"tools/call","params":{"name":"look","name":"delete_file"}}]',
        b"method=tools/call&name=delete_file",
    ],
)
def test_a_call_is_not_hidden_from_us(gateway: Gateway, service: Service, body: bytes) -> None:
    assert gateway.cli("agents", "restore", "robot").returncode == 0
    assert until(lambda: everywhere(lambda: call(gateway, "k-robot", "look").status_code) == {200}, seconds=60)
    service.asked.clear()
    headers = {"authorization": "Bearer k-robot", "content-type": "application/json"}
    answer = httpx.post(f"{gateway.url('team')}/mcp/tools", content=body, headers=headers, timeout=20)

    assert answer.status_code == 400
    assert service.asked == []


def test_a_pattern_is_looked_for_in_the_keys_of_arguments_too(gateway: Gateway, service: Service) -> None:
    assert call(gateway, "k-people", "run", force=True).status_code == 403
    assert call(gateway, "k-people", "run", words=["rm", "-rf"]).status_code == 403
    assert call(gateway, "k-people", "run", words=["ls"]).status_code == 200


def test_calls_that_pass_through_are_limited(gateway: Gateway, service: Service) -> None:
    assert [call(gateway, "k-counted", "look").status_code for _ in range(2)] == [200, 200]
    service.asked.clear()
    refused = call(gateway, "k-counted", "look")

    assert refused.status_code == 429
    assert "the limit of 2 calls" in refused.json()["error"]["message"]
    assert "retry-after" in refused.headers
    assert service.asked == []
    listened = httpx.get(f"{gateway.url('team')}/mcp/tools", headers={"authorization": "Bearer k-counted"}, timeout=20)
    assert listened.status_code == 200, "what has no body is no call"
    assert until(lambda: ("call_model", "SKIP") in rows(gateway, "counted"), seconds=60)
