"""A conversation as prompt targets see it: who said what, in order. It needs no store, since callers send all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from plano_extproc.apis import Api
from plano_extproc.translate import Losses, codec
from plano_extproc.translate.chat import Message, Text


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said, as text."""

    role: Literal["system", "user", "assistant"]
    text: str


def turns_of(api: Api, body: Mapping[str, Any]) -> tuple[Turn, ...] | None:
    """Return the conversation of a request; None where the last thing said is no text of the user's.

    So it is when a tool of the caller's own has answered: such a request goes on to the model that called the tool.
    Raises `InvalidRequest` that names the field of a wrong shape.
    """
    messages = codec(api).decode_request(dict(body), Losses({})).messages
    if not messages or messages[-1].role != "user" or not _said(messages[-1]).strip():
        return None
    return tuple(Turn(message.role, text) for message in messages if (text := _said(message)).strip())


def _said(message: Message) -> str:
    return "\n".join(block.text for block in message.blocks if isinstance(block, Text))
