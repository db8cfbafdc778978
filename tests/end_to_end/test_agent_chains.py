"""Several agents for one request: one after another, at once, and what becomes of it when one of them fails."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.support.clients import CLIENT_KEY, anthropic_client, hang_up, openai_client
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.http_server import Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - {{type: agent, name: travel, port: {travel}, agents: [{weather}, {flights}]}}
  - {{type: agent, name: at_once, port: {at_once}, parallel: true, agents: [{weather}, {flights}]}}
  - type: agent
    name: careful
    port: {careful}
    agents:
      - {{{weather_said}, on_error: {{fallback: stand_in}}}}
      - {{{flights_said}, on_error: skip, retries: 1, timeout: 1s}}
      - {{id: stand_in, description: "", weight: 0}}
  - type: agent
    name: filtered
    port: {filtered}
    agents:
      - {{{weather_said}, input_filters: [shout]}}
      - {{{flights_said}, input_filters: [shout], on_error: {{fallback: stand_in}}}}
      - {{id: stand_in, description: ""}}
  - {{type: agent, name: told, port: {told}, agents: [{weather_told}, {flights_told}]}}
  - {{type: agent, name: told_at_once, port: {told_at_once}, parallel: true, agents: [{weather_told}, {flights}]}}
  - type: agent
    name: told_instead
    port: {told_instead}
    agents:
      - {{{flights_said}, output_filters: [shout], on_error: {{fallback: stand_in}}}}
      - {{{weather_said}, output_filters: [shout], input_filters: [shout], on_error: {{fallback: stand_in}}}}
      - {{id: stand_in, description: "", output_filters: [sentences]}}
  - {{type: agent, name: one_only, port: {one_only}, max_agents: 1, agents: [{weather}, {flights}]}}
  - {{type: agent, name: circle, port: {circle}, agents: [{{id: circle, description: "calls itself"}}]}}
  - {{type: agent, name: pool, port: {pool}, agents: [{{id: pool, description: "several instances"}}]}}
  - type: agent
    name: variants
    port: {variants}
    agents: [{{id: weather, description: "the same", weight: 1}}, {{id: flights, description: "the same", weight: 1}}]
agents:
  - {{id: weather, url: "{weather_url}"}}
  - {{id: flights, url: "{flights_url}/base/v1", headers: {{x-key: own}}, forward_headers: [x-user]}}
  - {{id: stand_in, url: "{stand_in_url}"}}
  - {{id: circle, url: "http://127.0.0.1:{circle}"}}
  - {{id: pool, url: ["http://127.0.0.1:{away}", "{weather_url}", "http://127.0.0.1:{gone}", "{stand_in_url}"]}}
filters:
  - {{id: shout, type: http, url: "{shout_url}", stream: text}}
  - {{id: sentences, type: http, url: "{shout_url}/title", stream: text}}
"""
WEATHER = "id: weather, description: 'Weather and forecasts for any city: \"What is the weather in Paris?\"'"
FLIGHTS = "id: flights, description: 'Searches flights between airports: \"Flights from NYC to LA\"'"
MIXED = "What is the weather in Rome tomorrow, and which flights go from Paris to Rome?"


class Agents:
    """Scripted agents, which speak what a chat provider speaks."""

    def __init__(self) -> None:
        self.weather = ScriptedProvider("openai.chat", is_strict=False)
        self.flights = ScriptedProvider("openai.chat", is_strict=False)
        self.stand_in = ScriptedProvider("openai.chat", is_strict=False)

    def all(self) -> tuple[ScriptedProvider, ...]:
        return self.weather, self.flights, self.stand_in


