"""The directory of models: from the name that a request carries to the provider entry that serves it.

A name is looked up as an alias, then as a provider entry's name, its full `provider/model`, its bare model id,
and at last under a wildcard such as `openai/*`. A request without a name gets the default entry.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.errors import InvalidRequest, NotFound

_KEYS: tuple[tuple[str, Callable[[ModelProvider], str]], ...] = (
    ("name", lambda entry: entry.name),
    ("full name", lambda entry: entry.model),
    ("full name", lambda entry: f"{entry.provider}/{entry.model_id}"),
    ("model id", lambda entry: entry.model_id),
)
"""What a provider entry is known by, best first; of two entries with one key, the first in the file counts."""

_NEAREST = 3
_SHOWN_NAME = 100


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A provider entry and the model of it that serves. `model` is the provider's own id for it.

    `reason` is for people: it says how the name was found. `agent` is the id of the agent that the entry stands for,
    `route` the name of the route that led here.
    """

    provider: ModelProvider
    model: str
    reason: str
    agent: str | None = None
    route: str | None = None
    name: str = field(init=False)
    """`provider/model`, as answers and logs name it: the provider as the configuration writes it."""

    def __post_init__(self) -> None:
        # Worked out once: every metric and log of an exchange asks for it.
        object.__setattr__(self, "name", f"{self.provider.prefix}/{self.model}")

    @property
    def key(self) -> tuple[int, str, str]:
        """Return what tells this choice from others of its configuration, the way to it included."""
        return id(self.provider), self.model, self.reason


class Directory:
    """All models of one configuration. Lookups are dictionary reads; only wildcards are matched per request."""

    def __init__(self, config: Config) -> None:
        specific = self._specific = [entry for entry in config.model_providers if not entry.is_wildcard]
        self._exact: dict[str, Choice] = {}
        for how, key in _KEYS:
            for entry in specific:
                name = key(entry)
                self._exact.setdefault(name, Choice(entry, entry.model_id, f"{how} {name}"))
        self._wildcards: dict[str, ModelProvider] = {}
        for entry in config.model_providers:
            if entry.is_wildcard:
                for prefix in (entry.prefix, entry.name.removesuffix("/*"), entry.provider):
                    self._wildcards.setdefault(prefix, entry)
        self._aliases = {name: alias.target for name, alias in config.model_aliases.items()}
        default = next((entry for entry in specific if entry.default), None)
        self._default = Choice(default, default.model_id, "default model") if default else None

    def resolve(self, name: str | None) -> Choice:
        """Return what serves a request for `name`; None or an empty name asks for the default.

        Raises `NotFound` with the nearest known names, or `InvalidRequest` where a name is missing and there
        is no default.
        """
        if not name:
            if self._default is None:
                raise InvalidRequest(
                    "the request names no model and no provider is marked `default: true`; set `model`",
                    param="model",
                )
            return self._default
        target = self._aliases.get(name)
        if target is None:
            found = self._find(name)
            if found is None:
                raise NotFound(self._unknown(name), param="model", code="model_not_found")
            return found
        chain = [name, target]
        while (found := self._find(chain[-1])) is None:
            chain.append(self._aliases[chain[-1]])
        return Choice(found.provider, found.model, f"alias {' -> '.join(chain)}")

    def unaliased(self, name: str) -> str:
        """Return the full name of the model that an alias stands for, and any other name as it is."""
        return self.resolve(name).name if name in self._aliases else name

    def has(self, name: str) -> bool:
        """Return whether something serves a name."""
        return name in self._aliases or self._find(name) is not None

    def names(self) -> tuple[tuple[str, ModelProvider], ...]:
        """Return every name that a client can count on.

        They are configured models by entry name, what the catalogue knows behind a wildcard, then aliases.
        """
        models = {entry.name: entry for entry in self._specific}
        for entry in self._wildcards.values():
            for model in entry.listed:
                models.setdefault(f"{entry.prefix}/{model.id}", entry)
        aliases = {name: self.resolve(name).provider for name in self._aliases}
        return tuple({**models, **aliases}.items())

    def _find(self, name: str) -> Choice | None:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        prefix, slash, model = name.partition("/")
        entry = self._wildcards.get(prefix) if slash and model else None
        return Choice(entry, model, f"wildcard {entry.model}") if entry else None

    def _unknown(self, name: str) -> str:
        known = [*self._aliases, *self._exact, *(f"{prefix}/*" for prefix in self._wildcards)]
        nearest = difflib.get_close_matches(name[:_SHOWN_NAME], known, n=_NEAREST, cutoff=0.4) or known[:_NEAREST]
        shown = name if len(name) <= _SHOWN_NAME else name[:_SHOWN_NAME] + "…"
        hint = f"; nearest configured: {', '.join(nearest)}" if nearest else "; no models are configured"
        return f"model '{shown}' is not configured{hint}"
