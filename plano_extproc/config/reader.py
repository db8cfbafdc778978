"""YAML text to a tree of nodes.

The tree is built from the parser's events, not by recursion, so that neither a deep nor a self-referring document can
exhaust anything: depth is bounded while reading, and aliases are copied out under a bound on the number of values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from plano_extproc.config.document import Key, Node, child_path
from plano_extproc.config.problem import START, Place, Report

MAX_BYTES: Final = 2 << 20
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 100_000

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that its mapping already has."""

    place: Place
    path: str
    first: Place


class _Unreadable(Exception):
    """Ends the reading; never seen outside."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place, self.message, self.hint = place, message, hint


def read(text: str, report: Report) -> tuple[Node | None, tuple[Duplicate, ...]]:
    """Return the document's tree and the keys given twice, the last of which holds; no tree after an error."""
    reader = _Reader()
    try:
        root = _Copier().copy(reader.read(text), "", 0)
    except _Unreadable as error:
        report.error(error.place, "", error.message, error.hint)
        return None, ()
    except yaml.YAMLError as error:
        report.error(*_yaml_problem(error, text))
        return None, ()
    if not isinstance(root.value, dict):
        report.error(root.place, "", "the file holds no keys", "Begin with 'version: v0.5.0'.")
        return None, ()
    return root, tuple(reader.duplicates)


def _refuse_unreadable(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise _Unreadable(START, f"the file is larger than {MAX_BYTES} bytes")
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise _Unreadable(_place_of(text, bad.start()), "a control character stands here", "Remove it.")


def _place_of(text: str, index: int) -> Place:
    before = text[:index]
    return Place(before.count("\n") + 1, index - before.rfind("\n"))


def _yaml_problem(error: yaml.YAMLError, text: str) -> tuple[Place, str, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark else START
    lines = text.split("\n")
    here = lines[place.line - 1][place.column - 1 :] if place.line <= len(lines) else ""
    hint = _YAML_HINTS.get(here[:1], "Check the indentation, colons and quotes near here.")
    return place, "", f"this is no YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}", hint


_YAML_HINTS: Final[dict[str, str]] = {
    "\t": "Indent with spaces.",
    **dict.fromkeys("%@`", "Put the value in quotes."),
}
"""What to do, by the character that the parser stopped at."""


@dataclass(slots=True)
class _Frame:
    """A mapping or list being read. `at` is its latest key or index; `key` is a key that waits for its value."""

    node: Node
    at: Key = -1
    key: Node | None = None
    merged: list[Node] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self.duplicates: list[Duplicate] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._resolver: Any = yaml.resolver.Resolver()

    def read(self, text: str) -> Node:
        _refuse_unreadable(text)
        documents = 0
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        for event in events:
            place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _Unreadable(place, "a second document begins here", "Keep one document in a file.")
                case yaml.ScalarEvent():
                    self._put(self._scalar(event, place), event.anchor)
                case yaml.AliasEvent():
                    if event.anchor not in self._anchors:
                        raise _Unreadable(place, f"alias '*{event.anchor}' is not defined above")
                    self._put(replace(self._anchors[event.anchor], place=place), None)
                case yaml.MappingStartEvent():
                    self._open(Node({}, place), event.anchor)
                case yaml.SequenceStartEvent():
                    self._open(Node([], place), event.anchor)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._close()
        if self._root is None:
            raise _Unreadable(START, "the file is empty", "Begin with 'version: v0.5.0'.")
        return self._root

    def _open(self, node: Node, anchor: str | None) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _Unreadable(node.place, f"values are nested more than {MAX_DEPTH} deep")
        self._put(node, anchor)
        self._stack.append(_Frame(node))

    def _close(self) -> None:
        frame = self._stack.pop()
        for merged in frame.merged:
            for source in merged.items or [merged]:
                if not isinstance(source.value, dict):
                    raise _Unreadable(merged.place, "'<<' takes a mapping or a list of mappings")
                for key, node in source.mapping.items():
                    frame.node.value.setdefault(key, node)

    def _scalar(self, event: Any, place: Place) -> Node:
        tag = event.tag
        if tag in (None, "!"):
            is_plain = tag is None and event.implicit[0]
            tag = self._resolver.resolve(yaml.ScalarNode, event.value, (True, False)) if is_plain else _STR
        if tag == _MERGE and self._awaits_key():
            return Node(_MERGE, place, text=event.value)
        if tag not in _CONSTRUCTORS:
            raise _Unreadable(place, f"tag '{tag}' is not known here", "Remove it.")
        return Node(_constructed(tag, event.value), place, text=event.value)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].node.value, dict) and self._stack[-1].key is None

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
        elif isinstance(self._stack[-1].node.value, list):
            self._stack[-1].node.value.append(node)
            self._stack[-1].at = len(self._stack[-1].node.value) - 1
        elif self._awaits_key():
            if isinstance(node.value, (dict, list)):
                raise _Unreadable(node.place, "a key must be a word, not a mapping or a list", "Check the braces.")
            self._stack[-1].key = node
        else:
            self._put_entry(self._stack[-1], node)

    def _put_entry(self, frame: _Frame, node: Node) -> None:
        key, frame.key = frame.key, None
        assert key is not None
        if key.value == _MERGE:
            frame.merged.append(node)
            return
        first = frame.node.value.get(key.text)
        frame.at = key.text
        if first is not None:
            path = ""
            for outer in self._stack:
                path = child_path(path, outer.at)
            self.duplicates.append(Duplicate(key.place, path, first.start))
        frame.node.value[key.text] = replace(node, key_place=key.place)


class _Copier:
    """Copies aliased values out, so that every value has one path."""

    def __init__(self) -> None:
        self._count = 0

    def copy(self, node: Node, path: str, depth: int) -> Node:
        self._count += 1
        if self._count > MAX_VALUES or depth > MAX_DEPTH:
            raise _Unreadable(node.place, "the file holds too many values, or an alias that contains itself")
        value = node.value
        if isinstance(value, dict):
            value = {key: self.copy(below, child_path(path, key), depth + 1) for key, below in value.items()}
        elif isinstance(value, list):
            value = [self.copy(below, child_path(path, index), depth + 1) for index, below in enumerate(value)]
        return replace(node, value=value, path=path)


def _constructed(tag: str, text: str) -> Any:
    try:
        return _CONSTRUCTORS[tag](text)
    except (ValueError, KeyError, OverflowError):
        # A number that is none, such as `0x_`, or one with thousands of digits.
        return text


def _by_yaml(tag: str) -> Callable[[str], Any]:
    constructor: Any = yaml.constructor.SafeConstructor()
    construct = constructor.yaml_constructors[tag]
    return lambda text: construct(constructor, yaml.ScalarNode(tag, text))


_CONSTRUCTORS: Final[dict[str, Callable[[str], Any]]] = {
    _STR: str,
    _MERGE: str,
    "tag:yaml.org,2002:value": str,
    "tag:yaml.org,2002:timestamp": str,
    **{tag: _by_yaml(tag) for tag in (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))},
}
"""What scalars of each tag become. Dates stay text: no key of ours is one."""
