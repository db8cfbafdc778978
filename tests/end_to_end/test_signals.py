"""What conversations tell about themselves, through Envoy: in the access log and in metrics."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{url}", access_key: unused, default: true}}
overrides: {overrides}
"""
SAID = "The train from Lisbon to Vienna takes two days, and you change in Paris and in Munich."
TALK: list[dict[str, str]] = [
    {"role": "user", "content": "How do I come from Lisbon to Vienna by train?"},
    {"role": "assistant", "content": SAID},
    {"role": "user", "content": "And what does it cost?"},
]
ANGRY = [*TALK[:2], {"role": "user", "content": "Please let me talk to a human"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", is_strict=False) as found:
        yield found


@pytest.fixture(scope="module", params=["{}", "{signals_on_answer: true}", "{disable_signals: true}"])
def gateway(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, str]]:
    text = CONFIG.format(port=free_port(), url=provider.url, overrides=request.param)
    with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("signals")) as running:
        yield running, request.param


def ask(gateway: Gateway, messages: list[Any], ident: str, *, stream: bool) -> None:
    body = {"model": "gpt-4o", "messages": messages, "stream": stream}
    headers = {"x-request-id": ident}
    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text


def counted(gateway: Gateway, type_: str) -> float:
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f'plano_signals_total{{type="{type_}"}}')
    )


def test_what_a_user_says_is_in_the_access_log_and_counted_once(
    gateway: tuple[Gateway, str], provider: ScriptedProvider
) -> None:
    running, overrides = gateway
    provider.say("I am sorry to hear that.")
    for number in range(2):
        ask(running, ANGRY, f"angry-{number}", stream=False)

    entry = running.logged(lambda line: line.get("request_id") == "angry-0")
    if "disable" in overrides:
        assert entry["signals"] is None
        assert counted(running, "interaction.disengagement.escalation") == 0
        return
    assert entry["signals"] == ["interaction.disengagement.escalation"]
    assert entry["signal_quality"] in ("neutral", "poor", "severe")
    assert until(lambda: counted(running, "interaction.disengagement.escalation") == 1)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_read_only_where_the_file_says_so(
    gateway: tuple[Gateway, str], provider: ScriptedProvider, stream: bool
) -> None:
    running, overrides = gateway
    before = counted(running, "interaction.stagnation.repetition")
    provider.say(SAID)
    ask(running, [{"role": "user", "content": f"Round {stream}"}, *TALK[1:]], f"again-{stream}", stream=stream)
    running.logged(lambda line: line.get("request_id") == f"again-{stream}")

    if "signals_on_answer" in overrides:
        assert until(lambda: counted(running, "interaction.stagnation.repetition") == before + 1)
        return
    # What comes later than this is not for this answer.
    ask(running, ANGRY, f"after-{stream}", stream=False)
    running.logged(lambda line: line.get("request_id") == f"after-{stream}")
    assert counted(running, "interaction.stagnation.repetition") == before
