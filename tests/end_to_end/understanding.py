"""Reads what a provider received back into a question."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from tests.end_to_end.talk import Assistant, Question, Results, Tool, Turn, User
from tests.support.reply import ToolCall
from tests.support.scripted import Api

Json = dict[str, Any]


def understood(provider: Api, body: Json) -> Question:
    """Read a request body of a dialect."""
    return READS[provider](body)


def _from_openai(body: Json) -> Question:
    messages = body["messages"]
    system = [_text(message["content"]) for message in messages if message["role"] in ("system", "developer")]
    turns: list[Turn] = []
    for message in messages:
        match message["role"]:
            case "user":
                turns.append(_openai_user(message["content"]))
            case "assistant":
                calls = message.get("tool_calls") or ()
                turns.append(Assistant(_text(message.get("content")), tuple(_openai_call(call) for call in calls)))
            case "tool":
                before = turns.pop().results if isinstance(turns[-1], Results) else ()  # type: ignore[union-attr]
                turns.append(Results((*before, (message["tool_call_id"], _text(message["content"])))))
    functions = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    stop = body.get("stop") or ()
    return Question(
        turns=tuple(turns),
        system="\n".join(system) or None,
        tools=tuple(Tool(each["name"], each.get("description", ""), each["parameters"]) for each in functions),
        tool_choice=f"={choice['function']['name']}" if isinstance(choice, dict) else choice,
        is_parallel=body.get("parallel_tool_calls"),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or 0,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
    )


def _openai_user(content: Any) -> User:
    if isinstance(content, str):
        return User(content)
    images = tuple(part["image_url"]["url"] for part in content if part["type"] == "image_url")
    return User(_text(content), images)


def _openai_call(call: Json) -> ToolCall:
    return ToolCall(call["function"]["name"], orjson.loads(call["function"]["arguments"]), call["id"])


def _from_anthropic(body: Json) -> Question:
    choice = body.get("tool_choice") or {}
    kind: Any = choice.get("type")
    disabled = choice.get("disable_parallel_tool_use")
    tools = body.get("tools") or ()
    return Question(
        turns=tuple(_anthropic_turn(message) for message in body["messages"]),
        system=_text(body.get("system")) or None,
        tools=tuple(Tool(tool["name"], tool.get("description", ""), tool["input_schema"]) for tool in tools),
        tool_choice=f"={choice['name']}" if kind == "tool" else {"any": "required"}.get(kind, kind),
        is_parallel=None if disabled is None else not disabled,
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences") or ()),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
    )


def _anthropic_turn(message: Json) -> Turn:
    content = message["content"]
    blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if message["role"] == "assistant":
        used = [block for block in blocks if block["type"] == "tool_use"]
        calls = tuple(ToolCall(block["name"], block["input"], block["id"]) for block in used)
        return Assistant(_text(blocks), calls)
    results = [block for block in blocks if block["type"] == "tool_result"]
    if results:
        assert len(results) == len(blocks)
        return Results(tuple((block["tool_use_id"], _text(block.get("content"))) for block in results))
    return User(_text(blocks), tuple(_url(block["source"]) for block in blocks if block["type"] == "image"))


def _url(source: Json) -> str:
    if source["type"] == "url":
        return str(source["url"])
    return f"data:{source['media_type']};base64,{source['data']}"


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part["type"] == "text")


READS: Final[dict[Api, Callable[[Json], Question]]] = {
    "openai.chat": _from_openai,
    "anthropic.messages": _from_anthropic,
}
