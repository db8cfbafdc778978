"""Reads a caller's JSON and says, by its path, what has the wrong shape."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate.chat import Json

T = TypeVar("T")


def at(where: str, key: str) -> str:
    """Return the path of a key."""
    return f"{where}.{key}" if where else key


def refuse(where: str, problem: str) -> InvalidRequest:
    """Return the error for a field; `where` is its path, `problem` what is wrong and what to do."""
    return InvalidRequest(f"{where}: {problem}", param=where or None)


def required_object(value: object, where: str) -> Json:
    """Return `value`, which must be an object."""
    if isinstance(value, dict):
        return value
    raise refuse(where, "an object is required")


def required_list(value: object, where: str) -> list[Any]:
    """Return `value`, which must be a list."""
    if isinstance(value, list):
        return value
    raise refuse(where, "a list is required")


def required_text(value: Json, key: str, where: str) -> str:
    """Return a string that must be there; it may be empty."""
    held = value.get(key)
    if isinstance(held, str):
        return held
    raise refuse(at(where, key), "a string is required")


def optional_text(value: Json, key: str, where: str = "") -> str | None:
    """Return a string, or None when it is absent or null."""
    held = value.get(key)
    if held is None or isinstance(held, str):
        return held
    raise refuse(at(where, key), "must be a string")


def optional_object(value: Json, key: str, where: str = "") -> Json | None:
    """Return an object, or None when it is absent or null."""
    held = value.get(key)
    return None if held is None else required_object(held, at(where, key))


def optional_list(value: Json, key: str, where: str = "") -> list[Any]:
    """Return a list, empty when it is absent or null."""
    held = value.get(key)
    return [] if held is None else required_list(held, at(where, key))


def optional_number(value: Json, key: str) -> float | None:
    """Return a number, or None when it is absent or null."""
    held = value.get(key)
    if held is None or (isinstance(held, int | float) and not isinstance(held, bool)):
        return held
    raise refuse(key, "must be a number")


def optional_integer(value: Json, key: str, where: str = "") -> int | None:
    """Return a whole number that is not negative, or None when it is absent or null."""
    held = value.get(key)
    if held is None or (isinstance(held, int) and not isinstance(held, bool) and held >= 0):
        return held
    raise refuse(at(where, key), "must be a whole number, 0 or more")


def optional_flag(value: Json, key: str, where: str = "") -> bool | None:
    """Return a boolean, or None when it is absent or null."""
    held = value.get(key)
    if held is None or isinstance(held, bool):
        return held
    raise refuse(at(where, key), "must be true or false")


def texts(values: list[Any], where: str) -> tuple[str, ...]:
    """Return a list that must hold strings only."""
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise refuse(f"{where}[{position}]", "must be a string")
    return tuple(values)


def known_part(part: Json, where: str, known: Mapping[str, T]) -> T:
    """Return what is known of the type of a part."""
    kind = part.get("type")
    found = known.get(kind) if isinstance(kind, str) else None
    if found is None:
        listed = ", ".join(known)
        raise refuse(where, f"a part of type '{kind}' cannot be translated for this provider; known: {listed}")
    return found


def request_shape(api: Api, body: object) -> Json:
    """Return `body` if it can be a request of the dialect, looking at its top level only.

    It is what is checked of a request that goes to a provider of the same dialect, which knows the rest better.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    held = body.get("model")
    if held is not None and not isinstance(held, str):
        raise refuse("model", "must be a string")
    held = body.get("stream")
    if held is not None and held is not True and held is not False:
        raise refuse("stream", "must be true or false")
    # The input of the Responses API may be a text or a list, or come from what is stored.
    if api != "openai.responses":
        turns = TURNS[api]
        held = body.get(turns)
        # Google's servers take one object for a list of one.
        if not isinstance(held, list) and not (isinstance(held, dict) and api == "gemini.generate"):
            raise refuse(turns, "a list of messages is required")
        if not held:
            raise refuse(turns, "at least one message is required")
    return body


TURNS: Final[Mapping[Api, str]] = {
    "openai.chat": "messages",
    "openai.responses": "input",
    "anthropic.messages": "messages",
    "bedrock.converse": "messages",
    "gemini.generate": "contents",
}
"""Where a dialect's request has its conversation."""
