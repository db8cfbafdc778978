"""What a router model answered, read leniently: models wrap, quote and explain although they are told not to."""

import ast
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final


class Nonsense(Exception):
    """The answer holds no decision; the message says what it holds instead."""


def names(content: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the routes that a model's answer names, each once, in its order; empty where it says that none fits.

    The answer should be `{"route": ["name", …]}`. Code fences, words around it, a single name instead of a list, single
    quotes and a different case are taken too; of several objects the last one counts, since models think first. Raises
    `Nonsense` where there is no decision, or where none of the names is a route.
    """
    if not content.strip():
        return ()
    visible = _THOUGHT.sub(" ", content)
    said = None
    for found in _objects(visible):
        for key in ("route", "routes"):
            if key in found:
                said = [found[key]]
    if said is None:
        raise Nonsense("no route in its answer")
    listed = said[0] if isinstance(said[0], list) else [said[0]]
    wanted = [entry.strip() for entry in map(_name, listed) if entry and entry.strip().lower() not in _NOTHING]
    by_case = {name.casefold(): name for name in known}
    chosen = dict.fromkeys(
        name if name in known else by_case[name.casefold()] for name in wanted if name.casefold() in by_case
    )
    if wanted and not chosen:
        raise Nonsense("unknown routes in its answer")
    return tuple(chosen)


def _name(entry: Any) -> str:
    if isinstance(entry, dict):
        entry = entry.get("name") or entry.get("route")
    return entry if isinstance(entry, str) else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the outermost objects in `text`, as JSON or else as a Python literal."""
    at = 0
    for _ in range(_MOST_OBJECTS):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = text.find("}", at) + 1
            value = _literal(text[at:end]) if end else None
            if value is None:
                at += 1
                continue
        if isinstance(value, dict):
            yield value
        at = end


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.replace("null", "None")) if len(text) <= _LONGEST_LITERAL else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


_DECODER: Final = json.JSONDecoder()
_THOUGHT: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_NOTHING: Final = frozenset({"", "none", "null", "other", "n/a"})
_MOST_OBJECTS: Final = 64
_LONGEST_LITERAL: Final = 2000
