"""The types of parameters, and values made to fit them."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from plano_extproc.config.prompts import Parameter

Base = Literal["int", "float", "bool", "str", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type; `item` is that of the items, for lists."""

    base: Base
    item: Base = "str"


class Unfit(Exception):
    """A value that cannot be what its parameter is. `wanted` says in words what would be."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


def kind_of(parameter: Parameter) -> Kind:
    """Return a parameter's type. What is no known word for one is text."""
    outer, _, inner = parameter.type.strip().lower().partition("[")
    base = _BASES.get(outer.strip(), "str")
    item = _BASES.get(inner.rstrip("] ").partition(",")[0].strip(), "str") if inner else "str"
    return Kind(base, item)


def wanted(parameter: Parameter) -> str:
    """Return in words what a parameter's value may be."""
    if parameter.enum:
        return "one of " + ", ".join(_word(one) for one in parameter.enum)
    kind = kind_of(parameter)
    if kind.base == "str" and parameter.format:
        return parameter.format
    return _WORDS[kind.base]


def fit(value: Any, parameter: Parameter) -> Any:
    """Return `value` as the parameter's type, in the spelling of its enum. Raises `Unfit`."""
    kind = kind_of(parameter)
    if kind.base == "list":
        items = [_as(kind.item, one) for one in _items(value)]
        if _LOST in items or not items:
            raise Unfit(wanted(parameter))
        return [_allowed(one, kind.item, parameter) for one in items]
    made = _as(kind.base, value)
    if made is _LOST:
        raise Unfit(wanted(parameter))
    return _allowed(made, kind.base, parameter)


def _allowed(value: Any, base: Base, parameter: Parameter) -> Any:
    if not parameter.enum:
        return value
    for one in parameter.enum:
        spelled = _as(base, one)
        if spelled == value or (isinstance(value, str) and spelled is not _LOST and _same(str(spelled), value)):
            return spelled
    raise Unfit(wanted(parameter))


def _same(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return " ".join(text.replace("_", " ").replace("-", " ").split()).casefold()


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        read = _json(value)
        if isinstance(read, list):
            return read
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _as(base: Base, value: Any) -> Any:
    """Return `value` as a `base`, or `_LOST`."""
    match base:
        case "int" | "float":
            return _number(base, value)
        case "bool":
            return value if isinstance(value, bool) else _TRUTHS.get(str(value).strip().lower(), _LOST)
        case "dict":
            read = _json(value) if isinstance(value, str) else value
            return read if isinstance(read, dict) else _LOST
        case "list":
            return value if isinstance(value, list) else _LOST
        case _:
            if isinstance(value, bool | int | float):
                return _word(value)
            return value if isinstance(value, str) and value.strip() else _LOST


def _number(base: Base, value: Any) -> Any:
    if isinstance(value, bool):
        return _LOST
    if isinstance(value, str):
        try:
            value = float(value.strip().replace(",", "").replace("_", ""))
        except ValueError:
            return _LOST
    if not isinstance(value, int | float) or value != value or value in (float("inf"), float("-inf")):
        return _LOST
    if base == "float":
        return float(value)
    return int(value) if value == int(value) else _LOST


_LOST: Final = object()

_TRUTHS: Final[dict[str, bool]] = {
    **dict.fromkeys(("true", "yes", "on", "1", "y", "yep", "yeah", "sure", "please do"), True),
    **dict.fromkeys(("false", "no", "off", "0", "n", "nope", "not"), False),
}

_BASES: Final[dict[str, Base]] = {
    **dict.fromkeys(("int", "integer"), "int"),
    **dict.fromkeys(("float", "number", "double", "decimal"), "float"),
    **dict.fromkeys(("bool", "boolean"), "bool"),
    **dict.fromkeys(("str", "string"), "str"),
    **dict.fromkeys(("list", "array", "set", "tuple"), "list"),
    **dict.fromkeys(("dict", "object", "dictionary"), "dict"),
}

_WORDS: Final[dict[Base, str]] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no",
    "str": "text",
    "list": "a list",
    "dict": "a JSON object",
}

JSON_TYPES: Final[dict[Base, str]] = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "str": "string",
    "list": "array",
    "dict": "object",
}
"""The types as JSON Schema calls them."""
