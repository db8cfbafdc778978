import json

import pytest

from tests.cli.commands import CONFIG, KEYS, Shell, flat


def test_without_a_model_the_default_serves(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("explain", "Hello", "--json", **KEYS)

    found = json.loads(result.stdout)
    assert result.returncode == 0
    assert (found["model"], found["provider"], found["reason"]) == ("openai/gpt-4o", "openai", "default model")
    assert found["listener"]["name"] == "llm"
    by_path = {upstream["path"]: upstream for upstream in found["upstreams"]}
    assert by_path["/v1/messages"]["translated"] is True
    assert by_path["/v1/chat/completions"] == {
        "path": "/v1/chat/completions",
        "api": "openai.chat",
        "url": "https://api.openai.com/v1/chat/completions",
        "translated": False,
    }


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("fast", "openai/gpt-4o"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("groq/llama-3.3-70b", "groq/llama-3.3-70b"),
    ],
)
def test_a_named_model_is_found_as_a_request_would_find_it(user: Shell, model: str, served: str) -> None:
    user.write(CONFIG, "gateway.yaml")

    result = user.planoai("explain", "gateway.yaml", "Hello", "--model", model, "--json", **KEYS)

    assert json.loads(result.stdout)["model"] == served


def test_an_unknown_model_is_an_error_with_the_nearest_names(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("explain", "Hello", "--model", "gpt-4", **KEYS)

    assert (result.returncode, result.stdout) == (1, "")
    assert "gpt-4o" in result.stderr


def test_an_unknown_listener_is_an_error_with_those_there_are(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("explain", "Hello", "--listener", "nope", **KEYS)

    assert result.returncode == 1
    assert "no listener is named 'nope'" in result.stderr
    assert "llm" in result.stderr


def test_people_read_model_reason_and_address(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("explain", "Hello", "--model", "fast", **KEYS)

    words = flat(result.stdout)
    assert "model openai/gpt-4o" in words
    assert "because alias fast" in words
    assert "https://api.openai.com/v1/chat/completions" in words


ROUTED = (
    CONFIG
    + """
routing_preferences:
  - {name: code, description: writing functions and programs, models: [anthropic/claude-sonnet-4-5, openai/gpt-4o]}
  - {name: greetings, description: saying hello and goodbye, models: [openai/gpt-4o]}
"""
)


def test_a_prompt_shows_its_route_and_what_stands_behind_it(user: Shell) -> None:
    user.write(ROUTED)

    found = json.loads(user.planoai("explain", "Write a function that adds numbers", "--json", **KEYS).stdout)

    assert (found["route"], found["model"], found["then"]) == ("code", "anthropic/claude-sonnet-4-5", ["openai/gpt-4o"])
    assert found["reasons"] == [found["reason"]]
    assert "lexical 'code'" in found["reason"]
    assert found["scores"]["code"] > 0.5 > found["scores"]["greetings"]


def test_a_router_that_is_a_model_is_not_asked(user: Shell) -> None:
    user.write(ROUTED + "overrides: {llm_routing_model: openai/gpt-4o}\n")

    found = json.loads(user.planoai("explain", "Write a function that adds numbers", "--json", **KEYS).stdout)

    assert found["route"] == "code"
    assert found["reason"].startswith("router failed: only a running gateway asks it; lexical 'code'")


def test_the_models_of_a_route_are_shown_by_price(user: Shell) -> None:
    user.write(
        ROUTED.replace(
            "openai/gpt-4o]}\n  - {name: gr", "openai/gpt-4o], selection_policy: {prefer: cheapest}}\n  - {name: gr"
        )
    )

    found = json.loads(user.planoai("explain", "Write a function that adds numbers", "--json", **KEYS).stdout)

    assert (found["model"], found["then"]) == ("openai/gpt-4o", ["anthropic/claude-sonnet-4-5"])
    assert found["reasons"][1] == "cheapest first"


AGENTS = """
version: v0.5.0
listeners:
  - type: agent
    name: travel
    port: 8001
    agents:
      - {id: weather, description: weather forecasts and rain}
      - {id: general, description: anything else, default: true}
agents:
  - {id: weather, url: "http://127.0.0.1:10510"}
  - {id: general, url: "http://127.0.0.1:10511"}
"""


def test_a_prompt_shows_its_agent(user: Shell) -> None:
    user.write(AGENTS)

    asked = ("explain", "Will it rain in Paris tomorrow?", "--listener", "travel")

    assert json.loads(user.planoai(*asked, "--json").stdout)["agent"] == "weather"
    words = flat(user.planoai(*asked).stdout)
    assert "agent weather" in words
    assert "http://127.0.0.1:10510/v1/chat/completions" in words


UNIFIED = """
version: v0.5.0
listeners:
  - type: unified
    name: platform
    port: 8001
    agents: [{id: weather, description: weather forecasts and rain}]
agents: [{id: weather, url: "http://127.0.0.1:10510"}]
model_providers: [{model: openai/gpt-4o, access_key: k, default: true}]
endpoints: {hr: {endpoint: "127.0.0.1:9"}}
prompt_targets:
  - name: vacation_days
    description: how many vacation days somebody has left, such as "how many days of vacation do I have"
    endpoint: {name: hr, path: /days}
    parameters: [{name: who, type: str, description: name of the person}]
"""


@pytest.mark.parametrize(
    ("prompt", "kind", "who"),
    [
        ("How many days of vacation do I have left?", "target", "vacation_days"),
        ("Will it rain in Paris tomorrow?", "agent", "weather"),
        ("Who won the world cup in 1998?", "model", "openai/gpt-4o"),
    ],
)
def test_a_prompt_shows_what_a_unified_listener_does_with_it(user: Shell, prompt: str, kind: str, who: str) -> None:
    user.write(UNIFIED)

    result = user.planoai("explain", prompt, "--listener", "platform", "--json")

    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert {name: found[name] for name in ("target", "agent", "model") if found[name]} == {kind: who}
    assert kind in flat(user.planoai("explain", prompt, "--listener", "platform").stdout)
