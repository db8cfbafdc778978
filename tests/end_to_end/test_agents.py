"""Agents behind one port: chosen by what is asked, followed by who stands in, and answering in the caller's dialect."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.clients import CLIENT_KEY, anthropic_client, openai_client
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {models}}}
  - type: agent
    name: travel
    port: {port}
    agents:
      - {{id: weather, description: "weather forecasts, temperature and rain", timeout: 5s}}
      - {{id: flights, description: "flight status, bookings, airports", on_error: {{fallback: general}}}}
      - {{id: general, description: "anything else", default: true}}
  - type: agent
    name: alone
    port: {alone}
    agents: [{{id: weather, description: "weather"}}]
  - type: agent
    name: away
    port: {away}
    agents:
      - {{id: 'lost "and" gone', description: "is not there"}}
      - {{id: lost_planner, description: "is not there either"}}
  - {{type: agent, name: pair, port: {pair}, agents: [{{id: pair, description: "two servers"}}]}}
  - type: agent
    name: impatient
    port: {impatient}
    timeout: 4s
    agents:
      - {{id: weather, description: "", on_error: {{fallback: general}}}}
      - {{id: general, description: "", on_error: {{fallback: pair}}, retries: 1, weight: 0}}
      - {{id: pair, description: "", weight: 0}}
  - type: agent
    name: pair_first
    port: {pair_first}
    parallel: true
    agents: [{{id: pair, description: "weather forecasts"}}, {{id: flights, description: "flights, airports"}}]
agents:
  - {{id: 'lost "and" gone', url: "{gone}"}}
  - {{id: lost_planner, url: "{gone}", protocol: a2a}}
  - {{id: pair, url: ["{weather}", "{general}"]}}
  - {{id: weather, url: "{weather}"}}
  - {{id: flights, url: ["{flights}", "{gone}"]}}
  - {{id: general, url: "{general}"}}
"""


@dataclass(frozen=True, slots=True)
class Agents:
    """Scripted agents: an agent speaks what a chat provider speaks."""

    weather: ScriptedProvider
    flights: ScriptedProvider
    general: ScriptedProvider


@pytest.fixture(scope="module")
def _scripted() -> Iterator[Agents]:
    with (
        ScriptedProvider("openai.chat", is_strict=False) as weather,
        ScriptedProvider("openai.chat", is_strict=False) as flights,
        ScriptedProvider("openai.chat", is_strict=False) as general,
    ):
        yield Agents(weather, flights, general)


@pytest.fixture(scope="module")
def gateway(_scripted: Agents, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(
        port=free_port(),
        models=free_port(),
        alone=free_port(),
        away=free_port(),
        pair=free_port(),
        pair_first=free_port(),
        impatient=free_port(),
        weather=f"http://127.0.0.1:{_scripted.weather.port}",
        flights=f"http://127.0.0.1:{_scripted.flights.port}",
        general=f"http://127.0.0.1:{_scripted.general.port}",
        gone=f"http://127.0.0.1:{free_port()}",
    )
    with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("agents"), workers=2) as running:
        yield running


@pytest.fixture
def agents(_scripted: Agents) -> Agents:
    for agent in (_scripted.weather, _scripted.flights, _scripted.general):
        agent.clear()
    return _scripted


def ask(gateway: Gateway, text: str, *, listener: str = "travel", stream: bool = False) -> httpx.Response:
    messages: list[Any] = [{"role": "user", "content": text}]
    return httpx.post(
        f"{gateway.url(listener)}/v1/chat/completions",
        json={"model": "whatever", "messages": messages, "stream": stream},
        headers={"authorization": f"Bearer {CLIENT_KEY}"},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("Will it rain in Paris tomorrow?", "weather"),
        ("Is my flight LH123 delayed?", "flights"),
        ("Sing me a song about robots.", "general"),
    ],
)
def test_what_is_asked_chooses_the_agent(gateway: Gateway, agents: Agents, text: str, chosen: str) -> None:
    answer = ask(gateway, text)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-agent"] == chosen
    assert answer.headers["x-plano-route-reason"]
    asked = {name for name in ("weather", "flights", "general") if getattr(agents, name).requests}
    assert asked == {chosen}