def shout(request: Recorded) -> list[Any]:
    """A filter that writes in capitals: the last message, or the answer; below /title only the first letters."""
    change = str.title if request.path.startswith("/title") else str.upper
    if request.header("content-type") == "application/json":
        body = request.json()
        message = body["messages"][-1] if "messages" in body else body["choices"][0]["message"]
        message["content"] = change(message["content"])
        raw = orjson.dumps(body)
    else:
        raw = change(request.body.decode()).encode()
    return [Head(200, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]


@pytest.fixture(scope="module")
def _agents() -> Iterator[Agents]:
    agents = Agents()
    yield agents
    for one in agents.all():
        one.close()


@pytest.fixture(scope="module")
def gateway(_agents: Agents, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    names = (
        "llm",
        "travel",
        "at_once",
        "careful",
        "filtered",
        "told",
        "told_at_once",
        "told_instead",
        "one_only",
        "circle",
        "variants",
        "pool",
        "away",
        "gone",
    )
    with HttpServer(shout) as filter_:
        text = CONFIG.format(
            weather=f"{{{WEATHER}, default: true}}",
            flights=f"{{{FLIGHTS}, timeout: 5s}}",
            weather_told=f"{{{WEATHER}, output_filters: [shout]}}",
            flights_told=f"{{{FLIGHTS}, output_filters: [shout]}}",
            weather_said=WEATHER,
            flights_said=FLIGHTS,
            weather_url=f"http://127.0.0.1:{_agents.weather.port}",
            flights_url=f"http://127.0.0.1:{_agents.flights.port}",
            stand_in_url=f"http://127.0.0.1:{_agents.stand_in.port}",
            shout_url=f"http://127.0.0.1:{filter_.port}",
            **{name: free_port() for name in names},
        )
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("chains"), workers=2) as running:
            yield running


@pytest.fixture
def agents(_agents: Agents) -> Agents:
    for one in _agents.all():
        one.clear()
    return _agents


def ask(
    gateway: Gateway, text: str = MIXED, *, listener: str = "travel", stream: bool = False, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {CLIENT_KEY}"} | {name.replace("_", "-"): held for name, held in headers.items()}
    body = {"model": "any", "messages": [{"role": "user", "content": text}], "stream": stream}
    return httpx.post(f"{gateway.url(listener)}/v1/chat/completions", json=body, headers=sent, timeout=30)


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, (answer.text, dict(answer.headers))
    return str(answer.json()["choices"][0]["message"]["content"])


def test_a_mixed_question_goes_through_both_agents_in_order(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("It will be sunny.")
    agents.flights.say("At 9 and at 12.")

    answer = ask(gateway)

    assert text_of(answer) == "At 9 and at 12."
    assert answer.headers["x-plano-agent"] == "weather,flights"
    assert agents.flights.last.json()["messages"] == [
        {"role": "assistant", "content": "It will be sunny.", "name": "weather"},
        {"role": "user", "content": MIXED},
    ]
    assert agents.weather.last.json()["messages"] == [{"role": "user", "content": MIXED}]


def test_the_last_agents_stream_is_the_clients(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("It will be sunny.")
    agents.flights.say("At 9 and at 12.")

    answer = ask(gateway, stream=True)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-plano-agent"] == "weather,flights"
    assert "data: [DONE]" in answer.text
    assert agents.weather.last.json()["stream"] is False


@pytest.mark.parametrize("is_stream", [False, True])
def test_callers_of_any_dialect_get_the_chain(gateway: Gateway, agents: Agents, is_stream: bool) -> None:
    url = gateway.url("travel")
    for _ in range(3):
        agents.weather.say("Sunny.")
        agents.flights.say("At 9.")

    with anthropic_client(url) as client:
        ask_claude: Any = {"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": MIXED}]}
        if is_stream:
            with client.messages.stream(**ask_claude) as stream:
                said = stream.get_final_text()
        else:
            said = client.messages.create(**ask_claude).content[0].text
    with openai_client(url) as openai:
        if is_stream:
            with openai.responses.stream(model="any", input=MIXED) as events:
                told = events.get_final_response().output_text
        else:
            told = openai.responses.create(model="any", input=MIXED).output_text
    method = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    body = {"contents": [{"parts": [{"text": MIXED}]}]}
    gemini = httpx.post(f"{url}/v1beta/models/any:{method}", json=body, timeout=30)

    assert said == "At 9."
    assert told == "At 9."
    assert "At 9" in gemini.text
    assert gemini.headers["x-plano-agent"] == "weather,flights"
    assert [one.json()["messages"][0] for one in agents.flights.requests] == [
        {"role": "assistant", "content": "Sunny.", "name": "weather"}
    ] * 3


def test_agents_get_their_path_their_headers_and_no_credential(gateway: Gateway, agents: Agents) -> None:
    answer = ask(gateway, x_user="mo", x_request_id="r-1")

    assert answer.status_code == 200
    assert agents.flights.last.path == "/base/v1/chat/completions"
    assert (agents.flights.last.header("x-key"), agents.flights.last.header("x-user")) == ("own", "mo")
    assert agents.weather.last.header("x-user") is None
    for one in (agents.weather.last, agents.flights.last):
        assert one.header("x-request-id") == "r-1"
        assert one.header("x-plano-hops") == "1"
        assert CLIENT_KEY not in str(one.headers)


def test_agents_at_once_answer_in_declared_order(gateway: Gateway, agents: Agents) -> None:
    agents.weather.after(0.3)
    agents.weather.say("It will be sunny.")
    agents.flights.say("At 9.")

    answer = ask(gateway, listener="at_once")

    assert text_of(answer) == "It will be sunny.\n\nAt 9."
    assert answer.headers["x-plano-agent"] == "weather,flights"
    assert len(agents.flights.last.json()["messages"]) == 1


def test_agents_at_once_answer_a_stream_too(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("Sunny.")
    agents.flights.say("At 9.")

    with anthropic_client(gateway.url("at_once")) as client:
        wanted: Any = {"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": MIXED}]}
        with client.messages.stream(**wanted) as stream:
            said = stream.get_final_text()

    assert said == "Sunny.\n\nAt 9."


def test_a_chain_is_no_longer_than_allowed(gateway: Gateway, agents: Agents) -> None:
    answer = ask(gateway, listener="one_only")

    assert answer.headers["x-plano-agent"] == "weather"
    assert not agents.flights.requests


def test_an_error_in_the_middle_is_the_clients_with_its_status(gateway: Gateway, agents: Agents) -> None:
    agents.weather.fail(422, "No such city.")

    answer = ask(gateway)

    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "No such city.")
    assert not agents.flights.requests


