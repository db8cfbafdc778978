"""Turns for tests."""

from typing import Any

from plano_extproc.conversation import items
from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.turn import Turn
from plano_extproc.conversation.wish import wish

Json = dict[str, Any]
NOW = 1_800_000_000


def pending(request: Json, *turns: Turn, created: int = NOW) -> Pending:
    return Pending("resp_own", "owner", created, wish(request), items.given(request.get("input")), turns)


def message(text: str, role: str = "user") -> Json:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def answered(text: str, **more: Any) -> Json:
    said = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [said]}
    return {"id": "resp_theirs", "object": "response", "status": "completed", "output": [item], **more}