def test_an_agent_reads_the_clients_model_and_never_its_credential(gateway: Gateway, agents: Agents) -> None:
    ask(gateway, "Hello", listener="alone")

    assert agents.weather.last.json()["model"] == "whatever"
    assert CLIENT_KEY not in str(agents.weather.last.headers)


def test_the_only_agent_is_chosen_without_a_look_at_the_text(gateway: Gateway, agents: Agents) -> None:
    answer = ask(gateway, "Sing me a song about robots.", listener="alone")

    assert (answer.headers["x-plano-agent"], answer.headers["x-plano-route-reason"]) == ("weather", "only agent")


def test_callers_of_any_dialect_talk_to_agents(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("It will rain.")
    agents.weather.say("It will rain.")

    with anthropic_client(gateway.url("travel")) as client:
        answer = client.messages.create(
            model="any", max_tokens=50, messages=[{"role": "user", "content": "Will it rain in Paris tomorrow?"}]
        )
    with openai_client(gateway.url("travel")) as openai:
        response = openai.responses.create(model="any", input="Will it rain in Paris tomorrow?")

    assert answer.content[0].text == "It will rain."  # type: ignore[union-attr]
    assert response.output_text == "It will rain."


def test_an_answer_is_streamed(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("It will rain.")

    answer = ask(gateway, "Will it rain in Paris tomorrow?", stream=True)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "data: [DONE]" in answer.text


def test_a_failing_agent_is_followed_by_its_other_instance_and_by_who_stands_in(
    gateway: Gateway, agents: Agents
) -> None:
    # The instance that is away may be known to be, so that both tries are for the other one.
    agents.flights.fail(500)
    agents.flights.fail(500)
    agents.general.say("I can help with that.")

    answer = ask(gateway, "Is my flight LH123 delayed?")

    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-plano-agent"], answer.headers["x-plano-attempts"]) == ("general", "3")


@pytest.mark.parametrize("is_stream", [False, True])
def test_who_stands_in_answers_callers_of_any_dialect(gateway: Gateway, agents: Agents, is_stream: bool) -> None:
    for _ in range(3):
        agents.flights.fail(500)
        agents.flights.fail(500)
        agents.general.say("I can help with that.")
    text = "Is my flight LH123 delayed?"
    wanted: Any = {"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}

    with anthropic_client(gateway.url("travel")) as client:
        if is_stream:
            with client.messages.stream(**wanted) as stream:
                said = stream.get_final_text()
        else:
            said = client.messages.create(**wanted).content[0].text
    with openai_client(gateway.url("travel")) as openai:
        if is_stream:
            with openai.responses.stream(model="any", input=text) as events:
                told = events.get_final_response().output_text
        else:
            told = openai.responses.create(model="any", input=text).output_text
    method = "streamGenerateContent" if is_stream else "generateContent"
    body = {"contents": [{"parts": [{"text": text}]}]}
    gemini = httpx.post(f"{gateway.url('travel')}/v1beta/models/any:{method}", json=body, timeout=20)

    assert (said, told) == ("I can help with that.", "I can help with that.")
    assert "I ca" in gemini.text
    assert gemini.headers["x-plano-attempts"] == "3"
    assert [one.json()["messages"] for one in agents.general.requests] == [wanted["messages"]] * 3


def test_requests_are_shared_by_the_instances_that_are_well(gateway: Gateway, agents: Agents) -> None:
    answers = [ask(gateway, "Is my flight LH123 delayed?") for _ in range(12)]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-plano-agent"] for answer in answers} == {"flights"}
    assert len(agents.flights.requests) == 12


@pytest.mark.parametrize("stream", [False, True])
def test_what_one_instance_cannot_answer_another_does(gateway: Gateway, agents: Agents, stream: bool) -> None:
    for _ in range(40):
        agents.weather.fail(500)

    answers = [ask(gateway, "Hello", listener="pair", stream=stream) for _ in range(10)]

    assert [answer.status_code for answer in answers] == [200] * 10
    assert len(agents.general.requests) == 10


def test_an_agent_that_does_not_answer_the_client_has_instances_too(gateway: Gateway, agents: Agents) -> None:
    for _ in range(40):
        agents.weather.fail(500)
    question = "What is the weather forecast for Rome, and which flights leave its airport?"

    answers = [ask(gateway, question, listener="pair_first") for _ in range(10)]

    assert [answer.status_code for answer in answers] == [200] * 10
    assert {answer.headers["x-plano-agent"] for answer in answers} == {"pair,flights"}
    assert len(agents.general.requests) == 10


def test_an_agents_error_keeps_its_status(gateway: Gateway, agents: Agents) -> None:
    agents.weather.fail(422, "No such city.")

    answer = ask(gateway, "Will it rain in Paris tomorrow?")

    assert answer.status_code == 422
    assert "No such city." in answer.text


def test_an_agent_that_hangs_is_left_after_its_time_out(gateway: Gateway, agents: Agents) -> None:
    agents.weather.hang()

    answer = ask(gateway, "Will it rain in Paris tomorrow?")

    assert answer.status_code == 504, dict(answer.headers)
    assert answer.json()["error"]["message"] == "agent 'weather' did not answer in time"


@pytest.mark.parametrize("content", [b"<html>", b'{"a": 1}'])
@pytest.mark.parametrize("stream", [False, True])
def test_an_agent_whose_answer_cannot_be_translated_is_named(
    gateway: Gateway, agents: Agents, content: bytes, stream: bool
) -> None:
    agents.weather.answer(content)
    body = {"model": "any", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}

    answer = httpx.post(f"{gateway.url('alone')}/v1/messages", json=body, timeout=20)

    assert answer.status_code == 502
    assert answer.json()["error"]["message"].startswith("the answer of agent 'weather'")


@pytest.mark.parametrize("stream", [False, True])
def test_all_who_stand_in_for_an_agent_that_hangs_have_their_time(
    gateway: Gateway, agents: Agents, stream: bool
) -> None:
    agents.weather.hang()
    agents.general.hang()
    agents.general.hang()

    answer = ask(gateway, "Hello", listener="impatient", stream=stream)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-agent"] == "pair"
    served = answer.headers["x-request-id"]
    assert gateway.logged(lambda one: one["request_id"] == served)["agent"] == "pair"


def test_silence_within_an_answer_ends_it(gateway: Gateway, agents: Agents) -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"and "},"finish_reason":null}]}\n\n'
    agents.weather.stream([chunk], end="stall")

    with pytest.raises(httpx.RemoteProtocolError):
        ask(gateway, "Hello", listener="impatient", stream=True)

    assert gateway.logged(lambda one: one["listener"] == "impatient" and "idle" in one["details"])["attempts"] == 1
    assert not agents.general.requests


