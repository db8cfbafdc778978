"""One operation of an API, as every source of targets describes it, and the target it becomes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods that a target can have."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter. `default` None is none; `where` is "path", "query" or "body"."""

    name: str
    type: str = "str"
    description: str = ""
    where: str = "query"
    required: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    format: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    name: str
    description: str
    method: str
    path: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Api:
    """The operations of one source, and where they are. `notes` say what could not be taken over, and why."""

    operations: tuple[Operation, ...]
    address: str = ""
    protocol: str = "http"
    prefix: str = ""
    notes: tuple[str, ...] = field(default=())


def target(operation: Operation, endpoint: str, prefix: str, name: str) -> dict[str, Any]:
    """Return an operation as an entry of `prompt_targets`."""
    path = prefix.rstrip("/") + operation.path
    held: dict[str, Any] = {"name": name, "description": _escaped(operation.description or _words(operation.name))}
    if operation.arguments:
        has_body = operation.method in ("POST", "PUT", "PATCH")
        held["parameters"] = [_parameter(one, has_body=has_body) for one in operation.arguments]
    held["endpoint"] = {"name": endpoint, "path": _escaped(path), "http_method": operation.method}
    return held


def fit_name(name: str, taken: Iterable[str]) -> str:
    """Return a name that models take for a tool, and that no other target has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:60] or "target"
    found, number = plain, 1
    names = set(taken)
    while found in names:
        number += 1
        found = f"{plain}_{number}"
    return found


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a text, in one line."""
    return " ".join(re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0].split())


def _parameter(argument: Argument, *, has_body: bool) -> dict[str, Any]:
    held: dict[str, Any] = {
        "name": argument.name,
        "description": _escaped(argument.description or _words(argument.name)),
        "type": argument.type,
    }
    if argument.required:
        held["required"] = True
    if argument.default is not None:
        held["default"] = _escaped(argument.default)
    if argument.enum:
        held["enum"] = [_escaped(one) for one in argument.enum]
    if argument.format:
        held["format"] = _escaped(argument.format)
    if argument.where == "path":
        held["in_path"] = True
    elif argument.where == "query" and has_body:
        held["in_query"] = True
    return held


def _escaped(value: Any) -> Any:
    """Return a value as files write it: a dollar would begin a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    return {key: _escaped(one) for key, one in value.items()} if isinstance(value, dict) else value


def _words(name: str) -> str:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    return " ".join(words).capitalize() or name
