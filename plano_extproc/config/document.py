"""A document as a tree whose every value knows where it stands in the user's file, and under which path."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from plano_extproc.config.problem import Place

Key = str | int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A scalar, a `dict[str, Node]` or a `list[Node]`, its place, and its path as the user wrote it.

    `text` is a scalar as written, before substitution. `is_unset` marks text whose variables could not be replaced:
    what is wrong with it is already reported.
    """

    value: Any
    place: Place
    path: str = ""
    key_place: Place | None = None
    text: str = ""
    is_unset: bool = False

    @property
    def mapping(self) -> "dict[str, Node]":
        """The entries, if this is a mapping; else none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The items, if this is a list; else none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def string(self) -> str:
        """The text, if this is one; else nothing."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def start(self) -> Place:
        """Where the key stands, or the value when it has no key."""
        return self.key_place or self.place

    def get(self, key: str) -> "Node | None":
        """Return the entry of a mapping, or None."""
        return self.mapping.get(key)

    def child(self, key: Key) -> "Node | None":
        """Return the entry or item, or None."""
        if isinstance(key, int):
            return self.items[key] if 0 <= key < len(self.items) else None
        return self.mapping.get(key)

    def holding(self, value: Any) -> "Node":
        """Return this node with another value in its place."""
        return replace(self, value=value)

    def without(self, *keys: str) -> "Node":
        """Return this mapping without some entries."""
        return self.holding({key: node for key, node in self.mapping.items() if key not in keys})

    def made(self, value: Any, path: str | None = None) -> "Node":
        """Return a value that the user did not write, standing where this node does."""
        return Node(value, self.place, self.path if path is None else path, self.key_place, str(value))


def child_path(path: str, key: Key) -> str:
    """Return the path of an entry or item below `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not re.fullmatch(r"[\w\-]+", key):
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def plain(node: Node) -> Any:
    """Return the tree's values alone."""
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def follow(root: Node, loc: Sequence[Key]) -> tuple[Node, list[Key], Node | None]:
    """Walk down as far as the tree goes: the node reached, the keys that it lacks, and its parent.

    Keys that are not in the tree but have something below them are skipped: they are the names that pydantic gives to
    the members of a union.
    """
    node, parent, lacking = root, None, list[Key]()
    for key in loc:
        below = node.child(key)
        if below is None:
            lacking.append(key)
        else:
            node, parent, lacking = below, node, []
    return node, lacking, parent


def prune(root: Node, dropped: Sequence[Node]) -> Node:
    """Return the tree without some of its nodes, told by identity."""
    ids = {id(node) for node in dropped}

    def kept(node: Node) -> Node:
        if isinstance(node.value, dict):
            return node.holding({key: kept(below) for key, below in node.value.items() if id(below) not in ids})
        if isinstance(node.value, list):
            return node.holding([kept(below) for below in node.value if id(below) not in ids])
        return node

    return kept(root)
