"""What pydantic found, in words for the person who wrote the file."""

import difflib
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from plano_extproc.config.document import Key, Node, child_path
from plano_extproc.config.problem import Place
from plano_extproc.config.schema import Config

Words = tuple[str, str]
"""What is wrong, and what to do; the latter may be empty."""


def place_and_path(error: ErrorDetails, node: Node, lacking: Sequence[Key]) -> tuple[Place, str]:
    """Return where to point for an error found at `node`, or at a key that it lacks."""
    if error["type"] == "missing" and lacking:
        return node.start, child_path(node.path, lacking[-1])
    return (node.start if error["type"] == "extra_forbidden" else node.place), node.path


def words(error: ErrorDetails, node: Node) -> Words | None:
    """Return what to say about an error, or None for one that only follows from another."""
    describe = _WORDS.get(error["type"])
    if describe is not None:
        return describe(error, node)
    return error["msg"][:1].lower() + error["msg"][1:], ""


def _refused(error: ErrorDetails, _: Node) -> Words:
    message, hint = error["ctx"]["message"], error["ctx"]["hint"]
    return message, f"{hint[:1].upper()}{hint[1:]}." if hint else ""


def _unknown_key(error: ErrorDetails, _: Node) -> Words:
    key = str(error["loc"][-1])
    if key in _MOVED:
        return "is an unknown key", _MOVED[key]
    known = sorted(_keys_at(error["loc"][:-1]))
    nearest = difflib.get_close_matches(key, known, n=1)
    return "is an unknown key", f"Did you mean '{nearest[0]}'?" if nearest else f"Known here: {', '.join(known)}."


_MOVED: Final[dict[str, str]] = {
    "llm_providers": "It is called model_providers.",
    "listener": "Listeners stand in a list under listeners, at the top level.",
    "filter_chain": "It is called input_filters.",
    "routing_preferences": "Preferences stand at the top level, each with its list of models.",
    "state_storage_v1_responses": "It is called state_storage.",
    "error_target": "It has no successor; remove it.",
    "sampling_rate": "It is called random_sampling, in percent.",
    "message_format": "Remove it; callers are answered in their own dialect.",
    "usage": "Remove it.",
}
"""Keys of old documents and files, and what became of them."""


def _keys_at(loc: Sequence[Key]) -> set[str]:
    """Return the keys that the configuration knows below a place."""
    candidates = [Config]
    for key in loc:
        below = [found for candidate in candidates for found in _below(candidate, key)]
        candidates = below or candidates
    models = [c for candidate in candidates for c in _members(candidate) if _is_model(c)]
    return {info.alias or name for model in models for name, info in model.model_fields.items()}


def _below(candidate: Any, key: Key) -> Iterable[Any]:
    for member in _members(candidate):
        if _is_model(member):
            yield from (info.annotation for name, info in member.model_fields.items() if (info.alias or name) == key)
        elif get_origin(member) is tuple and isinstance(key, int):
            yield get_args(member)[0]
        elif get_origin(member) is dict:
            yield get_args(member)[1]


def _members(candidate: Any) -> Iterable[Any]:
    origin = get_origin(candidate)
    if origin is Annotated:
        yield from _members(get_args(candidate)[0])
    elif origin in (Union, types.UnionType):
        for arg in get_args(candidate):
            yield from _members(arg)
    else:
        yield candidate


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _choice(error: ErrorDetails, node: Node) -> Words:
    expected = error["ctx"].get("expected") or error["ctx"]["expected_tags"]
    known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
    nearest = difflib.get_close_matches(node.text, known, n=1)
    return f"should be {expected}", f"Did you mean '{nearest[0]}'?" if nearest else ""


def _text(_: ErrorDetails, node: Node) -> Words:
    is_scalar = not isinstance(node.value, (dict, list))
    return "should be text", "Put it in quotes." if is_scalar else ""


def _too_short(error: ErrorDetails, node: Node) -> Words | None:
    if node.items or not isinstance(node.value, list):
        return None
    return f"needs at least {error['ctx']['min_length']} entry", ""


def _fixed(message: str, hint: str = "") -> Callable[[ErrorDetails, Node], Words]:
    return lambda *_: (message, hint)


def _bound(template: str, name: str) -> Callable[[ErrorDetails, Node], Words]:
    return lambda error, _: (template.format(f"{error['ctx'][name]:g}"), "")


_WHOLE: Final = _fixed("should be a whole number")
_NUMBER: Final = _fixed("should be a number")
_FLAG: Final = _fixed("should be true or false")
_LIST: Final = _fixed("should be a list", "Begin each entry on a line of its own with '- '.")
_MAPPING: Final = _fixed("should be a mapping of keys and values")

_WORDS: Final[dict[str, Callable[[ErrorDetails, Node], Words | None]]] = {
    "refused": _refused,
    "missing": _fixed("is required"),
    "default_factory_not_called": lambda *_: None,
    "extra_forbidden": _unknown_key,
    "literal_error": _choice,
    "union_tag_invalid": _choice,
    "union_tag_not_found": _fixed("needs the key 'type'"),
    "string_type": _text,
    "string_too_short": _fixed("should not be empty"),
    "too_short": _too_short,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "number_type": _NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "greater_than": _bound("should be more than {}", "gt"),
    "greater_than_equal": _bound("should be at least {}", "ge"),
    "less_than": _bound("should be less than {}", "lt"),
    "less_than_equal": _bound("should be at most {}", "le"),
}
