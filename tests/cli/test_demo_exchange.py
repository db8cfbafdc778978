from collections.abc import Iterator

import pytest

from planoai.demo.exchange import CHAT, MESSAGES, Exchange, send
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

HELLO = Exchange(CHAT, "Hello", served_by="", says="well met", model="gpt-4o")


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key=None) as found:
        yield found


def root(provider: ScriptedProvider) -> str:
    return f"http://127.0.0.1:{provider.port}"


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_right_answer_is_read_in_both_forms(provider: ScriptedProvider, is_stream: bool) -> None:
    provider.say("well met by moonlight")
    exchange = Exchange(CHAT, "Hello", served_by="", says="well met", model="gpt-4o", is_stream=is_stream)

    outcome = send(root(provider), exchange)

    assert outcome.wrong == ""
    assert outcome.text == "well met by moonlight"
    assert (outcome.events > 1) is is_stream


def test_another_text_is_wrong(provider: ScriptedProvider) -> None:
    provider.say("go away")

    assert "lacks 'well met'" in send(root(provider), HELLO).wrong


def test_another_status_is_wrong(provider: ScriptedProvider) -> None:
    provider.fail(500, "broken")

    assert "status 500, not 200" in send(root(provider), HELLO).wrong


def test_another_server_is_wrong(provider: ScriptedProvider) -> None:
    provider.say("well met")
    exchange = Exchange(CHAT, "Hello", served_by="openai/gpt-4o", says="well met", model="gpt-4o")

    assert "served by '', not 'openai/gpt-4o'" in send(root(provider), exchange).wrong


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"choices": []}'])
def test_an_answer_of_another_shape_is_wrong(provider: ScriptedProvider, body: bytes) -> None:
    provider.answer(body)

    assert "another shape" in send(root(provider), HELLO).wrong


def test_no_answer_is_wrong() -> None:
    assert send(f"http://127.0.0.1:{free_port()}", HELLO).wrong == "no answer"


def test_an_anthropic_answer_is_read_too() -> None:
    with ScriptedProvider("anthropic.messages", key=None) as provider:
        provider.say("well met")
        exchange = Exchange(MESSAGES, "Hello", served_by="", says="well met", model="claude-sonnet-4-5")

        assert send(root(provider), exchange).wrong == ""
