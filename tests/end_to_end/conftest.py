"""One gateway for the whole session, in front of scripted providers that every test scripts anew."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from tests.support.clients import CLIENT_KEY
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

OPENAI_KEY = "sk-openai-of-the-gateway"
ANTHROPIC_KEY = "sk-ant-of-the-gateway"
MAX_BODY = 262_144

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $OPENAI_API_KEY, default: true, name: primary}}
  - {{model: openai/gpt-5, base_url: "{chat}", access_key: $OPENAI_API_KEY}}
  - {{model: openai/*, base_url: "{chat}", access_key: $OPENAI_API_KEY}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "{messages}", access_key: $ANTHROPIC_API_KEY}}
  - model: anthropic/claude-with-headers
    base_url: "{messages}"
    access_key: $ANTHROPIC_API_KEY
    headers: {{x-team: blue, anthropic-version: "2026-10-21"}}
  - {{model: openai/passed-on, base_url: "{passing_chat}", passthrough_auth: true}}
  - {{model: anthropic/passed-on-too, base_url: "{passing_messages}", passthrough_auth: true}}
  - {{model: openai/gone, base_url: "http://127.0.0.1:{refusing}/v1", access_key: unused}}
  - {{model: openai/impatient, base_url: "{chat}", access_key: $OPENAI_API_KEY, timeouts: {{first_byte: 2s}}}}
  - {{model: anthropic/idle, base_url: "{messages}", access_key: $ANTHROPIC_API_KEY, timeouts: {{idle: 3s}}}}
model_aliases:
  smart: {{target: anthropic/claude-sonnet-4-5}}
  quick: {{target: gpt-4o}}
overrides:
  max_body_bytes: {max_body}
"""


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers behind the gateway. The passing ones take the client's own credential."""

    chat: ScriptedProvider
    messages: ScriptedProvider
    passing_chat: ScriptedProvider
    passing_messages: ScriptedProvider

    def all(self) -> list[ScriptedProvider]:
        """List them."""
        return [getattr(self, field.name) for field in fields(self)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests their time: many start a gateway, which may take half a minute on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with each failure what the gateway's logs end with."""
    report = yield
    gateway = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and isinstance(gateway, Gateway):
        report.sections.append(("the gateway's logs", gateway.last_words()))
    return report


@pytest.fixture(scope="session")
def _providers() -> Iterator[Providers]:
    with (
        ScriptedProvider("openai.chat", key=OPENAI_KEY) as chat,
        ScriptedProvider("anthropic.messages", key=ANTHROPIC_KEY) as messages,
        ScriptedProvider("openai.chat", key=CLIENT_KEY) as passing_chat,
        ScriptedProvider("anthropic.messages", key=CLIENT_KEY) as passing_messages,
    ):
        yield Providers(chat, messages, passing_chat, passing_messages)


@pytest.fixture(scope="session")
def gateway(_providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway that most tests share; never change it, never stop it."""
    config = CONFIG.format(
        port=free_port(),
        chat=_providers.chat.url,
        messages=_providers.messages.url,
        passing_chat=_providers.passing_chat.url,
        passing_messages=_providers.passing_messages.url,
        refusing=free_port(),
        max_body=MAX_BODY,
    )
    keys = {"OPENAI_API_KEY": OPENAI_KEY, "ANTHROPIC_API_KEY": ANTHROPIC_KEY}
    home: Path = tmp_path_factory.mktemp("gateway")
    with running_gateway(config, environ=keys, home=home, workers=2) as running:
        yield running


@pytest.fixture
def providers(_providers: Providers) -> Iterator[Providers]:
    """The scripted providers, without script or memory. None of them may have had to refuse a request.

    A test that wants a refusal clears the provider's `refused` itself.
    """
    for provider in _providers.all():
        provider.clear()
    yield _providers
    refused = [message for provider in _providers.all() for message in provider.refused]
    for provider in _providers.all():
        provider.clear()
    assert refused == []


@pytest.fixture
def chat(providers: Providers) -> ScriptedProvider:
    """The OpenAI provider."""
    return providers.chat


@pytest.fixture
def messages(providers: Providers) -> ScriptedProvider:
    """The Anthropic provider."""
    return providers.messages


@pytest.fixture
def url(gateway: Gateway, providers: Providers) -> str:
    """The gateway's model listener, with fresh providers behind it."""
    return gateway.url()
