"""Where a text stands in a request or an answer, and how another is put there.

A path leads from the body to the text: keys and positions, `INSIDE` where the value is JSON in a string, and `Key`
where the text is a key itself. Tools' arguments come as JSON in a string in some dialects and as objects in others;
their texts are the same in both.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from plano_extproc.translate.chat import Json

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["text", "document", "result", "arguments", "reasoning", "refusal", "definition"]
"""What the text is: what someone says, a document that is handed over, what a tool returned, what a tool is called
with, thoughts, a refusal, or the description of a tool."""


class _Inside(Enum):
    INSIDE = "the JSON in this string"


INSIDE: Final = _Inside.INSIDE


@dataclass(frozen=True, slots=True)
class Key:
    """The key of that name, where the key is the text."""

    name: str


Path = tuple["str | int | Key | Literal[_Inside.INSIDE]", ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A text that a model reads or writes. `path` leads to it, from the body."""

    text: str
    role: Role
    kind: Kind
    path: Path


def leaves(value: Any, role: Role, kind: Kind, path: Path) -> Iterator[Place]:
    """Yield the texts in any JSON value: strings, long whole numbers, and keys that are no plain names."""
    if isinstance(value, str):
        if value:
            yield Place(value, role, kind, path)
    elif isinstance(value, dict):
        for key, held in value.items():
            if not _NAME.fullmatch(key):
                yield Place(key, role, kind, (*path, Key(key)))
            if key not in _SEALED:
                yield from leaves(held, role, kind, (*path, key))
    elif isinstance(value, list):
        for at, held in enumerate(value):
            yield from leaves(held, role, kind, (*path, at))
    elif type(value) is int and abs(value) >= _LONG:
        # A card's or a telephone's number may be written as a number.
        yield Place(str(value), role, kind, path)


def inside(text: str, role: Role, kind: Kind, path: Path) -> Iterator[Place]:
    """Yield the texts in JSON that is written in a string; what is no JSON is one text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, (dict, list)):
        yield from leaves(value, role, kind, (*path, INSIDE))
    elif text:
        yield Place(text, role, kind, path)


def replaced(body: Json, edits: Mapping[Path, str] | Iterable[tuple[Path, str]]) -> Json:
    """Return the body with other texts in these places; all else is as it was, and `body` itself does not change."""
    tree: dict[Any, Any] = {}
    for path, text in edits.items() if isinstance(edits, Mapping) else edits:
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, {})
        branch[path[-1]] = text
    made = _edited(body, tree)
    assert isinstance(made, dict)
    return made


def _edited(value: Any, edit: Any) -> Any:
    if isinstance(edit, str):
        return edit
    if INSIDE in edit:
        return json.dumps(_edited(json.loads(value), edit[INSIDE]), ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, list):
        return [_edited(held, edit[at]) if at in edit else held for at, held in enumerate(value)]
    return {edit.get(Key(key), key): _edited(held, edit[key]) if key in edit else held for key, held in value.items()}


_NAME: Final = re.compile(r"[A-Za-z_$][\w$.\-]{0,63}", re.ASCII)
"""Keys that a schema gives; nobody's data is written as one."""

_LONG: Final = 10**6
_SEALED: Final = frozenset({"encrypted_content", "signature", "thoughtSignature", "encrypted_index"})
"""What only the provider can read."""
