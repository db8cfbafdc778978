"""Governed A2A agents and MCP servers: who may, and which tools are called."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.test_passing import Service
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - type: agent
    name: team
    port: {team}
    agents: [{{id: talk, description: talks}}, {{id: tools, description: has tools}}]
agents:
  - {{id: talk, url: "http://127.0.0.1:{service}", protocol: a2a}}
  - {{id: tools, url: "http://127.0.0.1:{service}/rpc", protocol: mcp}}
clients: [{{id: people, key: k-people}}, {{id: robot-key, key: k-robot}}]
governance:
  agents:
    - {{id: talk, tier: 1}}
    - {{id: tools, tier: 1, forbidden_actions: [{{tool: run, arguments: "rm -rf"}}]}}
    - {{id: robot, tier: 0, client: robot-key, forbidden_actions: [delete_file]}}
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    with made.server:
        yield made


@pytest.fixture(scope="module")
def gateway(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(llm=free_port(), team=free_port(), service=service.server.port)
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
    assert until(lambda: ("tool:run", "SKIP") in rows(gateway, "tools"), seconds=30)
    assert until(lambda: ("tool:deleteFile", "SKIP") in rows(gateway, "robot"), seconds=30)


def test_a_revoked_agent_is_not_reached_and_a_revoked_caller_reaches_nobody(gateway: Gateway, service: Service) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"parts": []}}}
    assert post(gateway, "/a2a/talk", message).status_code == 200
    for agent in ("talk", "robot"):
        assert gateway.cli("agents", "revoke", agent).returncode == 0

    assert until(lambda: post(gateway, "/a2a/talk", message).status_code == 403, seconds=30)
    assert until(lambda: call(gateway, "k-robot", "look").status_code == 403, seconds=30)
    service.asked.clear()
    assert {post(gateway, "/a2a/talk", message).status_code for _ in range(6)} == {403}
    assert {call(gateway, "k-robot", "look").status_code for _ in range(6)} == {403}
    assert service.asked == []
    assert call(gateway, "k-people", "look").status_code == 200
    assert until(lambda: ("serve", "SKIP") in rows(gateway, "talk"), seconds=30)
    assert ("serve", "EXECUTE") in rows(gateway, "talk")
