"""Files of Plano 0.1 to 0.4 for agents and prompt targets, as they are: their services answer as before."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

WEATHER = """
version: v0.1.0
listeners:
  ingress_traffic: {{address: 127.0.0.1, port: {port}, message_format: openai, timeout: 30s}}
  egress_traffic: {{address: 127.0.0.1, port: {egress}, message_format: openai}}
endpoints:
  forecasts: {{endpoint: "127.0.0.1:{api}", connect_timeout: 0.5s}}
overrides: {{optimize_context_window: true}}
system_prompt: You are a helpful assistant.
prompt_targets:
  - name: get_current_weather
    description: Get the current weather at a location.
    parameters:
      - {{name: location, description: The place, required: true, type: string, format: "City, State"}}
      - {{name: days, description: How many days, required: true, type: int}}
    endpoint: {{name: forecasts, path: /weather, http_method: POST}}
  - name: rest
    default: true
    description: Takes what no other target does.
    endpoint: {{name: forecasts, path: /rest, http_method: POST}}
    auto_llm_dispatch_on_response: false
llm_providers:
  - {{name: arch, model: openai/Arch-Function, base_url: "http://127.0.0.1:{arch}", access_key: k}}
  - {{access_key: $OPENAI_API_KEY, model: openai/gpt-4o, default: true, base_url: "http://127.0.0.1:{chat}"}}
"""
AGENTS = """
version: v0.3.0
agents:
  - {{id: weather_agent, url: "http://127.0.0.1:{weather}"}}
  - {{id: flight_agent, url: "http://127.0.0.1:{flights}"}}
model_providers:
  - {{model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true, base_url: "http://127.0.0.1:{chat}"}}
listeners:
  - type: agent
    name: travel
    address: 127.0.0.1
    port: {port}
    router: plano_orchestrator_v1
    agents:
      - {{id: weather_agent, description: 'Weather of any city, as in "What is the weather in Paris?"'}}
      - {{id: flight_agent, description: 'Flights between airports, as in "Flights from Paris to Rome"'}}
  - {{type: model, name: models, address: 127.0.0.1, port: {egress}}}
tracing: {{random_sampling: 100}}
"""
ENVIRON = {"OPENAI_API_KEY": "sk-test"}


class Api:
    """The service behind the prompt targets."""

    def __init__(self) -> None:
        self.asked: list[Recorded] = []
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.asked.append(request)
        said = {"choices": [{"message": {"role": "assistant", "content": "Anything else?"}}]}
        raw = orjson.dumps(said if request.path == "/rest" else {"degrees": 21})
        return [Head(200, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]


@pytest.fixture(scope="module")
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-test") as found:
        yield found


@pytest.fixture(scope="module")
def arch() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", is_strict=False) as found:
        yield found


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    found = Api()
    with found.server:
        yield found


@pytest.fixture(scope="module")
def weather(
    chat: ScriptedProvider, arch: ScriptedProvider, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    port = free_port()
    text = WEATHER.format(port=port, egress=free_port(), api=api.server.port, arch=arch.port, chat=chat.port)
    with running(text, tmp_path_factory.mktemp("v01")):
        yield f"http://127.0.0.1:{port}"


def running(text: str, home: Path) -> "Iterator[Gateway]":
    return running_gateway(text, environ=ENVIRON, home=home, workers=1)  # type: ignore[return-value]


def ask(url: str, text: str) -> httpx.Response:
    body = {"model": "--", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30)


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def test_arch_function_fills_a_call_and_the_default_model_answers(
    weather: str, chat: ScriptedProvider, arch: ScriptedProvider, api: Api
) -> None:
    call = {"name": "get_current_weather", "arguments": {"location": "Seattle, WA", "days": 3}}
    arch.say("```json\n" + orjson.dumps({"tool_calls": [call]}).decode() + "\n```")
    chat.say("It is 21 degrees.")

    answer = ask(weather, "How is the weather in Seattle for the next 3 days?")

    assert said(answer) == "It is 21 degrees."
    assert api.asked[-1].json() == {"location": "Seattle, WA", "days": 3}
    assert 'context: {"degrees":21}' in chat.last.json()["messages"][-1]["content"]
    assert chat.last.json()["messages"][0]["content"] == "You are a helpful assistant."


def test_arch_function_asks_back(weather: str, arch: ScriptedProvider) -> None:
    told = {"required_functions": ["get_current_weather"], "clarification": "For how many days?"}
    arch.say("```json\n" + orjson.dumps(told).decode() + "\n```")

    assert said(ask(weather, "How is the weather in Seattle?")) == "For how many days?"


def test_the_default_target_takes_the_rest(weather: str, arch: ScriptedProvider, api: Api) -> None:
    arch.say('```json\n{"response": "no function"}\n```')

    assert said(ask(weather, "Who was Napoleon?")) == "Anything else?"
    assert api.asked[-1].path == "/rest"


def test_agents_of_an_older_file_answer_in_sequence(chat: ScriptedProvider, tmp_path: Path) -> None:
    port = free_port()
    with (
        ScriptedProvider("openai.chat", is_strict=False) as weather_agent,
        ScriptedProvider("openai.chat", is_strict=False) as flight_agent,
    ):
        places = {"weather": weather_agent.port, "flights": flight_agent.port, "chat": chat.port}
        with running(AGENTS.format(port=port, egress=free_port(), **places), tmp_path):
            flight_agent.say("At 9.")
            url = f"http://127.0.0.1:{port}"
            answer = ask(url, "What is the weather in Rome, and which flights go from Paris to Rome?")
            one = ask(url, "Show me flights from Paris to Rome")

    assert said(answer) == "At 9."
    assert answer.headers["x-plano-agent"] == "weather_agent,flight_agent"
    assert one.headers["x-plano-agent"] == "flight_agent"
