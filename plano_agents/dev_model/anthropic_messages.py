"""Anthropic messages: `POST /v1/messages`, read and written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plano_agents.dev_model import fields, tokens
from plano_agents.dev_model.ask import Answer, Ask, BadRequestError, Json, Role, Stop, Tool, ToolResult, Turn


def read(body: Json) -> Ask:
    """Read a request; raise `BadRequestError` where it is not one."""
    messages = fields.messages(body)
    limit = fields.count(body, "max_tokens")
    if limit is None:
        raise BadRequestError("max_tokens: Field required", "max_tokens")
    names = _names_of_calls(messages)
    choice = fields.mapping(body.get("tool_choice") or {}, "tool_choice")
    system = _text(body.get("system"), "system")
    turns = tuple(_turn(message, index, names) for index, message in enumerate(messages))
    return Ask(
        model=fields.text(body.get("model"), "model"),
        turns=((Turn("system", system),) if system else ()) + turns,
        tools=tuple(_tool(tool, index) for index, tool in enumerate(fields.items(body.get("tools"), "tools"))),
        tool_choice=f"={choice.get('name')}" if choice.get("type") == "tool" else str(choice.get("type") or "auto"),
        parallel_tools=not fields.flag(choice, "disable_parallel_tool_use"),
        answer_schema=_answer_schema(body.get("output_config")),
        max_tokens=limit,
        stop=tuple(
            fields.text(one, "stop_sequences") for one in fields.items(body.get("stop_sequences"), "stop_sequences")
        ),
        thinks=fields.mapping(body.get("thinking") or {}, "thinking").get("type") in ("enabled", "adaptive"),
        stream=fields.flag(body, "stream"),
    )


def whole(ask: Ask, answer: Answer, ident: str) -> Json:
    """Write an answer in one piece."""
    return _message(ask, ident) | {
        "content": _blocks(answer, ident),
        "stop_reason": STOP_REASONS[answer.stop],
        "stop_sequence": answer.stop_sequence,
        "usage": _usage(answer, answer.output_tokens),
    }


def stream(ask: Ask, answer: Answer, ident: str) -> Iterator[bytes]:
    """Write an answer token by token, as server-sent events."""
    yield _event("message_start", {"message": _message(ask, ident) | {"usage": _usage(answer, 1)}})
    yield _event("ping", {})
    for index, block in enumerate(_blocks(answer, ident)):
        empty, deltas = _taken_apart(block)
        yield _event("content_block_start", {"index": index, "content_block": empty})
        for delta in deltas:
            yield _event("content_block_delta", {"index": index, "delta": delta})
        yield _event("content_block_stop", {"index": index})
    delta = {"stop_reason": STOP_REASONS[answer.stop], "stop_sequence": answer.stop_sequence}
    yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": answer.output_tokens}})
    yield _event("message_stop", {})


def error(status: int, message: str, param: str | None = None) -> Json:  # noqa: ARG001 - as every dialect writes it
    """Write an error; this dialect names the field in the message only."""
    return {"type": "error", "error": {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}}


def _message(ask: Ask, ident: str) -> Json:
    return {
        "id": f"msg_dev_{ident}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(answer: Answer, ident: str) -> list[Json]:
    thinking = {"type": "thinking", "thinking": answer.thinking, "signature": f"dev-{ident}"}
    text = {"type": "text", "text": answer.text}
    calls: list[Json] = [
        {"type": "tool_use", "id": f"toolu_dev_{ident}_{index}", "name": call.name, "input": call.arguments}
        for index, call in enumerate(answer.calls)
    ]
    return [thinking] * bool(answer.thinking) + [text] * bool(answer.text) + calls


def _taken_apart(block: Json) -> tuple[Json, list[Json]]:
    """Split a block into its empty form and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            deltas: list[Json] = [
                {"type": "thinking_delta", "thinking": piece} for piece in tokens.pieces(block["thinking"])
            ]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return block | {"thinking": "", "signature": ""}, deltas
        case "text":
            return block | {"text": ""}, [
                {"type": "text_delta", "text": piece} for piece in tokens.pieces(block["text"])
            ]
        case _:
            pieces = tokens.pieces(json.dumps(block["input"], ensure_ascii=False))
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _event(kind: str, event: Json) -> bytes:
    line = json.dumps({"type": kind} | event, ensure_ascii=False)
    return f"event: {kind}\ndata: {line}\n\n".encode()


def _usage(answer: Answer, output_tokens: int) -> Json:
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _turn(message: Json, index: int, names: Mapping[str, str]) -> Turn:
    where = f"messages[{index}]"
    role = message.get("role")
    if role not in _ROLES:
        raise BadRequestError(f"{where}.role: must be one of {', '.join(_ROLES)}", f"{where}.role")
    content = message.get("content")
    blocks = [] if isinstance(content, str) else _blocks_in(content, where)
    results = tuple(_result(block, where, names) for block in blocks if block.get("type") == "tool_result")
    images = sum(1 for block in blocks if block.get("type") == "image")
    return Turn(_ROLES[role], _text(content, where), results, images)


def _blocks_in(content: Any, where: str) -> list[Json]:
    found = fields.items(content, f"{where}.content")
    return [fields.mapping(block, f"{where}.content[{index}]") for index, block in enumerate(found)]


def _result(block: Json, where: str, names: Mapping[str, str]) -> ToolResult:
    ident = fields.text(block.get("tool_use_id"), f"{where}.content.tool_use_id")
    if ident not in names:
        raise BadRequestError(f"{where}: no tool_use before it has the id {ident!r}", where)
    return ToolResult(names[ident], _text(block.get("content"), where), fields.flag(block, "is_error"))


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = (block for block in _blocks_in(content, where) if block.get("type") == "text")
    return "\n".join(fields.text(block.get("text"), f"{where}.content") for block in texts)


def _names_of_calls(messages: list[Json]) -> dict[str, str]:
    return {
        str(block.get("id")): str(block.get("name"))
        for message in messages
        if isinstance(content := message.get("content"), list)
        for block in content
        if isinstance(block, dict) and block.get("type") == "tool_use"
    }


def _tool(tool: Any, index: int) -> Tool:
    where = f"tools[{index}]"
    offered = fields.mapping(tool, where)
    schema = fields.mapping(offered.get("input_schema") or {}, f"{where}.input_schema")
    return Tool(fields.text(offered.get("name"), f"{where}.name"), str(offered.get("description") or ""), schema)


def _answer_schema(config: Any) -> Json | None:
    wanted = config.get("format") if isinstance(config, dict) else None
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    return schema if isinstance(schema, dict) else None


_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
STOP_REASONS: Final[dict[Stop, str]] = {
    "end": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool": "tool_use",
}
_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
}
