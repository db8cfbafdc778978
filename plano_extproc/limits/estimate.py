"""How many tokens a request will need, before anyone has counted them: four bytes of text are taken for a token.

The estimate is only reserved; what the provider counted is charged in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BYTES_PER_TOKEN = 4
_TOKENS_PER_MEDIUM = 1600
"""An image of the usual largest size; sound and documents are taken for as much."""

_MAX_OUTPUT = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_READ = ("messages", "system", "instructions", "input", "prompt", "contents", "systemInstruction", "tools")
_MEDIA_TYPES = frozenset({"image_url", "image", "input_image", "input_audio", "input_file", "file", "document"})
_MEDIA_KEYS = ("inlineData", "inline_data", "fileData", "file_data")
"""Gemini's parts have no type."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens that a request has, and the most that its answer may have (0 where it does not say)."""

    input: int
    output: int = 0


def estimate(request: Mapping[str, Any]) -> Estimate:
    """Estimate a request of any dialect. Media count a fixed number each, whatever their size."""
    size = sum(_size(request[key]) for key in _READ if key in request)
    config = request.get("generationConfig")
    limits = [request.get(key) for key in _MAX_OUTPUT]
    limits += [config.get("maxOutputTokens")] if isinstance(config, dict) else []
    output = next((value for value in limits if isinstance(value, int) and value > 0), 0)
    return Estimate(max(1, -(-size // _BYTES_PER_TOKEN)), output)


def _size(root: Any) -> int:
    """Return the bytes of text in a part of a request. No recursion: its depth is the client's choice."""
    size, left = 0, [root]
    while left:
        value = left.pop()
        if isinstance(value, str):
            size += len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, dict):
            if _is_medium(value):
                size += _TOKENS_PER_MEDIUM * _BYTES_PER_TOKEN
            else:
                left.extend(item for key, item in value.items() if key not in _NOT_READ)
        elif isinstance(value, list):
            left.extend(value)
    return size


def _is_medium(part: dict[str, Any]) -> bool:
    kind = part.get("type")
    return (isinstance(kind, str) and kind in _MEDIA_TYPES) or any(key in part for key in _MEDIA_KEYS)


_NOT_READ = frozenset({"type", "id", "tool_use_id", "tool_call_id", "signature", "cache_control", "role"})
