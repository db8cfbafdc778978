"""The agents behind one listener: which one serves, and what is tried where it fails."""

from collections.abc import Mapping

from plano_extproc.config import Config
from plano_extproc.config.listeners import Fallback, Listener, ListenerAgent
from plano_extproc.config.models import ModelProvider
from plano_extproc.gateway import intent
from plano_extproc.providers import agents
from plano_extproc.routing import Choice


class Team:
    """The agents of one listener, in the order of the file."""

    def __init__(self, config: Config, listener: Listener, entries: Mapping[str, ModelProvider]) -> None:
        """`entries` are those of `providers.agents`, by name."""
        self._urls = {agent.id: len(agent.url) for agent in config.agents if agent.protocol == "chat"}
        self._uses = {use.id: use for use in listener.agents if use.id in self._urls}
        self._entries = entries
        self._listener = listener.name
        self.chooser = intent.agents(tuple(self._uses.values()))
        self.default = next((use.id for use in self._uses.values() if use.default), next(iter(self._uses), None))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the agents that can be chosen."""
        return tuple(self._uses)

    def candidates(self, ident: str, reason: str) -> tuple[Choice, ...]:
        """Return who is tried for an agent, in order: its instances, those once more, then who stands in for it."""
        found: list[Choice] = []
        seen: set[str] = set()
        following: str | None = ident
        while following is not None and following not in seen:
            seen.add(following)
            use = self._uses[following]
            found += self._instances(use, reason if following == ident else f"stands in for agent {ident}")
            stand_in = use.on_error.fallback if isinstance(use.on_error, Fallback) else None
            following = stand_in if stand_in in self._uses else None
        return tuple(found)

    def _instances(self, use: ListenerAgent, reason: str) -> list[Choice]:
        urls = self._urls[use.id]
        # Every instance has a turn before one has its second.
        turns = [number % urls for number in range(max(urls, use.retries + 1))]
        names = (agents.entry_name(self._listener, use.id, turn) for turn in turns)
        return [Choice(self._entries[name], use.id, reason, use.id) for name in names]