def test_an_agent_that_breaks_off_is_named(gateway: Gateway, agents: Agents) -> None:
    agents.weather.garbage()
    agents.weather.garbage()

    answer = ask(gateway, "Will it rain in Paris tomorrow?")

    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "agent 'weather' closed the connection without a valid answer"


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/any:generateContent"],
)
def test_an_agent_that_cannot_be_reached_is_named_in_the_callers_dialect(gateway: Gateway, path: str) -> None:
    said = {"role": "user", "content": "Hello"}
    body = {"model": "any", "max_tokens": 9, "messages": [said]}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/responses": {"model": "any", "input": "Hello"},
        "/v1beta/models/any:generateContent": {"contents": [{"parts": [{"text": "Hello"}]}]},
    }

    answer = httpx.post(gateway.url("away") + path, json=bodies.get(path, body), timeout=20)

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["message"] == "agent 'lost \"and\" gone' cannot be reached"
    assert answer.json()["error"].get("code") in (None, 503)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_agent_of_another_protocol_that_cannot_be_reached_is_named_in_json_rpc(
    gateway: Gateway, method: str
) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {}}

    answer = httpx.request(
        method, f"{gateway.url('away')}/a2a/lost_planner", json=body if method == "POST" else None, timeout=20
    )

    assert answer.status_code == 503
    assert answer.json()["jsonrpc"] == "2.0"
    assert answer.json()["error"]["message"] == "agent 'lost_planner' cannot be reached"
