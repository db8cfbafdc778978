import orjson
import pytest

from plano_extproc.errors import BadProviderAnswer, InvalidRequest
from plano_extproc.translate import Completions, Translation, as_chat


def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    held = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + orjson.dumps(held) + b"\n\n"


STREAM = chunk({"role": "assistant", "content": "he"}) + chunk({"content": "llo \u00e9"}) + chunk({}, "stop")
DONE = b"data: [DONE]\n\n"


def test_a_prompt_becomes_a_users_message() -> None:
    chat, dropped = as_chat({"model": "m", "prompt": "hi", "max_tokens": 5, "echo": True, "best_of": 1, "stream": True})

    assert chat == {"model": "m", "max_tokens": 5, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    assert dropped == ("echo",)


@pytest.mark.parametrize("prompt", [None, "", ["a", "b"], [1, 2], [[1]], 7])
def test_what_is_no_single_text_is_refused(prompt: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        as_chat({"prompt": prompt})

    assert caught.value.param == "prompt"


def test_a_chat_answer_becomes_a_completion() -> None:
    chat = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }

    made = orjson.loads(Completions(None).response(orjson.dumps(chat)))

    assert made["object"] == "text_completion"
    assert made["choices"] == [{"index": 0, "text": "hello", "logprobs": None, "finish_reason": "stop"}]
    assert made["usage"]["total_tokens"] == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[{}]}'])
def test_garbage_is_no_answer(body: bytes) -> None:
    with pytest.raises(BadProviderAnswer):
        Completions(None).response(body)


def test_a_stream_is_the_same_wherever_it_is_cut() -> None:
    data = STREAM + DONE
    whole = Completions(None).stream().feed(data, end=True)
    for cut in range(len(data)):
        stream = Completions(None).stream()
        assert stream.feed(data[:cut], end=False) + stream.feed(data[cut:], end=True) == whole

    texts = [orjson.loads(line[6:])["choices"][0]["text"] for line in whole.split(b"\n\n")[:-2]]
    assert "".join(texts) == "hello \u00e9"
    assert whole.endswith(DONE)


@pytest.mark.parametrize("data", [STREAM, b"data: nonsense\n\n", b"data: {}\n\n"])
def test_a_stream_that_does_not_end_well_ends_with_one_error(data: bytes) -> None:
    made = Completions(None).stream().feed(data, end=True)

    assert made.count(b'"error"') == 1
    assert b"[DONE]" not in made


def test_what_another_dialect_answers_passes_through_chat() -> None:
    inner = Translation("openai.chat", "anthropic.messages", created=1)
    chat, _ = as_chat({"model": "m", "prompt": "hi", "stream": True})
    inner.request(chat, "claude")
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    data = b"".join(b"event: %s\ndata: %s\n\n" % (str(e["type"]).encode(), orjson.dumps(e)) for e in events)

    made = Completions(inner).stream().feed(data, end=True)

    assert b'"text":"hello"' in made
    assert b'"finish_reason":"stop"' in made
    assert made.endswith(DONE)
