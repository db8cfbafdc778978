"""What OpenAI's chat completions endpoint refuses, in its words. `check` raises the first `Refusal` it finds."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from tests.support.refusal import Refusal, is_number, is_whole

Json = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_REASONING_MODEL = re.compile(r"(o\d|gpt-5)")


def check(body: Json, *, also_known: Collection[str] = ()) -> None:
    """Refuse a parsed body that OpenAI would refuse."""
    unknown = [name for name in body if name not in FIELDS and name not in also_known]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise Refusal(400, f"Unrecognized request argument{plural} supplied: {', '.join(unknown)}")
    if not isinstance(body.get("model"), str):
        raise Refusal(400, "you must provide a model parameter")
    for name, value in body.items():
        if value is not None and name in FIELDS and not FIELDS[name][1](value):
            raise _invalid_type(name, FIELDS[name][0], value)
    _limits(body)
    _reasoning(body)
    _tools(body)
    _messages(body.get("messages"))


def _invalid_type(where: str, wanted: str, value: Any) -> Refusal:
    message = f"Invalid type for '{where}': expected {wanted}, but got {_kind(value)} instead."
    return Refusal(400, message, param=where, code="invalid_type")


def _invalid(where: str, message: str, code: str = "invalid_value") -> Refusal:
    return Refusal(400, message, param=where, code=code)


def _limits(body: Json) -> None:
    for name, (least, most) in RANGES.items():
        value = body.get(name)
        if value is not None and not least <= value <= most:
            side, limit = ("minimum", least) if value < least else ("maximum", most)
            relation = ">=" if side == "minimum" else "<="
            message = (
                f"Invalid '{name}': value out of range. Expected a value {relation} {limit}, but got {value} instead."
            )
            raise _invalid(name, message, f"decimal_{'below_min' if side == 'minimum' else 'above_max'}_value")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise Refusal(400, "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise Refusal(400, message, param="stream_options")
    options = body.get("stream_options") or {}
    if extra := [name for name in options if name not in ("include_usage", "include_obfuscation")]:
        raise _unknown(f"stream_options.{extra[0]}")
    if isinstance(stop := body.get("stop"), list) and len(stop) > 4:
        message = "Invalid 'stop': array too long. Expected an array with maximum length 4."
        raise _invalid("stop", message, "array_above_max_length")
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise Refusal(400, "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
    if (effort := body.get("reasoning_effort")) is not None and effort not in EFFORTS:
        raise _invalid("reasoning_effort", f"Invalid value: '{effort}'. Supported values are: {EFFORTS}.")
    _response_format(body.get("response_format"))
    metadata = body.get("metadata") or {}
    if len(metadata) > 16 or not all(isinstance(value, str) for value in metadata.values()):
        raise _invalid("metadata", "Invalid 'metadata': at most 16 pairs of strings.")


def _response_format(wanted: Any) -> None:
    if wanted is None:
        return
    kind = wanted.get("type")
    if kind not in ("text", "json_object", "json_schema"):
        raise _invalid("response_format.type", f"Invalid value: '{kind}'.")
    if kind != "json_schema":
        return
    named = wanted.get("json_schema")
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        raise _missing("response_format.json_schema.name")
    schema = named.get("schema")
    if named.get("strict") and isinstance(schema, dict) and schema.get("additionalProperties") is not False:
        message = (
            f"Invalid schema for response_format '{named['name']}': In context=(), "
            "'additionalProperties' is required to be supplied and to be false."
        )
        raise _invalid("response_format", message)


def _reasoning(body: Json) -> None:
    model = body["model"]
    if not _REASONING_MODEL.match(model):
        if body.get("reasoning_effort") is not None:
            raise Refusal(400, "Unrecognized request argument supplied: reasoning_effort")
        return
    if body.get("max_tokens") is not None:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        raise _invalid("max_tokens", message, "unsupported_parameter")
    if body.get("temperature") not in (None, 1, 1.0):
        message = (
            "Unsupported value: 'temperature' does not support this value. Only the default (1) value is supported."
        )
        raise _invalid("temperature", message, "unsupported_value")


def _tools(body: Json) -> None:
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) is not None:
                raise Refusal(400, f"'{name}' is only allowed when 'tools' are specified.", param=name)
        return
    if not tools:
        message = (
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise _invalid("tools", message, "empty_array")
    names = [_tool_name(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in ("none", "auto", "required"):
        raise _invalid(
            "tool_choice", f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'."
        )
    if isinstance(choice, dict):
        named = (choice.get("function") or {}).get("name")
        if named not in names:
            raise _invalid("tool_choice", f"Tool choice '{named}' not found in 'tools' parameter.")


def _tool_name(tool: Any, where: str) -> str:
    if tool.get("type") != "function":
        raise _invalid(f"{where}.type", f"Invalid value: '{tool.get('type')}'. Supported values are: 'function'.")
    _only_keys(tool, ("type", "function"), where)
    function = tool.get("function")
    if not isinstance(function, dict):
        raise _missing(f"{where}.function")
    _only_keys(function, ("name", "description", "parameters", "strict"), f"{where}.function")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"Invalid '{where}.function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."
        raise _invalid(f"{where}.function.name", message)
    parameters = function.get("parameters")
    if parameters is not None and parameters.get("type") != "object":
        message = f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'."
        raise _invalid(f"{where}.function.parameters", message, "invalid_function_parameters")
    return name


def _messages(messages: Any) -> None:
    if messages is None:
        raise _missing("messages")
    if not messages:
        message = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise _invalid("messages", message, "empty_array")
    due: list[str] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise _invalid_type(where, "an object", message)
        role = str(message.get("role"))
        if role not in KEYS_OF_ROLE:
            roles = ", ".join(f"'{name}'" for name in KEYS_OF_ROLE)
            raise _invalid(f"{where}.role", f"Invalid value: '{role}'. Supported values are: {roles}.")
        _only_keys(message, KEYS_OF_ROLE[role], where)
        due = _calls_due(message, role, where, due)
        _content(message, role, where)
    _all_answered(due)


def _calls_due(message: Json, role: str, where: str, due: list[str]) -> list[str]:
    if role == "tool":
        ident = message.get("tool_call_id")
        if not isinstance(ident, str):
            raise _missing(f"{where}.tool_call_id")
        if ident not in due:
            text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            raise Refusal(400, f"Invalid parameter: {text}", param=f"{where}.role")
        return [other for other in due if other != ident]
    _all_answered(due)
    if message.get("tool_calls") is None:
        return []
    calls = message["tool_calls"]
    if not calls:
        raise _invalid(f"{where}.tool_calls", f"Invalid '{where}.tool_calls': empty array.", "empty_array")
    return [_call_id(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(calls)]


def _all_answered(due: list[str]) -> None:
    if due:
        message = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(due)}"
        )
        raise Refusal(400, message, param="messages")


def _call_id(call: Any, where: str) -> str:
    _only_keys(call, ("id", "type", "function"), where)
    if call.get("type") != "function":
        raise _missing(f"{where}.type")
    ident = call.get("id")
    if not isinstance(ident, str):
        raise _missing(f"{where}.id")
    if len(ident) > 40:
        message = f"Invalid '{where}.id': string too long. Expected a string with maximum length 40."
        raise _invalid(f"{where}.id", message, "string_above_max_length")
    function = call.get("function")
    if not isinstance(function, dict):
        raise _missing(f"{where}.function")
    for name in ("name", "arguments"):
        if not isinstance(function.get(name), str):
            raise _invalid_type(f"{where}.function.{name}", "a string", function.get(name))
    return ident


def _content(message: Json, role: str, where: str) -> None:
    content = message.get("content")
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("refusal")):
            return
        expected = f"Invalid value for 'content': expected a string, got null. ({where}.content)"
        raise Refusal(400, expected, param=f"{where}.content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _invalid_type(f"{where}.content", "one of a string or array of objects", content)
    if not content:
        raise _invalid(f"{where}.content", f"Invalid '{where}.content': empty array.", "empty_array")
    for index, part in enumerate(content):
        _part(part, role, f"{where}.content[{index}]")


def _part(part: Any, role: str, where: str) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in PARTS_OF_ROLE[role]:
        allowed = ", ".join(f"'{name}'" for name in PARTS_OF_ROLE[role])
        raise _invalid(where, f"Invalid value: '{kind}'. Supported values are: {allowed}.")
    _only_keys(part, ("type", kind), where)
    value = part.get(kind)
    if kind in ("text", "refusal"):
        if not isinstance(value, str):
            raise _invalid_type(f"{where}.{kind}", "a string", value)
        return
    if not isinstance(value, dict):
        raise _invalid_type(f"{where}.{kind}", "an object", value)
    if kind == "image_url":
        _only_keys(value, ("url", "detail"), f"{where}.image_url")
        url = value.get("url")
        if not isinstance(url, str) or not re.match(r"https?://|data:image/(png|jpeg|gif|webp);base64,", url):
            raise _invalid(
                f"{where}.image_url.url", "Invalid image_url: expected a URL or a base64 data URL.", "invalid_image_url"
            )


def _only_keys(value: Any, known: Collection[str | None], where: str) -> None:
    for key in value:
        if key not in known:
            raise _unknown(f"{where}.{key}")


def _unknown(where: str) -> Refusal:
    return Refusal(400, f"Unknown parameter: '{where}'.", param=where, code="unknown_parameter")


def _missing(where: str) -> Refusal:
    return Refusal(400, f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


_OBJECT = ("an object", _is(dict))
_ARRAY = ("an array", _is(list))
_STRING = ("a string", _is(str))
_BOOLEAN = ("a boolean", _is(bool))
_DECIMAL = ("a decimal", is_number)
_INTEGER = ("an integer", is_whole)

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FIELDS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "audio": _OBJECT,
    "frequency_penalty": _DECIMAL,
    "function_call": ("a string or an object", _is(str, dict)),
    "functions": _ARRAY,
    "logit_bias": _OBJECT,
    "logprobs": _BOOLEAN,
    "max_completion_tokens": _INTEGER,
    "max_tokens": _INTEGER,
    "messages": _ARRAY,
    "metadata": _OBJECT,
    "modalities": _ARRAY,
    "model": _STRING,
    "moderation": _OBJECT,
    "n": _INTEGER,
    "parallel_tool_calls": _BOOLEAN,
    "prediction": _OBJECT,
    "presence_penalty": _DECIMAL,
    "prompt_cache_key": _STRING,
    "prompt_cache_options": _OBJECT,
    "prompt_cache_retention": _STRING,
    "reasoning_effort": _STRING,
    "response_format": _OBJECT,
    "safety_identifier": _STRING,
    "seed": _INTEGER,
    "service_tier": _STRING,
    "stop": ("a string or an array of strings", _is(str, list)),
    "store": _BOOLEAN,
    "stream": _BOOLEAN,
    "stream_options": _OBJECT,
    "temperature": _DECIMAL,
    "tool_choice": ("a string or an object", _is(str, dict)),
    "tools": _ARRAY,
    "top_logprobs": _INTEGER,
    "top_p": _DECIMAL,
    "user": _STRING,
    "verbosity": _STRING,
    "web_search_options": _OBJECT,
}
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "n": (1, 128),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "max_tokens": (1, 1_000_000),
    "max_completion_tokens": (1, 1_000_000),
    "top_logprobs": (0, 20),
}
KEYS_OF_ROLE: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("role", "content", "name"),
    "developer": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "refusal", "audio", "tool_calls", "function_call", "annotations"),
    "tool": ("role", "content", "tool_call_id"),
}
PARTS_OF_ROLE: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
