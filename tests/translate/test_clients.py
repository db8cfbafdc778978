"""What the vendors' own Python clients make of translated streams, compared with the same answer told whole."""

import contextlib
from pathlib import Path

import httpx2
import pytest
from anthropic import Anthropic
from openai import APIError, ContentFilterFinishReasonError, LengthFinishReasonError, OpenAI

from plano_extproc.apis import Api
from plano_extproc.errors import RateLimited
from plano_extproc.translate import error_event
from tests.translate.golden import PAIRS, ROOT, beside, inputs
from tests.translate.invariants import check_stream


def streams(client: Api) -> list[Path]:
    providers = (provider for other, provider in PAIRS if other == client)
    made = (beside(path, client, "sse") for provider in providers for path in inputs("streams", provider))
    return [path for path in made if check_stream(client, path.read_bytes()).error is None]


def transport(path: Path) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=path.read_bytes())

    return httpx2.MockTransport(answer)


@pytest.mark.parametrize("path", streams("openai.chat"), ids=lambda path: path.name)
def test_openai_client_reads_a_stream(path: Path) -> None:
    content = check_stream("openai.chat", path.read_bytes())
    with (
        httpx2.Client(transport=transport(path)) as http,
        OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http) as client,
        client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        # The client's helper refuses some finish reasons once it has read them.
        with contextlib.suppress(ContentFilterFinishReasonError, LengthFinishReasonError):
            stream.until_done()
        choice = stream.current_completion_snapshot.choices[0]

    assert (choice.message.content or "") == content.text
    assert choice.finish_reason == content.finish
    calls = [call.function for call in choice.message.tool_calls or ()]
    assert [(call.name, call.arguments) for call in calls] == [(c["name"], c["arguments"]) for c in content.calls]


@pytest.mark.parametrize("path", streams("anthropic.messages"), ids=lambda path: path.name)
def test_anthropic_client_reads_a_stream(path: Path) -> None:
    content = check_stream("anthropic.messages", path.read_bytes())
    with (
        httpx2.Client(transport=transport(path)) as http,
        Anthropic(api_key="k", base_url="http://gateway", http_client=http) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        message = stream.get_final_message()

    assert "".join(block.text for block in message.content if block.type == "text") == content.text
    assert message.stop_reason == content.finish
    assert [block.name for block in message.content if block.type == "tool_use"] == [c["name"] for c in content.calls]
    assert message.usage.input_tokens == (content.usage or {})["input_tokens"]


@pytest.mark.parametrize("path", streams("openai.responses"), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_openai_client_reads_a_stream_of_responses(path: Path) -> None:
    content = check_stream("openai.responses", path.read_bytes())
    with (
        httpx2.Client(transport=transport(path)) as http,
        OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http) as client,
        client.responses.stream(model="m", input="hi") as stream,
    ):
        last = list(stream)[-1]

    assert last.type == ("response.completed" if content.finish == "completed" else "response.incomplete")
    assert last.response.output_text == content.text
    calls = [item for item in last.response.output if item.type == "function_call"]
    assert [(call.name, call.arguments) for call in calls] == [(c["name"], c["arguments"]) for c in content.calls]


def test_openai_client_is_told_of_an_error_before_the_stream() -> None:
    event = error_event("openai.responses", RateLimited("too many"))

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=event)

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http) as client,
        pytest.raises(APIError, match="too many"),
    ):
        list(client.responses.create(model="m", input="hi", stream=True))


def test_openai_client_keeps_the_signatures_of_thinking() -> None:
    path = ROOT / "streams/anthropic.messages/thinking_and_tools.openai.chat.sse"
    with (
        httpx2.Client(transport=transport(path)) as http,
        OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http) as client,
        client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        stream.until_done()
        message = stream.get_final_completion().choices[0].message.to_dict()

    assert message["reasoning_content"] == "Six by seven."
    assert message["thinking_blocks"] == [
        {"index": 0, "type": "thinking", "thinking": "Six by seven.", "signature": "c2ln"},
        {"index": 1, "type": "redacted_thinking", "data": "c2VjcmV0"},
    ]
