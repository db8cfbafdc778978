"""Functions, agents and models behind one port: what is asked decides, and one look decides it."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson
import pytest

from tests.support.clients import anthropic_client, openai_client
from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded, Reset, Wait
from tests.support.ports import free_port
from tests.support.reply import ToolCall
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - type: unified
    name: platform
    port: {platform}
    router: plano_orchestrator_v1
    prompt_targets:
      - name: fetch_application_fields
        description: Fetch fields for a certain database
        auto_llm_dispatch_on_response: false
        parameters:
          - {{name: applicationId, type: str, required: true, enum: [CUSTOMER, ACCOUNT, FUNDS.TRANSFER]}}
        endpoint: {{name: server, path: /api/v1/meta/queries/appfields, http_method: GET, timeout: 3s}}
    agents:
      - id: consultant_agent
        description: 'Knowledge questions, such as "Explain FUNDS.TRANSFER validation rules"'
      - id: version_api_creator_agent
        description: Create a Version API (multi-turn workflow)
      - id: general_chat_agent
        description: General conversation
        default: true
  - type: unified
    name: literal
    port: {literal}
    router: plano_orchestrator_v1
    prompt_targets:
      - name: fetch_app_fields
        description: Fetch fields for a certain database
        parameters: [{{name: applicationId, type: str, required: true}}]
        endpoint: {{name: server, path: /api/v1/meta/queries/appfields, http_method: GET}}
    agents:
      - {{id: consultant_agent, description: Knowledge questions}}
      - {{id: version_api_creator_agent, description: Create a Version API (multi-turn workflow)}}
      - {{id: general_chat_agent, description: General conversation, default: true}}
  - {{type: prompt, name: prompts, port: {prompts}, prompt_targets: [get_weather, book_table]}}
  - type: prompt
    name: mixed
    port: {mixed}
    prompt_targets: [get_weather]
    agents: [{{id: consultant_agent, description: 'Explains rules, such as "Explain the validation rules"'}}]
  - {{type: prompt, name: fallback, port: {fallback}, prompt_targets: [anything]}}
agents:
  - {{id: consultant_agent, url: "{consultant}"}}
  - {{id: version_api_creator_agent, url: "{creator}"}}
  - {{id: general_chat_agent, url: "{general}"}}
endpoints:
  server: {{endpoint: "127.0.0.1:{api}"}}
prompt_targets:
  - name: get_weather
    description: Get the weather and the forecast for a city
    parameters: [{{name: city, description: The city., type: str, required: true}}]
    endpoint: {{name: server, path: "/weather/{{city}}"}}
    system_prompt: Be brief about the weather.
  - name: book_table
    description: Book a table in a restaurant
    parameters: [{{name: guests, description: How many guests., type: int, required: true}}]
    endpoint: {{name: server, path: /tables, http_method: POST}}
    auto_llm_dispatch_on_response: false
  - name: anything
    description: Takes the rest
    default: true
    endpoint: {{name: server, path: /rest, http_method: POST}}
    auto_llm_dispatch_on_response: false
system_prompt: You are kind.
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $OPENAI_API_KEY, default: true}}
  - {{model: openai/gpt-5, base_url: "{chat}", access_key: $OPENAI_API_KEY}}
overrides:
  function_calling_model: {decider}
  agent_orchestration_model: {router}
"""
KEY = "sk-openai-of-the-gateway"