def test_an_agent_in_the_middle_is_stood_in_for(gateway: Gateway, agents: Agents) -> None:
    agents.weather.reset()
    agents.weather.reset()
    agents.stand_in.say("Perhaps sunny.")
    agents.flights.say("At 9.")

    answer = ask(gateway, listener="careful")

    assert text_of(answer) == "At 9."
    assert answer.headers["x-plano-agent"] == "stand_in,flights"
    assert agents.flights.last.json()["messages"][0]["name"] == "stand_in"


def page(agent: ScriptedProvider) -> None:
    content = b"<html>it works</html>"
    head = (("content-type", "text/html; charset=utf-8"), ("content-length", str(len(content))))
    agent.raw(Head(200, head), Data(content), End())


@pytest.mark.parametrize("listener", ["careful", "told_instead"])
def test_an_agent_that_answers_with_a_web_page_is_stood_in_for(gateway: Gateway, agents: Agents, listener: str) -> None:
    page(agents.weather)
    page(agents.weather)
    agents.stand_in.say("nothing is known")

    answer = ask(gateway, "What is the weather in Rome?", listener=listener)

    assert text_of(answer).lower() == "nothing is known"
    assert answer.headers["x-plano-agent"] == "stand_in"


@pytest.mark.parametrize("how", ["status", "reset", "hang", "nonsense", "not HTTP", "a web page"])
def test_the_last_agent_may_be_left_out(gateway: Gateway, agents: Agents, how: str) -> None:
    agents.weather.say("It will be sunny.")
    for _ in range(4):
        {
            "status": lambda: agents.flights.fail(500),
            "reset": agents.flights.reset,
            "hang": agents.flights.hang,
            "nonsense": lambda: agents.flights.answer(b"<html>", status=503),
            "not HTTP": agents.flights.garbage,
            "a web page": lambda: page(agents.flights),
        }[how]()

    answer = ask(gateway, listener="careful")

    assert text_of(answer) == "It will be sunny."
    assert answer.headers["x-plano-agent"] == "weather"
    assert "flights failed" in answer.headers["x-plano-route-reason"]


def test_an_agents_filters_see_its_request_and_no_other(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("Sunny.")
    agents.flights.fail(500)
    agents.stand_in.say("No flights today.")

    answer = ask(gateway, listener="filtered")

    assert text_of(answer) == "No flights today."
    assert answer.headers["x-plano-agent"] == "weather,stand_in"
    assert agents.weather.last.json()["messages"][-1]["content"] == MIXED.upper()
    assert agents.flights.last.json()["messages"][-1]["content"] == MIXED.upper()
    assert agents.stand_in.last.json()["messages"][-1]["content"] == MIXED


@pytest.mark.parametrize("stream", [False, True])
def test_an_agents_filters_see_what_it_says(gateway: Gateway, agents: Agents, stream: bool) -> None:
    agents.weather.say("It will be sunny.")
    agents.flights.say("At 9 and at 12.")

    answer = ask(gateway, listener="told", stream=stream)

    assert "AT 9" in answer.text
    assert "At 9" not in answer.text
    assert agents.flights.last.json()["messages"][0]["content"] == "IT WILL BE SUNNY."


@pytest.mark.parametrize("stream", [False, True])
def test_filters_of_agents_see_chats_whatever_the_caller_speaks(gateway: Gateway, agents: Agents, stream: bool) -> None:
    agents.flights.say("At 9 and at 12.")
    with anthropic_client(gateway.url("told")) as client:
        wanted: Any = {"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": MIXED}]}
        if stream:
            with client.messages.stream(**wanted) as events:
                said = events.get_final_text()
        else:
            said = client.messages.create(**wanted).content[0].text

    assert said == "AT 9 AND AT 12."


