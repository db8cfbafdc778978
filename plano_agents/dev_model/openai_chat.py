"""OpenAI chat completions: `POST /v1/chat/completions`, read and written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plano_agents.dev_model import fields, tokens
from plano_agents.dev_model.ask import Answer, Ask, BadRequestError, Json, Role, Stop, Tool, ToolResult, Turn


def read(body: Json) -> Ask:
    """Read a request; raise `BadRequestError` where it is not one."""
    messages = fields.messages(body)
    names = _names_of_calls(messages)
    stop = body.get("stop")
    limit = fields.count(body, "max_completion_tokens")
    return Ask(
        model=fields.text(body.get("model"), "model"),
        turns=tuple(_turn(message, index, names) for index, message in enumerate(messages)),
        tools=tuple(_tool(tool, index) for index, tool in enumerate(fields.items(body.get("tools"), "tools"))),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel_tools=fields.flag(body, "parallel_tool_calls", default=True),
        answer_schema=_answer_schema(body.get("response_format")),
        max_tokens=limit if limit is not None else fields.count(body, "max_tokens"),
        stop=(stop,)
        if isinstance(stop, str)
        else tuple(fields.text(one, "stop") for one in fields.items(stop, "stop")),
        stream=fields.flag(body, "stream"),
        stream_usage=_wants_usage(body.get("stream_options")),
    )


def whole(ask: Ask, answer: Answer, ident: str) -> Json:
    """Write an answer in one piece."""
    message: Json = {
        "role": "assistant",
        "content": answer.text if not answer.calls else None,
        "refusal": None,
    }
    if answer.calls:
        message["tool_calls"] = [_call(answer, index, ident) for index in range(len(answer.calls))]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.stop]}
    return _envelope("chat.completion", ask, ident) | {"choices": [choice], "usage": _usage(answer)}


def stream(ask: Ask, answer: Answer, ident: str) -> Iterator[bytes]:
    """Write an answer token by token, as server-sent events."""
    yield _chunk(ask, ident, {"role": "assistant", "content": "" if not answer.calls else None})
    for piece in tokens.pieces(answer.text):
        yield _chunk(ask, ident, {"content": piece})
    for index in range(len(answer.calls)):
        call = _call(answer, index, ident)
        arguments = call["function"]["arguments"]
        call["function"]["arguments"] = ""
        yield _chunk(ask, ident, {"tool_calls": [{"index": index} | call]})
        for piece in tokens.pieces(arguments):
            yield _chunk(ask, ident, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield _chunk(ask, ident, {}, FINISH[answer.stop])
    if ask.stream_usage:
        yield _event(_envelope("chat.completion.chunk", ask, ident) | {"choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def error(status: int, message: str, param: str | None = None) -> Json:
    """Write an error."""
    return {
        "error": {
            "message": message,
            "type": _ERROR_TYPES.get(status, "api_error"),
            "param": param,
            "code": None,
        }
    }


def _envelope(kind: str, ask: Ask, ident: str) -> Json:
    return {"id": f"chatcmpl-dev-{ident}", "object": kind, "created": 0, "model": ask.model}


def _chunk(ask: Ask, ident: str, delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage = {"usage": None} if ask.stream_usage else {}
    return _event(_envelope("chat.completion.chunk", ask, ident) | {"choices": [choice]} | usage)


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def _call(answer: Answer, index: int, ident: str) -> Json:
    call = answer.calls[index]
    function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_dev_{ident}_{index}", "type": "function", "function": function}


def _usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }


def _turn(message: Json, index: int, names: Mapping[str, str]) -> Turn:
    where = f"messages[{index}]"
    role = message.get("role")
    if role not in _ROLES:
        raise BadRequestError(f"{where}.role: must be one of {', '.join(_ROLES)}", f"{where}.role")
    content = message.get("content")
    if role == "tool":
        ident = fields.text(message.get("tool_call_id"), f"{where}.tool_call_id")
        if ident not in names:
            raise BadRequestError(f"{where}: no tool call before it has the id {ident!r}", where)
        return Turn("user", results=(ToolResult(names[ident], _text(content, where)),))
    images = sum(1 for part in content if _type(part) == "image_url") if isinstance(content, list) else 0
    return Turn(_ROLES[role], _text(content, where), images=images)


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = fields.items(content, f"{where}.content")
    return "\n".join(fields.text(part.get("text"), f"{where}.content") for part in parts if _type(part) == "text")


def _type(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


def _names_of_calls(messages: list[Json]) -> dict[str, str]:
    return {
        str(call.get("id")): str(fields.mapping(call.get("function"), f"messages[{index}].tool_calls").get("name"))
        for index, message in enumerate(messages)
        for call in fields.items(message.get("tool_calls"), f"messages[{index}].tool_calls")
        if isinstance(call, dict)
    }


def _tool(tool: Any, index: int) -> Tool:
    where = f"tools[{index}]"
    function = fields.mapping(fields.mapping(tool, where).get("function"), f"{where}.function")
    name = fields.text(function.get("name"), f"{where}.function.name")
    schema = fields.mapping(function.get("parameters") or {}, f"{where}.function.parameters")
    return Tool(name, str(function.get("description") or ""), schema)


def _tool_choice(choice: Any) -> str:
    if isinstance(choice, dict) and isinstance(function := choice.get("function"), dict):
        return f"={function.get('name')}"
    return {"none": "none", "required": "any"}.get(choice, "auto") if isinstance(choice, str) else "auto"


def _answer_schema(wanted: Any) -> Json | None:
    if not isinstance(wanted, dict) or wanted.get("type") not in ("json_object", "json_schema"):
        return None
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    return schema if isinstance(schema, dict) else {}


def _wants_usage(options: Any) -> bool:
    return isinstance(options, dict) and options.get("include_usage") is True


_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}
FINISH: Final[dict[Stop, str]] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool": "tool_calls",
}
_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
}
