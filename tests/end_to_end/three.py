"""Three candidates of a chain, the second of another dialect than the others. Every test scripts them anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway
from tests.support.scripted import ScriptedProvider

KEYS = {"FIRST_KEY": "sk-first", "SECOND_KEY": "sk-second", "THIRD_KEY": "sk-third"}
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class Providers:
    """The three, in order."""

    first: ScriptedProvider
    second: ScriptedProvider
    third: ScriptedProvider

    def all(self) -> tuple[ScriptedProvider, ...]:
        """List them."""
        return (self.first, self.second, self.third)

    def urls(self) -> dict[str, str]:
        """Return where they are, by the names under which a configuration is to have them."""
        return {"first": self.first.url, "second": self.second.url, "third": self.third.url}


@pytest.fixture(scope="module")
def candidates() -> Iterator[Providers]:
    """The three as a gateway needs them; a test asks for `providers`."""
    with (
        ScriptedProvider("openai.chat", key="sk-first", may_receive=["x-team"]) as first,
        ScriptedProvider("anthropic.messages", key="sk-second") as second,
        ScriptedProvider("openai.chat", key="sk-third") as third,
    ):
        yield Providers(first, second, third)


@pytest.fixture
def providers(candidates: Providers) -> Iterator[Providers]:
    """The three without script or memory. None of them may have had to refuse a request."""
    for provider in candidates.all():
        provider.clear()
    yield candidates
    refused = [message for provider in candidates.all() for message in provider.refused]
    for provider in candidates.all():
        provider.clear()
    assert refused == []


def ask(gateway: Gateway, model: str, *, stream: bool = False) -> httpx.Response:
    """Ask as a client of OpenAI's chat."""
    body = {"model": model, "messages": HELLO, "stream": stream}
    return httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)
