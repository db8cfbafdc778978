"""What Anthropic's messages endpoint refuses, in its words. `check` raises the first `Refusal` it finds."""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from tests.support.refusal import Refusal, is_number, is_whole

Json = dict[str, Any]
VERSIONS: Final = ("2023-01-01", "2023-06-01", "2026-10-21")
SYSTEM_IN_MESSAGES: Final = "2026-10-21"
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def check(body: Json, *, version: str, also_known: Collection[str] = ()) -> None:
    """Refuse a parsed body that Anthropic would refuse under an API version."""
    for name in ("model", "messages", "max_tokens"):
        if body.get(name) is None:
            raise Refusal(400, f"{name}: Field required")
    for name in body:
        if name not in FIELDS and name not in also_known:
            raise Refusal(400, f"{name}: Extra inputs are not permitted")
    for name, value in body.items():
        if name in FIELDS and value is not None and not FIELDS[name][1](value):
            raise Refusal(400, f"{name}: Input should be a valid {FIELDS[name][0]}")
    _limits(body)
    _thinking(body)
    _tools(body)
    _system(body.get("system"))
    _messages(body["messages"], version)
    marked = sum(1 for block in _all_blocks(body) if block.get("cache_control"))
    if marked > 4:
        message = f"A maximum of 4 blocks with cache_control may be provided. Found {marked}."
        raise Refusal(400, message)


def _limits(body: Json) -> None:
    if body["max_tokens"] < 1:
        raise Refusal(400, "max_tokens: Input should be greater than or equal to 1")
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and not 0 <= value <= 1:
            relation = "greater than or equal to 0" if value < 0 else "less than or equal to 1"
            raise Refusal(400, f"{name}: Input should be {relation}")
    for index, stop in enumerate(body.get("stop_sequences") or ()):
        if not isinstance(stop, str):
            raise Refusal(400, f"stop_sequences.{index}: Input should be a valid string")
        if not stop.strip():
            raise Refusal(400, "stop_sequences: each stop sequence must contain non-whitespace")
    _only_keys(body.get("metadata") or {}, ("user_id",), "metadata")
    _output_config(body.get("output_config") or {})


def _output_config(config: Json) -> None:
    _only_keys(config, ("effort", "format", "task_budget"), "output_config")
    if config.get("effort") not in (None, *EFFORTS):
        wanted = ", ".join(f"'{effort}'" for effort in EFFORTS)
        raise Refusal(400, f"output_config.effort: Input should be {wanted}")
    form = config.get("format")
    if form is None:
        return
    schema = form.get("schema")
    if form.get("type") != "json_schema" or not isinstance(schema, dict):
        raise Refusal(400, "output_config.format: Input should be a valid JSON schema format")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        message = "For 'object' type, 'additionalProperties' must be explicitly set to false"
        raise Refusal(400, f"output_config.format.schema: {message}")


