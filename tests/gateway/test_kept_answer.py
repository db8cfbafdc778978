"""Answers that are kept to be read for signals."""

import json
from typing import Any

import pytest

from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.telemetry.kept_answer import KeptAnswer
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.translate.chat import Text


def work() -> Work:
    return Work(Ask("models", Surface("openai.chat"), {}, "", None), b"", {})


def done(doing: Doing[bytes]) -> bytes:
    with pytest.raises(StopIteration) as ended:
        next(doing)
    found: bytes = ended.value.value
    return found


def chat(holder: str, text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", holder: {"role": "assistant", "content": text}}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def test_a_whole_answer_is_read() -> None:
    kept, body = KeptAnswer(), json.dumps(chat("message", "Hi")).encode()

    assert done(kept.whole(body)) == body
    answer = kept.answer(work())
    assert answer is not None
    assert [part.text for part in answer.blocks if isinstance(part, Text)] == ["Hi"]


def test_a_stream_is_read_at_its_end() -> None:
    kept, body = KeptAnswer(), b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chat("delta", "Hi")).encode()

    assert [done(kept.feed(part, False)) for part in (body[:20], body[20:])] == [body[:20], body[20:]]
    answer = kept.answer(work())
    assert answer is not None
    assert [part.text for part in answer.blocks if isinstance(part, Text)] == ["Hi"]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b" " * ((1 << 20) + 1)])
def test_what_cannot_be_read_is_no_answer(body: bytes) -> None:
    kept = KeptAnswer()
    done(kept.whole(body))

    assert kept.answer(work()) is None
