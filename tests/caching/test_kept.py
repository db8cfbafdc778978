import pytest

from plano_extproc.apis import Api
from plano_extproc.caching.kept import Kept, decoded, encoded, is_ended, is_whole
from tests.caching.goldens import streams


def test_an_answer_is_read_as_it_was_kept() -> None:
    kept = Kept(100.5, {"content-type": "application/json", "x-plano-model": "a/b"}, b'{"a":\n"\xff"}\n')

    assert decoded(encoded(kept)) == kept
    assert kept.age(130.9) == 30
    assert kept.age(50.0) == 0


@pytest.mark.parametrize(("api", "stream"), streams())
def test_a_stream_is_kept_only_with_its_end(api: Api, stream: bytes) -> None:
    assert is_ended(api, stream)
    assert not is_ended(api, stream[: len(stream) // 3])
    assert not is_ended(api, stream + b'event: error\ndata: {"error":{}}\n\n')


@pytest.mark.parametrize(
    ("api", "stream"),
    [
        ("openai.chat", b'data: {"choices":[{"delta":{"content":"It ends with data: [DONE]"}}]}\n\n'),
        ("anthropic.messages", b'data: {"delta":{"text":"then comes event: message_stop"}}\n\n'),
        ("openai.responses", b'event: response.incomplete\ndata: {"type":"response.incomplete"}\n\n'),
        ("openai.responses", b'event:response.failed\ndata: {"type":"response.failed"}\n\n'),
    ],
)
def test_a_stream_that_only_speaks_of_its_end_is_not_kept(api: Api, stream: bytes) -> None:
    assert not is_ended(api, stream)


def test_the_blank_line_behind_the_last_event_may_be_missing() -> None:
    assert is_ended("openai.chat", b'data: {"choices":[]}\n\ndata: [DONE]')


def test_errors_and_what_was_cut_short_are_no_answers() -> None:
    assert is_whole("openai.chat", b'{"id":"x","choices":[]}')
    assert not is_whole("openai.chat", b'{"error":{"message":"no"}}')
    assert not is_whole("openai.responses", b'{"status":"incomplete"}')
    assert not is_whole("openai.responses", b'{"status":"failed","error":{}}')
    assert is_whole("openai.responses", b'{"status":"completed","error":null}')
    for odd in (b"", b"[]", b"nothing", b'{"a":'):
        assert not is_whole("openai.chat", odd)
