"""What of a request a provider does not get, by the names that the caller used."""

import re
from collections.abc import Mapping, Set
from typing import Final

from plano_extproc.translate.chat import Json

_UNPRINTABLE: Final = re.compile(r"[^!-+\--~]")
"""All but visible ASCII, and the comma, which parts the names."""
_LONGEST_NAME: Final = 80
_MOST_NAMES: Final = 40
"""A caller may send any number of fields that nobody knows."""
_NOTHING: Final[tuple[object, ...]] = (None, [], {})


class Losses:
    """Collects the names of dropped fields, each once, in the order of discovery.

    `words` gives the caller's name for a field of the neutral model where it differs.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        """Note a field by the caller's own name, such as `tools[].strict`. The names are fit for a header."""
        if len(self._names) < _MOST_NAMES:
            self._names[_UNPRINTABLE.sub("?", name)[:_LONGEST_NAME]] = None

    def field(self, neutral: str) -> None:
        """Note a field of the neutral model."""
        self.add(self._words.get(neutral, neutral))

    def unknown(self, value: Json, known: Set[str], where: str = "") -> None:
        """Note every key of `value` that is not known. What is null or empty says nothing, so its loss is none."""
        if value.keys() <= known:
            return
        for key, held in value.items():
            if key not in known and held not in _NOTHING:
                self.add(f"{where}.{key}" if where else key)

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(self._names)