def test_of_agents_at_once_each_has_its_own_filters(gateway: Gateway, agents: Agents) -> None:
    agents.weather.say("It will be sunny.")
    agents.flights.say("At 9.")

    assert text_of(ask(gateway, listener="told_at_once")) == "IT WILL BE SUNNY.\n\nAt 9."


@pytest.mark.parametrize("question", ["Show me flights from Paris to Rome", "What is the weather in Rome?"])
def test_who_stands_in_has_its_own_filters(gateway: Gateway, agents: Agents, question: str) -> None:
    for one in (agents.weather, agents.flights):
        one.fail(500)
        one.fail(500)
    agents.stand_in.say("nothing is known")

    answer = ask(gateway, question, listener="told_instead")

    assert text_of(answer) == "Nothing Is Known"
    assert answer.headers["x-plano-agent"] == "stand_in"


def test_agents_that_call_in_a_circle_are_stopped(gateway: Gateway, agents: Agents) -> None:
    answer = ask(gateway, "Round and round.", listener="circle")

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "loop_detected"


def test_requests_go_to_the_instances_that_are_well(gateway: Gateway, agents: Agents) -> None:
    def are_left_out() -> bool:
        answers = [ask(gateway, "Hello", listener="pool") for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}
        tries = {answer.headers["x-plano-attempts"] for answer in answers}
        return tries == {"1"} and bool(agents.weather.requests and agents.stand_in.requests)

    assert until(are_left_out, seconds=60)


def test_a_conversation_stays_with_its_variant(gateway: Gateway, agents: Agents) -> None:
    for session in range(12):
        for _ in range(3):
            answer = ask(gateway, "Hello", listener="variants", x_model_affinity=f"s-{session}")
            assert answer.status_code == 200

    assert len(agents.weather.requests) + len(agents.flights.requests) == 36
    assert len(agents.weather.requests) % 3 == 0
    assert 0 < len(agents.weather.requests) < 36


@pytest.mark.parametrize(
    ("how", "status"), [("hang", 504), ("reset", 502), ("not HTTP", 502), ("nonsense", 502), ("cut", 502)]
)
def test_an_agent_in_the_middle_that_breaks_is_told_of(gateway: Gateway, agents: Agents, how: str, status: int) -> None:
    for _ in range(2):
        {
            "hang": agents.flights.hang,
            "reset": agents.flights.reset,
            "not HTTP": agents.flights.garbage,
            "nonsense": lambda: agents.flights.answer(b"<html>it works</html>"),
            "cut": lambda: agents.flights.stream([b'data: {"choices":[]}\n\n'], end="close"),
        }[how]()

    answer = ask(gateway, "Which flights go from Paris to Rome, and what is the weather in Rome?")

    assert answer.headers.get("x-plano-agent") != "flights,weather"
    assert answer.status_code == status, answer.text


def test_an_agent_that_never_stops_streaming_is_read_while_the_client_reads(gateway: Gateway, agents: Agents) -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"and on "},"finish_reason":null}]}\n\n'
    agents.weather.stream([chunk] * 200, pause=0.05, end="stall")

    url = f"{gateway.url('travel')}/v1/chat/completions"
    body = {"model": "any", "stream": True, "messages": [{"role": "user", "content": "What is the weather in Paris?"}]}
    with httpx.stream("POST", url, json=body, timeout=30) as answer:
        first = next(answer.iter_lines())

    assert "and on" in first
    assert agents.weather.last.gone.wait(30)


def test_a_client_that_hangs_up_ends_the_chain(gateway: Gateway, agents: Agents) -> None:
    agents.weather.hang()

    body = {"model": "any", "messages": [{"role": "user", "content": MIXED}]}
    hang_up(f"{gateway.url('travel')}/v1/chat/completions", body, lambda: agents.weather.requests)

    assert agents.weather.last.gone.wait(30)
    assert not agents.flights.requests


def test_agents_are_told_of_in_the_access_log(gateway: Gateway, agents: Agents) -> None:
    ask(gateway, x_request_id="logged-1")

    entry = gateway.logged(lambda one: one["request_id"] == "logged-1")
    assert entry["agent"] == "flights"
    assert [one["agent"] for one in entry["agents"]] == ["weather"]
    assert entry["agents"][0]["outcome"] == "answered"
    assert MIXED not in str(entry)
