import pytest

from planoai.console.playground import Refused, _streamed, _whole, request


@pytest.mark.parametrize(
    ("api", "path", "words"),
    [
        ("openai.chat", "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        (
            "anthropic.messages",
            "/v1/messages",
            {"max_tokens": 1024, "messages": [{"role": "user", "content": "Hi"}]},
        ),
        ("openai.responses", "/v1/responses", {"input": "Hi"}),
    ],
)
def test_a_prompt_is_put_into_the_words_of_each_dialect(api: str, path: str, words: dict[str, object]) -> None:
    assert request({"api": api, "prompt": "Hi"}) == (path, {"content-type": "application/json"}, words)


def test_geminis_model_is_in_the_path() -> None:
    asked = {"api": "gemini.generate", "prompt": "Hi", "model": "openai/a b", "system": "Be brief", "stream": True}
    path, _, body = request(asked)

    assert path == "/v1beta/models/openai/a%20b:streamGenerateContent?alt=sse"
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief"}]},
    }


def test_a_client_key_goes_into_the_header_alone() -> None:
    _, headers, body = request({"prompt": "Hi", "key": "sk-1", "model": "m", "stream": True})

    assert headers["authorization"] == "Bearer sk-1"
    assert body == {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    "asked",
    [{}, {"prompt": " "}, {"prompt": 1}, {"prompt": "Hi", "api": "smoke"}, {"prompt": "Hi", "api": "gemini.generate"}],
)
def test_what_cannot_be_sent_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(Refused):
        request(asked)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'data: {"choices":[{"delta":{"content":"a"}}]}', "a"),
        (b'data: {"choices":[{"delta":{}}]}', ""),
        (b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"b"}}', "b"),
        (b'data: {"type":"response.output_text.delta","delta":"c"}', "c"),
        (b'data: {"error":{"message":"no"}}', '{"message":"no"}'),
        (b'data: {"candidates":[{"content":{"parts":[{"text":"d"},{"text":"e"}]}}]}', "de"),
        (b'data: {"candidates":[{"finishReason":"STOP"}]}', ""),
        (b"data: [DONE]", ""),
        (b"event: x", ""),
    ],
)
def test_the_text_of_an_event_is_read_in_each_dialect(line: bytes, text: str) -> None:
    assert _streamed(line) == text


def test_an_answer_that_is_no_text_is_shown_whole() -> None:
    assert _whole("openai.chat", b"upstream gone", 503) == "upstream gone"
    assert '"message": "no"' in _whole("openai.chat", b'{"error":{"message":"no"}}', 400)
    assert _whole("anthropic.messages", b'{"content":[{"type":"text","text":"Hi"}]}', 200) == "Hi"
