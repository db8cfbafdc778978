"""What was said, row by row, read from a request in any dialect.

A message makes no row, one, or several: an answer with text and two calls makes three. The system's words make none.
What has not the shape that its dialect asks for is passed over: the provider refuses it, signals do not.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Answer, Text, ToolUse

Who = Literal["human", "gpt", "function_call", "observation"]
Reader = Callable[[Mapping[str, Any], int], Iterator["Row"]]


class Row(NamedTuple):
    """One row. `message` counts the client's messages from 0.

    A call has a `name` and `arguments`, as text or as an object; an observation may be marked as `failed`.
    """

    who: Who
    text: str
    message: int
    name: str = ""
    arguments: Any = ""
    failed: bool = False


def messages_of(api: Api, body: Mapping[str, Any]) -> list[Any]:
    """Return the messages of a request, as the client sent them."""
    found = body.get(_FIELDS[api])
    if isinstance(found, str):
        return [{"role": "user", "content": found}]
    return found if isinstance(found, list) else []


def reader(api: Api) -> Reader:
    """Return what reads the rows of a message that is an object."""
    return _READERS[api]


def rows_of(api: Api, message: Any, index: int) -> list[Row]:
    """Return the rows of one message."""
    return list(_READERS[api](message, index)) if isinstance(message, dict) else []


def rows_of_answer(answer: Answer, index: int) -> list[Row]:
    """Return the rows of an answer, which becomes the message at `index` when the conversation goes on."""
    text = "\n".join(block.text for block in answer.blocks if isinstance(block, Text))
    calls = [_call(block.name, block.input, index) for block in answer.blocks if isinstance(block, ToolUse)]
    return [Row("gpt", text, index), *calls] if text else calls


def _call(name: object, arguments: object, index: int) -> Row:
    return Row("function_call", "", index, name if isinstance(name, str) else "", arguments)


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _text(content: object) -> str:
    """Return the words of a content: a text, or parts that hold texts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    found = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "\n".join(text for text in found if isinstance(text, str))


def _observed(content: object) -> str:
    text = _text(content)
    return text or (orjson.dumps(content, default=str).decode() if isinstance(content, dict) else "")


def _chat(message: Mapping[str, Any], index: int) -> Iterator[Row]:
    match message.get("role"):
        case "user":
            yield Row("human", _text(message.get("content")), index)
        case "assistant":
            if text := _text(message.get("content")):
                yield Row("gpt", text, index)
            for call in _list(message.get("tool_calls")):
                function = call.get("function") if isinstance(call, dict) else None
                if isinstance(function, dict):
                    yield _call(function.get("name"), function.get("arguments", ""), index)
        case "tool" | "function":
            yield Row("observation", _observed(message.get("content")), index)


def _messages(message: Mapping[str, Any], index: int) -> Iterator[Row]:
    content = message.get("content")
    texts, calls = [content] if isinstance(content, str) else [], []
    for block in _list(content):
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            if isinstance(text := block.get("text"), str):
                texts.append(text)
        elif kind == "tool_result":
            yield Row("observation", _observed(block.get("content")), index, "", "", block.get("is_error") is True)
        elif kind == "tool_use":
            calls.append(_call(block.get("name"), block.get("input"), index))
    if text := "\n".join(texts):
        yield Row("human" if message.get("role") == "user" else "gpt", text, index)
    yield from calls


def _responses(item: Mapping[str, Any], index: int) -> Iterator[Row]:
    match item.get("type", "message"):
        case "message":
            text = _text(item.get("content"))
            if item.get("role") == "user":
                yield Row("human", text, index)
            elif item.get("role") == "assistant" and text:
                yield Row("gpt", text, index)
        case "function_call":
            yield _call(item.get("name"), item.get("arguments", ""), index)
        case "custom_tool_call":
            yield _call(item.get("name"), item.get("input", ""), index)
        case "function_call_output" | "custom_tool_call_output":
            yield Row("observation", _observed(item.get("output")), index, failed=item.get("status") == "failed")


def _gemini(content: Mapping[str, Any], index: int) -> Iterator[Row]:
    parts = [part for part in _list(content.get("parts")) if isinstance(part, dict)]
    for part in parts:
        if isinstance(result := part.get("functionResponse"), dict):
            response = result.get("response")
            failed = isinstance(response, dict) and "error" in response
            yield Row("observation", _observed(response), index, failed=failed)
    if text := _text([part for part in parts if not part.get("thought")]):
        yield Row("gpt" if content.get("role") == "model" else "human", text, index)
    for part in parts:
        if isinstance(call := part.get("functionCall"), dict):
            yield _call(call.get("name"), call.get("args") or {}, index)


_FIELDS: Final[Mapping[Api, str]] = {
    "openai.chat": "messages",
    "openai.responses": "input",
    "anthropic.messages": "messages",
    "gemini.generate": "contents",
    "bedrock.converse": "messages",
}

_READERS: Final[Mapping[Api, Reader]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
    "gemini.generate": _gemini,
    "bedrock.converse": _messages,
}
