"""What the planner may read: text files below the folders that it is given, and nothing else.

A link that leads out of its folder is not followed, and what is no text or too large is left out. What is read is
quoted to the model as material; whatever stands in it, nobody here acts on it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KINDS: Final[Mapping[str, str]] = {"docs": "read_docs", "inventory": "read_inventory", "logs": "read_logs"}
"""Kinds of folders, and the side effect that reading one is."""

MOST_FILES: Final = 500
MOST_BYTES: Final = 256 * 1024
_QUOTED: Final = 4000
_MOST_QUOTED: Final = 6
_ENDINGS: Final = frozenset(
    (".md", ".txt", ".rst", ".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".log", ".csv", ".tf", ".conf", "")
)
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9\-_.]{2,}")


@dataclass(frozen=True, slots=True)
class Extract:
    """A part of a file; `name` is its path within the folder of its kind."""

    kind: str
    name: str
    text: str


class Folders:
    """The folders by kind: docs, inventory, logs. Kinds without a folder have nothing to read."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        unknown = set(folders) - set(KINDS)
        if unknown:
            raise ValueError(f"no such kind of folder: {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
        self._folders = {kind: path.resolve(strict=True) for kind, path in folders.items()}

    def read(self, kind: str, name: str) -> str:
        """Return a file's text. Raises PermissionError for what is not below the folder, ValueError for no text."""
        root = self._folders.get(kind)
        if root is None:
            raise PermissionError(f"no folder with {kind} was given")
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise PermissionError(f"'{name}' is no file below the folder with {kind}")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES or b"\0" in raw:
            raise ValueError(f"'{name}' is no text of at most {MOST_BYTES} bytes")
        return raw.decode("utf-8", "replace")

    def relevant(self, description: str) -> list[Extract]:
        """Return the parts of files that have most words in common with a task, the best first."""
        wanted = set(_WORD.findall(description.lower()))
        found: list[tuple[float, str, Extract]] = []
        for kind in self._folders:
            for name in self._names(kind):
                try:
                    text = self.read(kind, name)
                except (PermissionError, ValueError):
                    continue
                shared = wanted & set(_WORD.findall(f"{name} {text}".lower()))
                if shared:
                    found.append((len(shared), name, Extract(kind, name, text[:_QUOTED])))
        found.sort(key=lambda one: (-one[0], one[1]))
        return [extract for _, _, extract in found[:_MOST_QUOTED]]

    def _names(self, kind: str) -> Iterator[str]:
        root = self._folders[kind]
        paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
        for path in paths[:MOST_FILES]:
            if path.resolve().is_relative_to(root):
                yield str(path.relative_to(root))
