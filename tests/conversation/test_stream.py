import itertools
from typing import Any

import orjson
import pytest

from plano_extproc.conversation.stream import KeptStream
from plano_extproc.conversation.turn import Turn
from plano_extproc.errors import Unavailable
from tests.conversation.making import Json, answered, pending

REQUEST = {"input": "x"}


def event(kind: str, **more: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **more}) + b"\n\n"


def started() -> Json:
    return {"id": "resp_theirs", "object": "response", "status": "in_progress", "output": []}


ITEM = answered("héllo")["output"][0]
BEGIN = event("response.created", response=started(), sequence_number=0)
MIDDLE = (
    event("response.output_item.added", output_index=0, item={**ITEM, "content": []})
    + b": keep-alive\n\n"
    + event("response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta="héllo")
    + event("response.output_item.done", output_index=0, item=ITEM)
)
END = event("response.completed", response=answered("héllo"))
STREAM = BEGIN + MIDDLE + END


def read(stream: bytes, *cuts: int) -> tuple[bytes, Turn | None, bytes]:
    """Return what is let through, the turn, and what is held back."""
    kept = KeptStream(pending(REQUEST))
    places = [0, *cuts, len(stream)]
    out, turn = b"", None
    for start, end in itertools.pairwise(places):
        out += kept.feed(stream[start:end], end == len(stream))
        due = kept.due()
        if due is not None:
            assert turn is None
            turn = due
    return out, turn, kept.release()


def test_the_end_is_held_back_until_the_turn_is_saved() -> None:
    out, turn, held = read(STREAM)

    assert turn is not None
    assert turn.id == "resp_own"
    assert turn.output == [ITEM]
    assert b"response.completed" not in out
    assert b"response.output_item.done" in out
    assert b"response.completed" in held
    assert b"resp_theirs" not in out + held


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_wherever_the_bytes_are_cut(cut: int) -> None:
    assert read(STREAM, cut) == read(STREAM)


def test_byte_by_byte() -> None:
    assert read(STREAM, *range(1, len(STREAM))) == read(STREAM)


def test_what_follows_the_end_is_held_back_too() -> None:
    out, _, held = read(STREAM + b"data: [DONE]\n\n")

    assert b"[DONE]" not in out
    assert held.endswith(b"data: [DONE]\n\n")


def test_items_that_only_events_told_are_kept() -> None:
    bare = event("response.completed", response={**answered("x"), "output": []})
    _, turn, held = read(BEGIN + MIDDLE + bare)

    assert turn is not None
    assert turn.output == [ITEM]
    assert orjson.loads(held.split(b"data: ")[1])["response"]["output"] == [ITEM]


@pytest.mark.parametrize(
    "end",
    [
        b"",
        event("response.failed", response={**started(), "status": "failed"}),
        event("error", message="no", code="server_error"),
    ],
)
def test_a_stream_that_fails_is_no_turn_and_passes(end: bytes) -> None:
    out, turn, held = read(BEGIN + MIDDLE + end)

    assert turn is None
    assert held == b""
    assert b"resp_theirs" not in out
    assert end[:20] in out


def test_a_stream_that_is_not_to_be_stored_passes_to_its_end() -> None:
    kept = KeptStream(pending({"input": "x", "store": False}))
    out = kept.feed(STREAM, True)

    assert kept.due() is None
    assert b"response.completed" in out
    assert b'"store":false' in out


def test_a_turn_that_cannot_be_saved_ends_with_one_error() -> None:
    kept = KeptStream(pending(REQUEST))
    kept.feed(STREAM, True)
    assert kept.due() is not None
    told = kept.refuse(Unavailable("not kept", code="state_store_unavailable"))

    assert told.count(b"data: ") == 1
    assert b"state_store_unavailable" in told
    assert kept.release() == b""


def test_what_a_provider_stores_itself_keeps_its_id() -> None:
    kept = KeptStream(pending(REQUEST), "openai/gpt")
    begun = event("response.created", response={**started(), "store": True})
    out = kept.feed(begun + event("response.completed", response=answered("x", store=True)), True)
    turn = kept.due()

    assert turn is not None
    assert turn.id == "resp_theirs"
    assert b"resp_theirs" in out
