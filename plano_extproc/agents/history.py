"""The conversation as the agents of one exchange see it: chat completion requests, with what others said in them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.errors import InvalidRequest

Request = dict[str, Any]

_OF_THE_LAST: Final = frozenset(
    {
        "stream",
        "stream_options",
        "n",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "response_format",
        "logprobs",
        "top_logprobs",
        "modalities",
        "audio",
        "prediction",
    }
)
"""What shapes the answer that the client gets. Only the last agent gives that."""


def for_an_answer(request: Mapping[str, Any]) -> Request:
    """Return the request for an agent whose answer another agent reads."""
    return {key: value for key, value in request.items() if key not in _OF_THE_LAST} | {"stream": False}


def with_said(request: Mapping[str, Any], said: tuple[tuple[str, str], ...]) -> Request:
    """Return the request with what agents said, (id, text) in order, inserted before its last message.

    Results of tools stay behind the calls that they answer.
    """
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("messages holds no message", param="messages")
    at = len(messages) - 1
    while at > 0 and isinstance(messages[at], dict) and messages[at].get("role") in ("tool", "function"):
        at -= 1
    inserted = [{"role": "assistant", "content": text, "name": _name(ident)} for ident, text in said if text]
    return {**request, "messages": [*messages[:at], *inserted, *messages[at:]]}


def joined(said: tuple[tuple[str, str], ...]) -> str:
    """Return what several agents said as one text."""
    return "\n\n".join(text.strip() for _, text in said if text.strip())


def _name(ident: str) -> str:
    # https://platform.openai.com/docs/api-reference/chat/create allows no other characters in names, and 64 of them.
    return re.sub(r"[^A-Za-z0-9_-]", "_", ident)[:64]