def _thinking(body: Json) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind not in THINKING:
        raise Refusal(400, f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    _only_keys(thinking, THINKING[kind], f"thinking.{kind}")
    if kind == "disabled":
        return
    if kind == "enabled":
        _budget(thinking.get("budget_tokens"), body["max_tokens"])
    if body.get("temperature") not in (None, 1, 1.0):
        raise Refusal(400, "`temperature` may only be set to 1 when thinking is enabled")
    if body.get("top_k") is not None:
        raise Refusal(400, "`top_k` must be unset when thinking is enabled")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise Refusal(400, "Thinking may not be enabled when tool_choice forces tool use.")
    _thought_before_calls(body["messages"])


def _budget(budget: Any, max_tokens: int) -> None:
    if not is_whole(budget):
        raise Refusal(400, "thinking.enabled.budget_tokens: Field required")
    if budget < 1024:
        raise Refusal(400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if budget >= max_tokens:
        raise Refusal(400, "`max_tokens` must be greater than `thinking.budget_tokens`")


def _thought_before_calls(messages: list[Any]) -> None:
    assistants = [(index, message) for index, message in enumerate(messages) if message.get("role") == "assistant"]
    if not assistants:
        return
    index, message = assistants[-1]
    blocks = message.get("content")
    if not isinstance(blocks, list) or not any(block.get("type") == "tool_use" for block in blocks):
        return
    first = blocks[0].get("type")
    if first not in ("thinking", "redacted_thinking"):
        found = f"Expected `thinking` or `redacted_thinking`, but found `{first}`."
        raise Refusal(400, f"messages.{index}.content.0.type: {found}")


def _tools(body: Json) -> None:
    choice = body.get("tool_choice")
    tools = body.get("tools")
    if not tools:
        if choice is not None:
            raise Refusal(400, "tool_choice: tool_choice may only be specified while providing tools")
        return
    names = [_tool_name(tool, f"tools.{index}") for index, tool in enumerate(tools)]
    if len(set(names)) < len(names):
        raise Refusal(400, "tools: Tool names must be unique.")
    if choice is None:
        return
    kind = choice.get("type")
    if kind not in CHOICES:
        raise Refusal(
            400, f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )
    _only_keys(choice, CHOICES[kind], f"tool_choice.{kind}")
    if kind == "tool" and choice.get("name") not in names:
        raise Refusal(400, f"Tool '{choice.get('name')}' not found in provided tools")


def _tool_name(tool: Any, where: str) -> str:
    kind = tool.get("type", "custom")
    name = tool.get("name")
    if kind not in ("custom", None):
        return str(name)
    _only_keys(tool, TOOL_KEYS, f"{where}.custom")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        raise Refusal(400, f"{where}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise Refusal(400, f"{where}.custom.input_schema: Field required")
    if schema.get("type") != "object":
        raise Refusal(400, f"{where}.custom.input_schema.type: Input should be 'object'")
    return name


def _system(system: Any) -> None:
    if not isinstance(system, list):
        return
    for index, block in enumerate(system):
        if block.get("type") != "text":
            raise Refusal(400, f"system.{index}.type: Input should be 'text'")
        if not block.get("text"):
            raise Refusal(400, "system: text content blocks must be non-empty")


def _messages(messages: list[Any], version: str) -> None:
    if not messages:
        raise Refusal(400, "messages: at least one message is required")
    first = next((message for message in messages if message.get("role") != "system"), None)
    if first is None or first.get("role") != "user":
        raise Refusal(400, 'messages: first message must use the "user" role')
    due: list[str] = []
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        _message(message, where, version)
        if message["role"] == "system" and not due:
            continue
        _results(message, where, due)
        due = [block["id"] for block in _blocks(message) if block.get("type") == "tool_use"]
    if due:
        raise _unanswered(len(messages) - 1, due)


def _message(message: Any, where: str, version: str) -> None:
    _only_keys(message, ("role", "content"), where)
    role = message.get("role")
    if role == "system" and version < SYSTEM_IN_MESSAGES:
        text = (
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.'
        )
        raise Refusal(400, text)
    if role not in ("user", "assistant", "system"):
        raise Refusal(400, f"{where}.role: Input should be 'user' or 'assistant'")
    content = message.get("content")
    if not isinstance(content, str | list):
        raise Refusal(400, f"{where}.content: Input should be a valid list")
    if not content:
        raise Refusal(400, f"{where}: all messages must have non-empty content")
    for index, block in enumerate(_blocks(message)):
        _block(block, role, f"{where}.content.{index}")


def _block(block: Any, role: str, where: str) -> None:
    kind = block.get("type")
    if kind not in BLOCKS_OF_ROLE[role]:
        raise Refusal(400, f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    required, optional = BLOCKS[kind]
    for key in required:
        if key not in block:
            raise Refusal(400, f"{where}.{kind}.{key}: Field required")
    _only_keys(block, ("type", "cache_control", *required, *optional), f"{where}.{kind}")
    match kind:
        case "text" if not block["text"]:
            raise Refusal(400, "messages: text content blocks must be non-empty")
        case "text" if not isinstance(block["text"], str):
            raise Refusal(400, f"{where}.text.text: Input should be a valid string")
        case "tool_use":
            _pattern(block["id"], f"{where}.tool_use.id")
            if not isinstance(block["input"], dict):
                raise Refusal(400, f"{where}.tool_use.input: Input should be a valid dictionary")
        case "tool_result":
            _pattern(block["tool_use_id"], f"{where}.tool_result.tool_use_id")
        case "image" | "document":
            _source(block["source"], kind, f"{where}.{kind}.source")


def _pattern(ident: Any, where: str) -> None:
    if not isinstance(ident, str) or not _ID.fullmatch(ident):
        raise Refusal(400, f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$'")


def _source(source: Any, kind: str, where: str) -> None:
    form = source.get("type")
    if form not in ("base64", "url", "file", *(["text", "content"] if kind == "document" else [])):
        raise Refusal(400, f"{where}: Input tag '{form}' found using 'type' does not match any of the expected tags")
    if form != "base64":
        return
    allowed = MEDIA[kind]
    if source.get("media_type") not in allowed:
        raise Refusal(400, f"{where}.base64.media_type: Input should be {', '.join(map(repr, allowed))}")
    try:
        base64.b64decode(source.get("data", ""), validate=True)
    except binascii.Error:
        raise Refusal(400, f"{where}.base64.data: invalid base64 data") from None


def _results(message: Json, where: str, due: list[str]) -> None:
    """Every call of the turn before is answered here, once, ahead of anything else."""
    seen: list[str] = []
    has_other = False
    for index, block in enumerate(_blocks(message)):
        if block.get("type") != "tool_result":
            has_other = True
            continue
        ident = block["tool_use_id"]
        if ident not in due:
            text = (
                f"{where}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {ident}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
            raise Refusal(400, text)
        if ident in seen:
            text = f"each tool_use must have a single result. Found multiple `tool_result` blocks with id: {ident}"
            raise Refusal(400, f"{where}.content.{index}: {text}")
        if has_other:
            raise Refusal(400, f"{where}: `tool_result` blocks must come before other content")
        seen.append(ident)
    if missing := [ident for ident in due if ident not in seen]:
        raise _unanswered(int(where.rpartition(".")[2]) - 1, missing)


def _unanswered(index: int, idents: list[str]) -> Refusal:
    text = (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(idents)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )
    return Refusal(400, text)


def _blocks(message: Json) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _all_blocks(body: Json) -> Iterator[Json]:
    yield from body.get("tools") or ()
    if isinstance(body.get("system"), list):
        yield from body["system"]
    for message in body["messages"]:
        yield from _blocks(message)


def _only_keys(value: Any, known: Collection[str], where: str) -> None:
    for key in value:
        if key not in known:
            raise Refusal(400, f"{where}.{key}: Extra inputs are not permitted")


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


_STRING = ("string", _is(str))
_OBJECT = ("dictionary", _is(dict))
_LIST = ("list", _is(list))
_NUMBER = ("number", is_number)

EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
FIELDS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "cache_control": _OBJECT,
    "container": ("string", _is(str, dict)),
    "context_management": _OBJECT,
    "diagnostics": _OBJECT,
    "inference_geo": _STRING,
    "max_tokens": ("integer", is_whole),
    "mcp_servers": _LIST,
    "messages": _LIST,
    "metadata": _OBJECT,
    "model": _STRING,
    "output_config": _OBJECT,
    "service_tier": _STRING,
    "speed": _STRING,
    "stop_sequences": _LIST,
    "stream": ("boolean", _is(bool)),
    "system": ("string", _is(str, list)),
    "temperature": _NUMBER,
    "thinking": _OBJECT,
    "tool_choice": _OBJECT,
    "tools": _LIST,
    "top_k": ("integer", is_whole),
    "top_p": _NUMBER,
}
CHOICES: Final[Mapping[Any, tuple[str, ...]]] = {
    "auto": ("type", "disable_parallel_tool_use"),
    "any": ("type", "disable_parallel_tool_use"),
    "tool": ("type", "name", "disable_parallel_tool_use"),
    "none": ("type",),
}
THINKING: Final[Mapping[Any, tuple[str, ...]]] = {
    "enabled": ("type", "budget_tokens", "display"),
    "adaptive": ("type", "display"),
    "between_tools": ("type",),
    "disabled": ("type",),
}
TOOL_KEYS: Final = (
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
    "strict",
    "allowed_callers",
    "defer_loading",
    "eager_input_streaming",
    "input_examples",
)
BLOCKS_OF_ROLE: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("text", "image", "document", "tool_result", "search_result"),
    "assistant": ("text", "thinking", "redacted_thinking", "tool_use"),
    "system": ("text",),
}
BLOCKS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "text": (("text",), ("citations",)),
    "image": (("source",), ()),
    "document": (("source",), ("title", "context", "citations")),
    "search_result": (("source", "title", "content"), ("citations",)),
    "tool_use": (("id", "name", "input"), ("caller",)),
    "tool_result": (("tool_use_id",), ("content", "is_error")),
    "thinking": (("thinking", "signature"), ()),
    "redacted_thinking": (("data",), ()),
}
MEDIA: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image/jpeg", "image/png", "image/gif", "image/webp"),
    "document": ("application/pdf",),
}
