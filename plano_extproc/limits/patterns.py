"""Names of models as clients and limits write them: `openai/gpt-4o`, `gpt-4o`, `openai/*`, `*`."""

from collections.abc import Iterable

from plano_extproc.config import Config


def names_of(config: Config, words: Iterable[str]) -> "ModelNames":
    """Return names as a configuration means them: an alias or an entry's name also stands for the model behind it."""
    entries = {entry.name: entry.model for entry in config.model_providers}

    def meant(word: str) -> str:
        while (alias := config.model_aliases.get(word)) is not None:
            word = alias.target
        return entries.get(word, word)

    return ModelNames(dict.fromkeys(name for word in words for name in (word, meant(word))))


class ModelNames:
    """A set of such names. A name without a provider means the model of every provider; a `*` ends it.

    `are_all` says that no name is left out.
    """

    __slots__ = ("_exact", "_prefixes", "are_all", "words")

    def __init__(self, names: Iterable[str]) -> None:
        self.words = tuple(names)
        self._exact = frozenset(name for name in self.words if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in self.words if name.endswith("*"))
        self.are_all = "" in self._prefixes

    def match(self, name: str) -> bool:
        """Return whether `provider/model` is meant."""
        model = name.partition("/")[2]
        return name in self._exact or model in self._exact or name.startswith(self._prefixes)

    def holds(self, word: str) -> bool:
        """Return whether a name, such as an alias, stands here as it is."""
        return word in self._exact
