"""Clients that people use, as they are on their registries, with providers of every dialect behind the gateway."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import pytest

from tests.clients.conftest import MODELS, Served
from tests.clients.driver import ClientFailed, Driver, Told
from tests.support.clients import CLIENT_KEY
from tests.support.reply import Reply, ToolCall
from tests.support.scripted import DIALECTS, Api

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(600)]


@dataclass(frozen=True, slots=True)
class Errors:
    """What a client raises for a spent limit, for an unknown model, and for an error within a stream."""

    rate_limit: str
    not_found: str
    broken: str


@dataclass(frozen=True, slots=True)
class Client:
    """A client: the program that holds it, the dialect that it speaks, and its own words for what happens."""

    program: str
    api: Api | Literal["gemini.generate"]
    finish: str
    errors: Errors


OPENAI_OF_LANGCHAIN = Errors("OpenAIRateLimitError", "OpenAIModelNotFoundError", "APIError")
ANTHROPIC_OF_LANGCHAIN = Errors("AnthropicRateLimitError", "AnthropicModelNotFoundError", "APIStatusError")
LITELLM = Errors("RateLimitError", "NotFoundError", "MidStreamFallbackError")
RESPONSES_OF_LANGCHAIN = replace(OPENAI_OF_LANGCHAIN, broken="ValueError")
ANTHROPIC = Errors("RateLimitError", "NotFoundError", "APIStatusError")
NODE = Errors("RateLimitError", "NotFoundError", "APIError")
NODE_RESPONSES = replace(NODE, broken="ResponseFailed")
GENAI = Errors("ClientError", "ClientError", "ServerError")
VERCEL = Errors("APICallError", "APICallError", "Object")
CLIENTS: dict[str, Client] = {
    "langchain-openai": Client("langchain", "openai.chat", "stop", OPENAI_OF_LANGCHAIN),
    "langchain-openai-responses": Client("langchain", "openai.responses", "completed", RESPONSES_OF_LANGCHAIN),
    "langchain-anthropic": Client("langchain", "anthropic.messages", "end_turn", ANTHROPIC_OF_LANGCHAIN),
    "litellm-openai": Client("litellm", "openai.chat", "stop", LITELLM),
    "litellm-anthropic": Client("litellm", "anthropic.messages", "stop", LITELLM),
    "google-genai": Client("genai", "gemini.generate", "STOP", GENAI),
    "google-genai-vertex": Client("genai", "gemini.generate", "STOP", GENAI),
    "google-genai-express": Client("genai", "gemini.generate", "STOP", GENAI),
    "anthropic-vertex": Client("anthropic", "anthropic.messages", "end_turn", ANTHROPIC),
    "node-openai": Client("node", "openai.chat", "stop", NODE),
    "node-openai-responses": Client("node", "openai.responses", "completed", NODE_RESPONSES),
    "node-anthropic": Client("node", "anthropic.messages", "end_turn", NODE),
    "vercel-openai": Client("node", "openai.chat", "stop", VERCEL),
    "vercel-openai-responses": Client("node", "openai.responses", "stop", VERCEL),
    "vercel-openai-compatible": Client("node", "openai.chat", "stop", VERCEL),
    "vercel-anthropic": Client("node", "anthropic.messages", "stop", VERCEL),
}


def node_mark(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.node] if CLIENTS[name].program == "node" else []


def cells(*, is_translated: bool = False) -> list[Any]:
    """List pairs of client and provider."""
    return [
        pytest.param(name, provider, id=f"{name}-to-{provider}", marks=node_mark(name))
        for (name, client), provider in product(CLIENTS.items(), MODELS)
        if not (is_translated and client.api == provider)
    ]


every_cell = pytest.mark.parametrize(("name", "provider"), cells())
translated = pytest.mark.parametrize(("name", "provider"), cells(is_translated=True))
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
Drivers = Callable[[str], Driver]


@streaming
@every_cell
def test_client_reads_text_finish_and_usage(
    name: str, provider: Api, stream: bool, served: Served, driver_of: Drivers
) -> None:
    served.providers[provider].say("It is mild in Paris — 18 °C.")
    client = CLIENTS[name]
    told = driver_of(client.program).ask(name, served.url, MODELS[provider], stream=stream)

    assert told == Told("It is mild in Paris — 18 °C.", client.finish, (11, 7), ())
    sent = served.providers[provider].last
    assert bool(sent.json().get("stream")) is stream
    assert CLIENT_KEY not in str(sent.headers)


@streaming
@every_cell
def test_client_runs_the_tools_that_the_model_calls(
    name: str, provider: Api, stream: bool, served: Served, driver_of: Drivers
) -> None:
    scripted = served.providers[provider]
    calls = ToolCall("get_weather", {"city": "Paris"}, "call_a"), ToolCall("get_weather", {"city": "Rome"}, "call_b")
    scripted.call_tools(*calls, text="I will look.")
    scripted.say("Mild in both.")
    told = driver_of(CLIENTS[name].program).ask(name, served.url, MODELS[provider], wants="tools", stream=stream)

    assert told.text == "Mild in both."
    assert told.ran == (("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"}))
    first, second = scripted.requests
    assert b"get_weather" in first.body
    for word in (b"call_a", b"18 degrees in Paris", b"call_b", b"18 degrees in Rome"):
        assert word in second.body


@streaming
@every_cell
def test_client_raises_its_own_error_for_the_providers(
    name: str, provider: Api, stream: bool, served: Served, driver_of: Drivers
) -> None:
    served.providers[provider].fail(429, "Slow down, please.", retry_after=2)
    client = CLIENTS[name]
    with pytest.raises(ClientFailed) as failed:
        driver_of(client.program).ask(name, served.url, MODELS[provider], stream=stream)

    assert (failed.value.type, failed.value.status) == (client.errors.rate_limit, 429)
    assert "Slow down, please." in failed.value.message


@pytest.mark.parametrize("name", [pytest.param(name, marks=node_mark(name)) for name in CLIENTS])
def test_client_shows_what_the_gateway_says_of_an_unknown_model(name: str, served: Served, driver_of: Drivers) -> None:
    client = CLIENTS[name]
    with pytest.raises(ClientFailed) as failed:
        driver_of(client.program).ask(name, served.url, "openai/gpt-4oo")

    assert (failed.value.type, failed.value.status) == (client.errors.not_found, 404)
    assert "openai/gpt-4o" in failed.value.message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("google-genai", "models/{provider}/{model}"),
        ("google-genai-vertex", "publishers/{provider}/models/{model}"),
        ("google-genai-express", "publishers/{provider}/models/{model}"),
    ],
)
def test_googles_client_looks_models_up_and_has_tokens_counted(
    name: str, shown: str, served: Served, driver_of: Drivers
) -> None:
    driver = driver_of("genai")
    model = MODELS["openai.chat"]
    provider, _, rest = model.partition("/")
    names = driver.ask(name, served.url, model, wants="models").text.splitlines()

    assert shown.format(provider=provider, model=rest) in names
    assert len(names) == len(set(names)) >= len(MODELS)
    assert 5 <= int(driver.ask(name, served.url, model, wants="count").text) <= 20


@translated
def test_stream_that_breaks_off_is_an_error_to_the_client(
    name: str, provider: Api, served: Served, driver_of: Drivers
) -> None:
    request = {"model": "m", "stream": True}
    whole = list(DIALECTS[provider].stream(Reply("This is never finished."), request))
    served.providers[provider].stream(whole[: len(whole) // 2])
    client = CLIENTS[name]
    with pytest.raises(ClientFailed) as failed:
        driver_of(client.program).ask(name, served.url, MODELS[provider], stream=True)

    assert failed.value.type == client.errors.broken
    assert "the provider's stream ended early" in failed.value.message
