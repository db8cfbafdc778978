"""One gateway for all clients, in front of a scripted provider of each dialect."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.driver import Driver, running_driver
from tests.clients.installing import HERE, missing_node, node_clients, python_clients
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.scripted import Api, ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $PROVIDER_KEY, api: openai.chat, default: true}}
  - {{model: openai/gpt-4.1, base_url: "{responses}", access_key: $PROVIDER_KEY, api: openai.responses}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "{messages}", access_key: $PROVIDER_KEY}}
  - {{model: anthropic/claude-sonnet-4-6, base_url: "{messages}", passthrough_auth: true}}
model_aliases:
  smart: {{target: anthropic/claude-sonnet-4-5}}
"""
MODELS: dict[Api, str] = {
    "openai.chat": "openai/gpt-4o",
    "openai.responses": "openai/gpt-4.1",
    "anthropic.messages": "anthropic/claude-sonnet-4-5",
}
PROVIDER_KEY = "sk-of-the-gateway"


@dataclass(frozen=True, slots=True)
class Served:
    """The gateway's URL, and the providers behind it, without script or memory."""

    url: str
    providers: dict[Api, ScriptedProvider]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with each failure what the gateway's logs end with."""
    report = yield
    gateway = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and isinstance(gateway, Gateway):
        report.sections.append(("the gateway's logs", gateway.last_words()))
    return report


@pytest.fixture(scope="session")
def _providers() -> Iterator[dict[Api, ScriptedProvider]]:
    with (
        ScriptedProvider("openai.chat", key=PROVIDER_KEY) as chat,
        ScriptedProvider("openai.responses", key=PROVIDER_KEY) as responses,
        ScriptedProvider("anthropic.messages", key=PROVIDER_KEY) as messages,
    ):
        yield {provider.api: provider for provider in (chat, responses, messages)}


@pytest.fixture(scope="session")
def gateway(_providers: dict[Api, ScriptedProvider], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway that all tests of this folder share."""
    urls = {api.partition(".")[2]: provider.url for api, provider in _providers.items()}
    config = CONFIG.format(port=free_port(), **urls)
    home = tmp_path_factory.mktemp("gateway")
    with running_gateway(config, environ={"PROVIDER_KEY": PROVIDER_KEY}, home=home) as running:
        yield running


@pytest.fixture
def served(gateway: Gateway, _providers: dict[Api, ScriptedProvider]) -> Iterator[Served]:
    """The gateway with fresh providers. None of them may have had to refuse a request."""
    for provider in _providers.values():
        provider.clear()
    yield Served(gateway.url(), _providers)
    refused = [message for provider in _providers.values() for message in provider.refused]
    for provider in _providers.values():
        provider.clear()
    assert refused == []


def need_node() -> None:
    """Skip the test where Node packages cannot run."""
    if reason := missing_node():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def langchain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """LangChain, in its own environment."""
    command = [python_clients(), HERE / "python" / "with_langchain.py"]
    with running_driver(command, {"LANGSMITH_TRACING": "false"}, tmp_path_factory.mktemp("langchain")) as driver:
        yield driver


@pytest.fixture(scope="session")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """LiteLLM as a client, in its own environment."""
    command = [python_clients(), HERE / "python" / "with_litellm.py"]
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "true", "LITELLM_TELEMETRY": "false"}
    with running_driver(command, environ, tmp_path_factory.mktemp("litellm")) as driver:
        yield driver


@pytest.fixture(scope="session")
def genai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Google's own client, in its own environment."""
    command = [python_clients(), HERE / "python" / "with_genai.py"]
    with running_driver(command, {}, tmp_path_factory.mktemp("genai")) as driver:
        yield driver


@pytest.fixture(scope="session")
def anthropic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Anthropic's client of Vertex AI, in the environment of the other Python clients."""
    command = [python_clients(), HERE / "python" / "with_anthropic.py"]
    with running_driver(command, {}, tmp_path_factory.mktemp("anthropic")) as driver:
        yield driver


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """The Node clients, in one program."""
    need_node()
    command: list[str | Path] = ["node", HERE / "node" / "drive.mjs", node_clients()]
    with running_driver(command, {}, tmp_path_factory.mktemp("node")) as driver:
        yield driver


@pytest.fixture
def driver_of(request: pytest.FixtureRequest) -> Callable[[str], Driver]:
    """Return the program of a client; it is started at its first use."""

    def found(program: str) -> Driver:
        driver: Driver = request.getfixturevalue(program)
        return driver

    return found
