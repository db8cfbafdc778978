"""What OpenAI's responses endpoint refuses, in its words. `check` raises the first `Refusal` it finds."""

import re
from collections.abc import Collection
from typing import Any, Final

from tests.support.refusal import Refusal

Json = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def check(body: Json, *, also_known: Collection[str] = ()) -> None:
    """Refuse a parsed body that OpenAI would refuse."""
    for name in body:
        if name not in FIELDS and name not in also_known:
            raise Refusal(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    if not isinstance(body.get("model"), str):
        raise _missing("model")
    if body.get("input") is None and body.get("prompt") is None:
        raise _missing("input")
    if (most := body.get("max_output_tokens")) is not None and most < 16:
        message = f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {most}."
        raise Refusal(400, message, param="max_output_tokens", code="integer_below_min_value")
    for index, tool in enumerate(body.get("tools") or ()):
        _tool(tool, f"tools[{index}]")
    if isinstance(body["input"], list):
        _items(body["input"], has_history=bool(body.get("previous_response_id") or body.get("conversation")))


def _tool(tool: Json, where: str) -> None:
    kind = tool.get("type")
    if kind != "function":
        if not isinstance(kind, str):
            raise _missing(f"{where}.type")
        return
    # Chat's nested form is the mistake that every translator makes once.
    if not isinstance(tool.get("name"), str):
        raise _missing(f"{where}.name")
    if not _NAME.fullmatch(tool["name"]):
        message = f"Invalid '{where}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."
        raise Refusal(400, message, param=f"{where}.name", code="invalid_value")
    for key in tool:
        if key not in TOOL_KEYS:
            raise Refusal(400, f"Unknown parameter: '{where}.{key}'.", param=f"{where}.{key}", code="unknown_parameter")


def _items(items: list[Json], *, has_history: bool) -> None:
    called: set[str] = set()
    answered: set[str] = set()
    for index, item in enumerate(items):
        where = f"input[{index}]"
        kind = item.get("type", "message")
        for key in REQUIRED.get(kind, ()):
            if key not in item:
                raise _missing(f"{where}.{key}")
        if kind == "message":
            _message(item, where)
        if kind in CALLS:
            called.add(item["call_id"])
        if kind in CALLS.values():
            answered.add(item["call_id"])
            if item["call_id"] not in called and not has_history:
                message = f"No tool call found for function call output with call_id {item['call_id']}."
                raise Refusal(400, message, param="input")
    if missing := called - answered:
        raise Refusal(400, f"No tool output found for function call {min(missing)}.", param="input")


def _message(item: Json, where: str) -> None:
    role = item.get("role")
    if role not in PARTS_OF_ROLE:
        raise Refusal(400, f"Invalid value: '{role}'.", param=f"{where}.role", code="invalid_value")
    content = item.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _missing(f"{where}.content")
    for index, part in enumerate(content):
        if part.get("type") not in PARTS_OF_ROLE[role]:
            allowed = ", ".join(f"'{kind}'" for kind in PARTS_OF_ROLE[role])
            message = f"Invalid value: '{part.get('type')}'. Supported values are: {allowed}."
            raise Refusal(400, message, param=f"{where}.content[{index}]", code="invalid_value")


def _missing(where: str) -> Refusal:
    return Refusal(400, f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")


FIELDS: Final = frozenset(
    {
        "background",
        "client_metadata",
        "context_management",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
TOOL_KEYS: Final = ("type", "name", "description", "parameters", "strict", "defer_loading", "output_schema")
REQUIRED: Final = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "custom_tool_call": ("call_id", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
    "reasoning": ("summary",),
}
CALLS: Final = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_SAID: Final = ("input_text", "input_image", "input_file")
PARTS_OF_ROLE: Final = {
    "user": _SAID,
    "system": _SAID,
    "developer": _SAID,
    "assistant": ("output_text", "refusal"),
}
