"""The texts of one message, in each dialect: its content in parts, its thoughts, and the tools that it calls."""

from collections.abc import Iterator
from typing import Any, Final

from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.place import Kind, Path, Place, Role, inside, leaves


def joined_parts(content: Any, role: Role, kind: Kind, path: Path, *, first: int = 0) -> Iterator[Place]:
    """Yield OpenAI's content: a string, or a list of parts, whose first stands at position `first`."""
    if isinstance(content, str):
        if content:
            yield Place(content, role, kind, path)
        return
    for at, part in enumerate(content if isinstance(content, list) else (), first):
        if isinstance(part, str):
            yield Place(part, role, kind, (*path, at))
        if not isinstance(part, dict):
            continue
        for key, own in (("text", kind), ("refusal", "refusal")):
            text = part.get(key)
            if isinstance(text, str) and text:
                yield Place(text, role, own, (*path, at, key))
        # Mistral's thoughts stand among the parts.
        if "thinking" in part:
            yield from joined_parts(part["thinking"], role, "reasoning", (*path, at, "thinking"))


def chat_message(message: Json, role: Role, path: Path) -> Iterator[Place]:
    """Yield the texts of a message of chat, in a request or an answer."""
    kind: Kind = "result" if role == "tool" else "text"
    for key in ("reasoning_content", "reasoning"):
        text = message.get(key)
        if isinstance(text, str) and text:
            yield Place(text, role, "reasoning", (*path, key))
    for at, detail in enumerate(message.get("reasoning_details") or ()):
        for key in ("text", "summary"):
            if isinstance(detail, dict) and isinstance(detail.get(key), str) and detail[key]:
                yield Place(detail[key], role, "reasoning", (*path, "reasoning_details", at, key))
    yield from joined_parts(message.get("content"), role, kind, (*path, "content"))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield Place(refusal, role, "refusal", (*path, "refusal"))
    calls = message.get("tool_calls")
    for at, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            yield from _called(call.get("function"), role, (*path, "tool_calls", at, "function"))
            yield from _called(call.get("custom"), role, (*path, "tool_calls", at, "custom"))
    yield from _called(message.get("function_call"), role, (*path, "function_call"))


def _called(call: Any, role: Role, path: Path) -> Iterator[Place]:
    if not isinstance(call, dict):
        return
    arguments, given = call.get("arguments"), call.get("input")
    if isinstance(arguments, str):
        yield from inside(arguments, role, "arguments", (*path, "arguments"))
    else:
        yield from leaves(arguments, role, "arguments", (*path, "arguments"))
    if isinstance(given, str) and given:
        yield Place(given, role, "arguments", (*path, "input"))


def item(held: Json, role: Role, path: Path) -> Iterator[Place]:
    """Yield the texts of an item of Responses, in a request or an answer."""
    kind = held.get("type")
    match kind:
        case "message" | None:
            yield from joined_parts(held.get("content"), role, "text", (*path, "content"))
        case "reasoning":
            for key in ("summary", "content"):
                yield from joined_parts(held.get(key), "assistant", "reasoning", (*path, key))
        case "function_call" | "custom_tool_call":
            yield from _called(held, "assistant", path)
        case _:
            # Tools' outputs, and items that are newer than this.
            for key, value in held.items():
                if key in _NAMES or (isinstance(value, str) and key == "type"):
                    continue
                if key == "arguments" and isinstance(value, str):
                    yield from inside(value, "assistant", "arguments", (*path, key))
                elif key in _ASKED:
                    yield from leaves(value, "assistant", "arguments", (*path, key))
                elif key in ("output", "content") and isinstance(value, (str, list)) and _is_parts(value):
                    yield from joined_parts(value, "tool", "result", (*path, key))
                else:
                    yield from leaves(value, "tool", "result", (*path, key))


def _is_parts(value: str | list[Any]) -> bool:
    return isinstance(value, str) or all(isinstance(part, dict) and "type" in part for part in value)


def anthropic_blocks(content: Any, role: Role, path: Path) -> Iterator[Place]:
    """Yield the texts of a message of Anthropic's: a string, or a list of blocks."""
    if isinstance(content, str):
        if content:
            yield Place(content, role, "text", path)
        return
    for at, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield from _block(block, role, (*path, at))


def _block(block: Json, role: Role, path: Path) -> Iterator[Place]:
    kind = block.get("type")
    match kind:
        case "text" | "thinking":
            text = block.get(kind)
            if isinstance(text, str) and text:
                yield Place(text, role, "text" if kind == "text" else "reasoning", (*path, kind))
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            yield from leaves(block.get("input"), role, "arguments", (*path, "input"))
        case "document" | "search_result":
            for key in ("title", "context"):
                if isinstance(block.get(key), str) and block[key]:
                    yield Place(block[key], role, "document", (*path, key))
            source = block.get("source")
            if isinstance(source, dict):
                if source.get("type") == "text" and isinstance(source.get("data"), str):
                    yield Place(source["data"], role, "document", (*path, "source", "data"))
                yield from joined_parts(source.get("content"), role, "document", (*path, "source", "content"))
            yield from joined_parts(block.get("content"), role, "document", (*path, "content"))
        case str() if kind.endswith("tool_result"):
            yield from _result(block.get("content"), (*path, "content"))


def _result(content: Any, path: Path) -> Iterator[Place]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in _NAMES:
                yield from leaves(value, "tool", "result", (*path, key))
        return
    yield from joined_parts(content, "tool", "result", path)
    for at, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict) and block.get("type") in ("document", "search_result"):
            yield from _block(block, "tool", (*path, at))
        elif isinstance(block, dict) and isinstance(block.get("title"), str):
            yield Place(block["title"], "tool", "result", (*path, at, "title"))


def gemini_parts(parts: Any, role: Role, path: Path) -> Iterator[Place]:
    """Yield the texts of a content of Gemini's. Names may be in snake case, as the API takes them too."""
    for own, part in listed(parts, path):
        text = part.get("text")
        if isinstance(text, str) and text:
            yield Place(text, role, "reasoning" if part.get("thought") is True else "text", (*own, "text"))
        for name, (key, kind) in _GEMINI.items():
            held = part.get(name)
            if isinstance(held, dict):
                owner: Role = "assistant" if kind == "arguments" else "tool"
                yield from leaves(held.get(key), owner, kind, (*own, name, key))


def listed(value: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield the objects of a list of Gemini's with their paths; the API takes a single one in place of a list too."""
    if isinstance(value, dict):
        yield path, value
    for at, held in enumerate(value if isinstance(value, list) else ()):
        if isinstance(held, dict):
            yield (*path, at), held


_NAMES: Final = frozenset(
    {"type", "id", "call_id", "status", "name", "namespace", "server_label", "encrypted_content", "role", "tool_use_id"}
    | {"approval_request_id", "execution", "signature", "image_url", "file_id", "file_data", "container_id"}
)
"""Fields that hold no text for a model."""

_ASKED: Final = frozenset({"action", "queries", "input", "code", "operation"})
"""What tools of the provider's own are asked."""

_GEMINI: Final[dict[str, tuple[str, Kind]]] = {
    "functionCall": ("args", "arguments"),
    "function_call": ("args", "arguments"),
    "functionResponse": ("response", "result"),
    "function_response": ("response", "result"),
    "executableCode": ("code", "arguments"),
    "executable_code": ("code", "arguments"),
    "codeExecutionResult": ("output", "result"),
    "code_execution_result": ("output", "result"),
}