class Services:
    """What stands behind the listeners: three agents, a model, and an API that tells what it was asked."""

    def __init__(self) -> None:
        self.consultant = ScriptedProvider("openai.chat", is_strict=False)
        self.creator = ScriptedProvider("openai.chat", is_strict=False)
        self.general = ScriptedProvider("openai.chat", is_strict=False)
        self.chat = ScriptedProvider("openai.chat", key=KEY)
        self.script: list[Action] | None = None
        self.asked: list[Recorded] = []
        self.api = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.asked.append(request)
        if self.script is not None:
            return self.script
        raw = orjson.dumps({"asked": request.target, "body": request.json() if request.body else None})
        return [Head(201, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]

    @property
    def agents(self) -> tuple[ScriptedProvider, ...]:
        return self.consultant, self.creator, self.general

    def clear(self) -> None:
        for one in (*self.agents, self.chat):
            one.clear()
        self.script = None
        self.asked.clear()

    def close(self) -> None:
        for one in (*self.agents, self.chat):
            one.close()
        self.api.close()


@pytest.fixture(scope="module")
def _services() -> Iterator[Services]:
    services = Services()
    yield services
    services.close()


@pytest.fixture
def services(_services: Services) -> Iterator[Services]:
    _services.clear()
    yield _services
    assert _services.chat.refused == []


def started(services: Services, home: Any, decider: str, router: str) -> Any:
    text = CONFIG.format(
        **{name: free_port() for name in ("llm", "platform", "literal", "prompts", "mixed", "fallback")},
        **{name: f"http://127.0.0.1:{getattr(services, name).port}" for name in ("consultant", "creator", "general")},
        api=services.api.port,
        chat=services.chat.url,
        decider=decider,
        router=router,
    )
    return running_gateway(text, environ={"OPENAI_API_KEY": KEY}, home=home, workers=2)


@pytest.fixture(scope="module")
def gateway(_services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Words decide."""
    with started(_services, tmp_path_factory.mktemp("unified"), "local/lexical", "local/lexical") as running:
        yield running


@pytest.fixture(scope="module")
def by_model(_services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A model decides, by its own tool calling and by the orchestrator's protocol."""
    with started(_services, tmp_path_factory.mktemp("by_model"), "openai/gpt-5", "openai/gpt-5") as running:
        yield running


def ask(gateway: Gateway, text: str, *, listener: str = "platform", stream: bool = False) -> httpx.Response:
    return converse(gateway, [{"role": "user", "content": text}], listener=listener, stream=stream)


def converse(
    gateway: Gateway, messages: list[Any], *, listener: str = "platform", stream: bool = False, model: str = "any"
) -> httpx.Response:
    body = {"model": model, "messages": messages, "stream": stream}
    return httpx.post(f"{gateway.url(listener)}/v1/chat/completions", json=body, timeout=60)


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, (answer.text, dict(answer.headers))
    return str(answer.json()["choices"][0]["message"]["content"])


# The three cases that users asked for.


def test_a_function_that_matches_is_called_and_answers_at_once(gateway: Gateway, services: Services) -> None:
    answer = ask(gateway, "Fetch CUSTOMER fields")

    assert "applicationId=CUSTOMER" in text_of(answer)
    assert answer.headers["x-plano-route"] == "fetch_application_fields"
    assert services.asked[-1].target == "/api/v1/meta/queries/appfields?applicationId=CUSTOMER"
    assert not any(one.requests for one in (*services.agents, services.chat))


def test_without_a_function_the_agent_answers_that_is_meant(gateway: Gateway, services: Services) -> None:
    services.consultant.say("Both accounts must exist.")

    answer = ask(gateway, "Explain FUNDS.TRANSFER validation rules")

    assert text_of(answer) == "Both accounts must exist."
    assert answer.headers["x-plano-agent"] == "consultant_agent"
    assert not services.asked
    assert not services.chat.requests


def test_what_nothing_matches_is_the_default_agents(gateway: Gateway, services: Services) -> None:
    services.general.say("Hello!")

    answer = ask(gateway, "Hello")

    assert text_of(answer) == "Hello!"
    assert answer.headers["x-plano-agent"] == "general_chat_agent"
    assert not services.asked


def test_a_function_call_streams_and_speaks_every_dialect(gateway: Gateway, services: Services) -> None:
    url = gateway.url("platform")

    streamed = ask(gateway, "Fetch CUSTOMER fields", stream=True)
    with (
        anthropic_client(url) as client,
        client.messages.stream(
            model="any", max_tokens=50, messages=[{"role": "user", "content": "Fetch CUSTOMER fields"}]
        ) as stream,
    ):
        said = stream.get_final_text()
    with openai_client(url) as openai:
        told = openai.responses.create(model="any", input="Fetch CUSTOMER fields").output_text

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert "CUSTOMER" in streamed.text
    assert "data: [DONE]" in streamed.text
    assert "applicationId=CUSTOMER" in said
    assert "applicationId=CUSTOMER" in told


def test_what_is_missing_is_asked_for_and_the_answer_taken(gateway: Gateway, services: Services) -> None:
    first = [{"role": "user", "content": "Fetch fields of a database"}]
    question = text_of(converse(gateway, first))
    answer = converse(
        gateway, [*first, {"role": "assistant", "content": question}, {"role": "user", "content": "ACCOUNT"}]
    )

    assert question.endswith("Could you tell me?")
    assert "applicationId=ACCOUNT" in text_of(answer)


def test_two_wishes_of_which_one_is_a_function_are_answered_by_the_function(
    gateway: Gateway, services: Services
) -> None:
    answer = ask(gateway, "Fetch CUSTOMER fields and explain FUNDS.TRANSFER validation rules")

    assert answer.headers["x-plano-route"] == "fetch_application_fields"


@pytest.mark.parametrize(
    ("script", "status"),
    [([Reset()], 503), ([Wait(60)], 504), ([Head(500), Data(b"no"), End()], 502)],
    ids=["reset", "late", "error"],
)
def test_an_api_that_fails_is_told_of(gateway: Gateway, services: Services, script: list[Action], status: int) -> None:
    services.script = script

    answer = ask(gateway, "Fetch CUSTOMER fields")

    assert answer.status_code == status, answer.text
    assert "fetch_application_fields" in answer.json()["error"]["message"]


def test_an_api_that_refuses_is_heard(gateway: Gateway, services: Services) -> None:
    services.script = [Head(404), Data(b'{"detail": "there is no such application"}'), End()]

    assert "there is no such application" in text_of(ask(gateway, "Fetch CUSTOMER fields"))


@pytest.mark.parametrize(
    ("text", "served_by"),
    [
        ("Fetch CUSTOMER fields", "fetch_app_fields"),
        ("Explain FUNDS.TRANSFER validation rules", "consultant_agent"),
        ("Hello", "general_chat_agent"),
    ],
)
def test_the_cases_hold_for_the_descriptions_of_those_who_asked(
    gateway: Gateway, services: Services, text: str, served_by: str
) -> None:
    answer = ask(gateway, text, listener="literal")

    assert answer.status_code == 200, answer.text
    assert served_by in (answer.headers.get("x-plano-route"), answer.headers.get("x-plano-agent"))


# Prompt listeners.


def test_a_model_puts_the_apis_answer_into_words(gateway: Gateway, services: Services) -> None:
    services.chat.say("It is sunny in Paris.")

    answer = ask(gateway, "What is the weather in Paris?", listener="prompts")

    assert text_of(answer) == "It is sunny in Paris."
    sent = services.chat.last.json()
    assert sent["model"] == "gpt-4o"
    assert sent["messages"][0] == {"role": "system", "content": "Be brief about the weather."}
    assert sent["messages"][1]["content"].startswith('What is the weather in Paris?\ncontext: {"asked":"/weather/Pa')
    assert answer.headers["x-plano-model"] == "openai/gpt-4o"
    assert answer.headers["x-plano-route"] == "get_weather"


def test_a_body_is_typed(gateway: Gateway, services: Services) -> None:
    text = text_of(ask(gateway, "Please book a table for four guests", listener="prompts"))

    assert services.asked[-1].json() == {"guests": 4}
    assert '"guests":4' in text.replace(" ", "")


def test_what_matches_no_target_is_the_models_with_the_files_system_prompt(
    gateway: Gateway, services: Services
) -> None:
    answer = ask(gateway, "Who was Napoleon?", listener="prompts", stream=True)

    assert answer.status_code == 200, answer.text
    assert services.chat.last.json()["messages"][0] == {"role": "system", "content": "You are kind."}
    assert services.chat.last.json()["stream"] is True
    assert not services.asked


def test_a_configured_model_may_be_named(gateway: Gateway, services: Services) -> None:
    song = [{"role": "user", "content": "Who was Napoleon?"}]
    answer = converse(gateway, song, listener="prompts", model="gpt-5")

    assert answer.headers["x-plano-model"] == "openai/gpt-5"


def test_a_prompt_listener_may_have_agents_and_leaves_the_rest_to_a_model(gateway: Gateway, services: Services) -> None:
    services.consultant.say("By the book.")

    explained = ask(gateway, "Explain the validation rules to me", listener="mixed")
    other = ask(gateway, "Who was Napoleon?", listener="mixed")

    assert explained.headers["x-plano-agent"] == "consultant_agent"
    assert other.headers["x-plano-model"] == "openai/gpt-4o"
    assert len(services.consultant.requests) == 1


def test_a_default_target_takes_what_no_other_does(gateway: Gateway, services: Services) -> None:
    text = text_of(ask(gateway, "Who was Napoleon?", listener="fallback"))

    assert services.asked[-1].json() == {"messages": [{"role": "user", "content": "Who was Napoleon?"}]}
    assert "/rest" in text


# Decided by a model.


def test_a_model_decides_by_its_tool_calls(by_model: Gateway, services: Services) -> None:
    services.chat.call_tools(ToolCall("fetch_application_fields", {"applicationId": "CUSTOMER"}))

    answer = ask(by_model, "Fetch CUSTOMER fields")

    assert "applicationId=CUSTOMER" in text_of(answer)
    asked = services.chat.last.json()
    assert asked["model"] == "gpt-5"
    assert asked["tools"][0]["function"]["name"] == "fetch_application_fields"


def test_an_orchestrator_decides_which_agents_answer(by_model: Gateway, services: Services) -> None:
    services.chat.say("none")
    services.chat.say('{"route": ["consultant_agent", "version_api_creator_agent"]}')
    services.consultant.say("First the rules.")
    services.creator.say("Then the API.")

    answer = ask(by_model, "Explain FUNDS.TRANSFER validation rules and then build me something")

    assert text_of(answer) == "Then the API."
    assert answer.headers["x-plano-agent"] == "consultant_agent,version_api_creator_agent"


def test_models_that_do_not_answer_leave_it_to_the_words(by_model: Gateway, services: Services) -> None:
    for _ in range(4):
        services.chat.fail(500)
    services.consultant.say("Both accounts must exist.")

    answer = ask(by_model, "Explain FUNDS.TRANSFER validation rules")

    assert answer.headers["x-plano-agent"] == "consultant_agent"
