"""What of a request a provider does not get, by the names that the caller used."""

from collections.abc import Mapping, Set

from plano_extproc.translate.chat import Json


class Losses:
    """Collects the names of dropped fields, each once, in the order of discovery.

    `words` gives the caller's name for a field of the neutral model where it differs.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        """Note a field by the caller's own name, such as `tools[].strict`."""
        self._names[name] = None

    def field(self, neutral: str) -> None:
        """Note a field of the neutral model."""
        self.add(self._words.get(neutral, neutral))

    def unknown(self, value: Json, known: Set[str], where: str = "") -> None:
        """Note every key of `value` that is not known. A null says nothing, so its loss is none."""
        if value.keys() <= known:
            return
        for key, held in value.items():
            if key not in known and held is not None:
                self.add(f"{where}.{key}" if where else key)

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(self._names)
