"""The tokens of an answer, read in passing, are those that its decoder finds."""

import json
from pathlib import Path
from typing import Any

import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import codec
from plano_extproc.translate.chat import Usage
from plano_extproc.translate.codec import WRONG_SHAPE
from plano_extproc.translate.usage import StreamUsage, WithoutUsage, usage_in

GOLDEN = Path(__file__).parents[1] / "golden"
APIS: tuple[Api, ...] = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate")

STREAMS = [
    pytest.param(api, path, id=f"{api} {path.stem}")
    for api in APIS
    for path in sorted((GOLDEN / "streams" / api).glob("*.sse"))
    if "." not in path.stem
]
ANSWERS = [
    pytest.param(api, path, id=f"{api} {path.stem}")
    for api in APIS
    for path in sorted((GOLDEN / "responses" / api).glob("*.json"))
    if "." not in path.stem
]


def decoded(api: Api, stream: bytes) -> Usage | None:
    parser, decoder = codec(api).frames(), codec(api).stream_decoder()
    try:
        for event in (*parser.feed(stream), *parser.end()):
            decoder.take(event)
    except (BadProviderAnswer, *WRONG_SHAPE):
        pytest.skip("the decoder reads no further than a broken event")
    return decoder.usage


@pytest.mark.parametrize(("api", "path"), STREAMS)
def test_a_stream_tells_its_tokens_wherever_it_is_cut(api: Api, path: Path) -> None:
    stream = path.read_bytes()
    expected = decoded(api, stream)
    for at in range(0, len(stream) + 1, max(1, len(stream) // 400)):
        reader = StreamUsage(api)
        reader.feed(stream[:at])
        reader.feed(stream[at:])
        reader.end()
        assert reader.usage == expected, f"cut at {at}"


@pytest.mark.parametrize(("api", "path"), ANSWERS)
def test_a_whole_answer_tells_its_tokens(api: Api, path: Path) -> None:
    body = path.read_bytes()
    try:
        expected = codec(api).decode_answer(json.loads(body)).usage
    except (BadProviderAnswer, *WRONG_SHAPE):
        pytest.skip("no answer")
    assert usage_in(api, body) == expected


def test_a_list_tells_its_tokens_wherever_it_is_cut() -> None:
    pieces: list[Any] = [
        {"candidates": [{"content": {"parts": [{"text": 'say "usage'}]}}]},
        {"candidates": [], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}},
    ]
    stream = json.dumps(pieces, indent=2).encode()
    for at in range(len(stream) + 1):
        reader = StreamUsage("gemini.generate", "array")
        reader.feed(stream[:at])
        reader.feed(stream[at:])
        reader.end()
        assert reader.usage == Usage(input=7, output=3), f"cut at {at}"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "text", ["", "{", '{"usage": 3}', '[{"usage": {}}]', '{"usageMetadata": []}', '{"usage": null}']
)
def test_what_makes_no_sense_tells_nothing(api: Api, text: str) -> None:
    assert usage_in(api, text.encode()) is None
    reader = StreamUsage(api)
    reader.feed(f"data: {text}\n\n".encode())
    assert reader.usage is None


def test_a_line_without_end_is_not_kept() -> None:
    reader = StreamUsage("openai.chat")
    for _ in range(40):
        reader.feed(b"x" * (1 << 20))
    reader.feed(b'\ndata: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n')
    assert reader.usage == Usage(input=1, output=2)


CHUNK = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"say \\"choices\\":[]"}}],"usage":null}'
LAST = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
PROMPT_FILTER = b'data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}'


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"], ids=["LF", "CRLF"])
def test_the_chunk_of_usage_alone_is_left_out_wherever_the_stream_is_cut(end: bytes) -> None:
    events = [PROMPT_FILTER, CHUNK, b": keep-alive", LAST, b"data: [DONE]"]
    stream = b"".join(event + end for event in events)
    kept = b"".join(event + end for event in events if event is not LAST)
    for at in range(len(stream) + 1):
        without = WithoutUsage()
        made = without.feed(stream[:at], end=False) + without.feed(stream[at:], end=False) + without.feed(b"", end=True)
        assert made == kept, f"cut at {at}"


def test_an_end_without_a_line_is_passed_on() -> None:
    assert WithoutUsage().feed(b'data: {"error":"cut', end=True) == b'data: {"error":"cut'
