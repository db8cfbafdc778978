"""Turns of a conversation that is kept, for tests that state one fact each."""

import uuid
from typing import Any

from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.wish import wish
from plano_extproc.stores import Conversations, SharedStore
from plano_extproc.stores.threads import Limits

Json = dict[str, Any]
OWNER, OTHER = "a" * 32, "b" * 32


def made_of(store: SharedStore, **more: Any) -> Conversations:
    limits = Limits(ttl=more.pop("ttl", 1000.0), most_bytes=more.pop("most_bytes", 1_000_000))
    return Conversations(store, limits, new_id=lambda: uuid.uuid4().hex, **more)


def answer(text: str, **more: Any) -> Json:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return {"id": "resp_theirs", "object": "response", "status": "completed", "output": [item], **more}


async def begun(kept: Conversations, text: str, owner: str = OWNER, **more: Any) -> tuple[Json, Pending]:
    request = {"model": "m", "input": text, **more}
    return request, await kept.begin(owner, wish(request), request)


async def said(kept: Conversations, text: str, reply: str, **more: Any) -> str:
    _, pending = await begun(kept, text, **more)
    turn = pending.turn(answer(reply))
    assert turn is not None
    await kept.save(turn)
    return turn.id


def texts(request: Json) -> list[str]:
    return [part["text"] for item in request["input"] for part in item["content"]]
