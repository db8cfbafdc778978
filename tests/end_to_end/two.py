"""Two providers, one of chat and one of messages, each with a key of its own. Every test scripts them anew."""

from collections.abc import Iterator

import pytest

from tests.support.scripted import ScriptedProvider

KEYS = {"CHAT_KEY": "sk-chat", "MESSAGES_KEY": "sk-messages"}
AFFINITY = ("x-model-affinity",)
"""The header by which clients name their session; providers get it too."""


@pytest.fixture(scope="module")
def chat_provider() -> Iterator[ScriptedProvider]:
    """The one of chat as a gateway needs it; a test asks for `chat`."""
    with ScriptedProvider("openai.chat", key="sk-chat", may_receive=AFFINITY) as provider:
        yield provider


@pytest.fixture(scope="module")
def messages_provider() -> Iterator[ScriptedProvider]:
    """The one of messages as a gateway needs it; a test asks for `messages`."""
    with ScriptedProvider("anthropic.messages", key="sk-messages", may_receive=AFFINITY) as provider:
        yield provider


@pytest.fixture
def chat(chat_provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """The one of chat without script or memory. It may not have had to refuse a request."""
    chat_provider.clear()
    yield chat_provider
    assert chat_provider.refused == []


@pytest.fixture
def messages(messages_provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """The one of messages without script or memory. It may not have had to refuse a request."""
    messages_provider.clear()
    yield messages_provider
    assert messages_provider.refused == []
