"""The last event of a stream is known however the bytes are cut."""

import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import LastEvent

CHAT = b'data: {"choices":[{"delta":{"content":"\\ndata: [DONE]\\n\\n"}}]}\n\n'
EVENT = b'event: ping\ndata: {"type":"ping","text":"event: message_stop"}\n\n'
STREAMS: list[tuple[Api, bytes, bytes]] = [
    ("openai.chat", CHAT, b"data: [DONE]\n\n"),
    ("openai.chat", CHAT, b"data:[DONE]\r\n\r\n"),
    ("openai.chat", b"", b"data: [DONE]\r\r"),
    ("anthropic.messages", EVENT, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ("anthropic.messages", EVENT, b'event:message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n'),
    ("openai.responses", EVENT, b'event: response.completed\ndata: {"response":{}}\n\n'),
    ("openai.responses", EVENT, b'event: response.incomplete\ndata: {"response":{}}\n\n'),
    ("openai.responses", EVENT, b'event: response.failed\ndata: {"response":{}}\n\n'),
]


@pytest.mark.parametrize(("api", "before", "last"), STREAMS)
def test_the_last_event_is_known_however_it_is_cut(api: Api, before: bytes, last: bytes) -> None:
    stream = before + last
    for cut in range(len(stream)):
        events = LastEvent(api)
        assert not events.feed(stream[:cut])
        assert events.feed(stream[cut:])
    events = LastEvent(api)
    assert [events.feed(stream[at : at + 1]) for at in range(len(stream))] == [False] * (len(stream) - 1) + [True]


@pytest.mark.parametrize(
    ("api", "stream"),
    [
        ("openai.chat", CHAT * 3),
        ("openai.chat", b"x" * 25 + b"data: [DONE]\n\n"),
        ("anthropic.messages", EVENT * 3 + b"event: message_delta\n\n"),
        ("openai.responses", EVENT + b"event: response.output_text.done\n\n"),
        ("gemini.generate", b'data: {"candidates":[{"finishReason":"STOP"}]}\n\ndata: [DONE]\n\n'),
    ],
)
def test_nothing_else_is_the_last_event(api: Api, stream: bytes) -> None:
    events = LastEvent(api)
    assert not any(events.feed(stream[at : at + 1]) for at in range(len(stream)))
    assert not LastEvent(api).feed(stream)
