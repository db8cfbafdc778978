"""Reads fields of a request body, or says which field is wrong."""

import json
from collections.abc import Mapping
from typing import Any

from plano_agents.dev_model.ask import BadRequestError, Json


def body(raw: bytes) -> Json:
    """Take a whole request body."""
    try:
        told: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequestError("body: not JSON") from None
    return mapping(told, "body")


def mapping(value: Any, where: str) -> Json:
    """Take a JSON object."""
    if not isinstance(value, dict):
        raise BadRequestError(f"{where}: expected an object, got {_kind(value)}", where)
    return value


def items(value: Any, where: str) -> list[Any]:
    """Take a list; none is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequestError(f"{where}: expected a list, got {_kind(value)}", where)
    return value


def text(value: Any, where: str) -> str:
    """Take a string."""
    if not isinstance(value, str):
        raise BadRequestError(f"{where}: expected a string, got {_kind(value)}", where)
    return value


def flag(body: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Take a boolean field."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadRequestError(f"{name}: expected true or false, got {_kind(value)}", name)
    return value


def count(body: Mapping[str, Any], name: str) -> int | None:
    """Take a whole number of at least one."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequestError(f"{name}: expected a whole number, got {_kind(value)}", name)
    if value < 1:
        raise BadRequestError(f"{name}: must be at least 1, got {value}", name)
    return value


def messages(body: Mapping[str, Any]) -> list[Json]:
    """Take the messages, of which there must be one."""
    found = items(body.get("messages"), "messages")
    if not found:
        raise BadRequestError("messages: at least one message is required", "messages")
    return [mapping(message, f"messages[{index}]") for index, message in enumerate(found)]


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )
