"""Conversations in OpenAI's dialect, written down shortly."""

import json
from typing import Any

from plano_extproc.signals import Conversations, Mode, Report


def talk(*turns: str | dict[str, Any]) -> dict[str, Any]:
    """Return a request. Texts are said by the user and the model in turn; messages stand as they are."""
    messages: list[dict[str, Any]] = []
    said = 0
    for turn in turns:
        if isinstance(turn, dict):
            messages.append(turn)
        else:
            messages.append({"role": "user" if said % 2 == 0 else "assistant", "content": turn})
            said += 1
    return {"model": "m", "messages": messages}


def user(*texts: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts]}


def call(name: str, **arguments: object) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def result(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c", "content": text}


def report(body: dict[str, Any], mode: Mode = "standard") -> Report:
    return Conversations(mode).report("openai.chat", body)


def leaves(found: Report) -> list[str]:
    return [signal.type.rpartition(".")[2] for signal in found.signals]
