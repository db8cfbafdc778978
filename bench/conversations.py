"""What clients of every dialect ask for: conversations of any length, with tool results of any size.

Tools are called all along, since what a long conversation may cost too much is the search for a result's call.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bench.payloads import REPLY, TURN
from plano_extproc.apis import Api

Turns = Callable[[int, str], list[dict[str, Any]]]

MESSAGES_A_ROUND: Final = 4
"""The question, the call of a tool, its result, the reply."""

_TOOL = "timetable"
_ARGUMENTS = {"from": "Lisbon", "to": "Vienna"}
_ARGUMENTS_TEXT = '{"from":"Lisbon","to":"Vienna"}'
_SCHEMA = {"type": "object", "properties": {"from": {"type": "string"}, "to": {"type": "string"}}}
_ABOUT = "Look up the trains between two towns."
_ROW = '{"leaves": "08:10", "arrives": "21:45", "via": "Hendaye"}\n'


def conversation(api: Api, rounds: int, result: str = _ROW) -> dict[str, Any]:
    """Return the body of a request for a stream; each round's tool has the same `result`."""
    turns, wrap = _CLIENTS[api]
    said = [turn for number in range(rounds) for turn in turns(number, result)]
    # A model answers a question, not itself.
    return wrap([*said, turns(rounds, result)[0]])


def text(size: int) -> str:
    """Return a tool result of about so many bytes, with quotes and line ends to be escaped."""
    return _ROW * (size // len(_ROW))


def _chat(number: int, result: str) -> list[dict[str, Any]]:
    call = {"id": f"call_{number}", "type": "function", "function": {"name": _TOOL, "arguments": _ARGUMENTS_TEXT}}
    return [
        {"role": "user", "content": TURN},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": result},
        {"role": "assistant", "content": REPLY},
    ]


def _messages(number: int, result: str) -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": _TOOL, "input": _ARGUMENTS}
    return [
        {"role": "user", "content": TURN},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": result}]},
        {"role": "assistant", "content": [{"type": "text", "text": REPLY}]},
    ]


def _responses(number: int, result: str) -> list[dict[str, Any]]:
    call_id = f"call_{number}"
    return [
        {"role": "user", "content": TURN},
        {"type": "function_call", "call_id": call_id, "name": _TOOL, "arguments": _ARGUMENTS_TEXT},
        {"type": "function_call_output", "call_id": call_id, "output": result},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": REPLY}]},
    ]


def _gemini(_number: int, result: str) -> list[dict[str, Any]]:
    # Without ids, as many callers have it: a result is then matched with its call by its name and place.
    return [
        {"role": "user", "parts": [{"text": TURN}]},
        {"role": "model", "parts": [{"functionCall": {"name": _TOOL, "args": _ARGUMENTS}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": _TOOL, "response": {"result": result}}}]},
        {"role": "model", "parts": [{"text": REPLY}]},
    ]


_CHAT_TOOL = {"type": "function", "function": {"name": _TOOL, "description": _ABOUT, "parameters": _SCHEMA}}
_MESSAGES_TOOL = {"name": _TOOL, "description": _ABOUT, "input_schema": _SCHEMA}
_RESPONSES_TOOL = {"type": "function", "name": _TOOL, "description": _ABOUT, "parameters": _SCHEMA}
_GEMINI_TOOL = {"functionDeclarations": [{"name": _TOOL, "description": _ABOUT, "parametersJsonSchema": _SCHEMA}]}


def _wrap(field: str, tool: Mapping[str, Any], **more: object) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    return lambda said: {field: said, "tools": [tool], **more}


_CLIENTS: Final[Mapping[Api, tuple[Turns, Callable[[list[dict[str, Any]]], dict[str, Any]]]]] = {
    "openai.chat": (_chat, _wrap("messages", _CHAT_TOOL, model="m", stream=True)),
    "anthropic.messages": (_messages, _wrap("messages", _MESSAGES_TOOL, model="m", stream=True, max_tokens=1024)),
    "openai.responses": (_responses, _wrap("input", _RESPONSES_TOOL, model="m", stream=True)),
    "gemini.generate": (_gemini, _wrap("contents", _GEMINI_TOOL)),
}
