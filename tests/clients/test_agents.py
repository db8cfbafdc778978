"""Coding agents run a tool in a folder of their own, with the gateway as their API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import agents
from tests.clients.agents import World
from tests.clients.conftest import MODELS, PROVIDER_KEY, Served, need_node
from tests.support.clients import CLIENT_KEY
from tests.support.reply import ToolCall
from tests.support.scripted import Api

pytestmark = [pytest.mark.envoy, pytest.mark.node, pytest.mark.timeout(600)]

PROMPT = "Make a file made.txt that says hello."
BASH = ToolCall("Bash", {"command": "echo hello > made.txt", "description": "Make a file"})
EXEC = ToolCall("exec_command", {"cmd": "echo hello > made.txt"})


providers = pytest.mark.parametrize("provider", MODELS)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world for an agent, which must want nothing of any other host."""
    need_node()
    with agents.world(tmp_path) as made:
        yield made
    assert made.wanted == []


@providers
def test_claude_code_runs_a_tool_and_reports(provider: Api, served: Served, world: World) -> None:
    scripted = served.providers[provider]
    agents.works(scripted, BASH, thinking="A file, then.")
    told = agents.claude_code(served.url, MODELS[provider].partition("/")[2], PROMPT, world)

    assert (world.work / "made.txt").read_text() == "hello\n"
    assert (told["is_error"], told["result"], told["num_turns"]) == (False, "All done.", 2)
    assert told["usage"]["input_tokens"] == 22
    assert told["usage"]["output_tokens"] == 14
    assert all(CLIENT_KEY not in str(request.headers) for request in scripted.requests)


def test_claude_code_reaches_an_anthropic_provider_untouched(served: Served, world: World) -> None:
    scripted = served.providers["anthropic.messages"]
    agents.works(scripted, BASH, thinking="A file, then.")
    agents.claude_code(served.url, "claude-sonnet-4-5", PROMPT, world)

    first, second = scripted.requests
    assert "claude-code" in (first.header("anthropic-beta") or "")
    assert first.json()["thinking"]["type"] in {"adaptive", "enabled"}
    assert first.json()["model"] == "claude-sonnet-4-5"
    kept = second.json()["messages"][-2]["content"][0]
    assert (kept["type"], kept["signature"]) == ("thinking", "c2NyaXB0ZWQ=")


def test_claude_code_can_pay_by_its_own_subscription(served: Served, world: World) -> None:
    scripted = served.providers["anthropic.messages"]
    agents.works(scripted, BASH, thinking="A file, then.")
    told = agents.claude_code(served.url, "claude-sonnet-4-6", PROMPT, world, token=PROVIDER_KEY)

    assert told["result"] == "All done."
    assert scripted.last.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert "oauth-" in (scripted.last.header("anthropic-beta") or "")


@pytest.mark.parametrize("name", ["anthropic/claude-sonnet-4-5", "smart"])
def test_claude_code_keeps_its_thoughts_under_any_name_of_a_model(name: str, served: Served, world: World) -> None:
    scripted = served.providers["anthropic.messages"]
    scripted.is_strict = False
    agents.works(scripted, BASH, thinking="A file, then.")
    agents.claude_code(served.url, name, PROMPT, world)

    assert scripted.last.json()["messages"][-2]["content"][0]["type"] == "thinking"


@providers
def test_codex_runs_a_tool_and_reports(provider: Api, served: Served, world: World) -> None:
    scripted = served.providers[provider]
    agents.works(scripted, EXEC, thinking="A file, then.")
    events = agents.codex(served.url, MODELS[provider], PROMPT, world)

    assert (world.work / "made.txt").read_text() == "hello\n"
    said = [event["item"]["text"] for event in events if event.get("item", {}).get("type") == "agent_message"]
    assert said == ["I will.", "All done."]
    assert events[-1]["type"] == "turn.completed"
    assert (events[-1]["usage"]["input_tokens"], events[-1]["usage"]["output_tokens"]) == (22, 14)
    assert all(CLIENT_KEY not in str(request.headers) for request in scripted.requests)


def test_claude_code_shows_what_the_gateway_says_of_an_unknown_model(served: Served, world: World) -> None:
    with pytest.raises(agents.AgentFailed) as failed:
        agents.claude_code(served.url, "gpt-4oo", PROMPT, world)

    assert "It may not exist or you may not have access to it" in failed.value.printed


def test_codex_shows_what_the_gateway_says_of_an_unknown_model(served: Served, world: World) -> None:
    with pytest.raises(agents.AgentFailed) as failed:
        agents.codex(served.url, "gpt-4oo", PROMPT, world)

    assert "model 'gpt-4oo' is not configured; nearest configured: " in failed.value.printed
