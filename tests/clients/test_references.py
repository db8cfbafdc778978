"""The Vercel AI SDK with its own settings: what was said before comes as references to what the gateway has stored."""

from collections.abc import Iterator

import pytest

from tests.clients.conftest import CONFIG, MODELS, PROVIDER_KEY, Served
from tests.clients.driver import Driver
from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.reply import ToolCall
from tests.support.scripted import Api, ScriptedProvider

pytestmark = [pytest.mark.envoy, pytest.mark.node, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stored(_providers: dict[Api, ScriptedProvider], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    urls = {api.partition(".")[2]: provider.url for api, provider in _providers.items()}
    config = CONFIG.format(port=free_port(), **urls) + "state_storage: {type: memory}\n"
    environ = {"PROVIDER_KEY": PROVIDER_KEY}
    with running_gateway(config, environ=environ, home=tmp_path_factory.mktemp("stored"), workers=2) as running:
        yield Served(running.url(), _providers)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", MODELS)
def test_a_loop_of_tools_goes_on_from_references(stored: Served, node: Driver, provider: Api, stream: bool) -> None:
    scripted = stored.providers[provider]
    scripted.clear()
    calls = ToolCall("get_weather", {"city": "Paris"}, "call_a"), ToolCall("get_weather", {"city": "Rome"}, "call_b")
    scripted.call_tools(*calls, text="I will look.")
    scripted.say("Mild in both.")
    told = node.ask("vercel-openai-references", stored.url, MODELS[provider], wants="tools", stream=stream)

    assert told.text == "Mild in both."
    assert told.ran == (("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"}))
    second = scripted.last.body
    # What a provider has stored itself it is not told again.
    before = (b"item_reference",) if provider == "openai.responses" else (b"I will look.", b"call_a", b"call_b")
    assert all(word in second for word in (*before, b"18 degrees in Paris", b"18 degrees in Rome"))
    assert (b"item_reference" in second) is (provider == "openai.responses")
    assert scripted.refused == []
