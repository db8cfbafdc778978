"""The agents behind one listener: who they are, and what is tried where one fails."""

from collections.abc import Mapping

from plano_extproc.agents import MOST_INSTANCES, Agent, Candidate, Handover, chat_agents, passed_through
from plano_extproc.agents.instances import groups
from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models import ModelProvider
from plano_extproc.gateway.tries.chain import Policy
from plano_extproc.providers import agents
from plano_extproc.routing import Choice

_ROOM = 0.95
"""The share of the time for silence that is given to tries; the rest is for what lies between them."""


class Team:
    """The agents of one listener, in the order of the file. `passing` are those whose own protocol passes through."""

    def __init__(self, config: Config, listener: Listener, entries: Mapping[str, ModelProvider]) -> None:
        """`entries` are those of `providers.agents`, by name."""
        declared = {agent.id: agent for agent in config.agents}
        self.agents = chat_agents(listener, declared)
        self.passing = passed_through(listener, declared)
        self._silence = listener.timeout
        self._agents = {agent.id: agent for agent in self.agents}
        self._entries = {
            agent.id: {
                upstream.cluster: entries[agents.entry_name(listener.name, agent.id, group)]
                for group, upstream in enumerate(agent.upstreams)
            }
            for agent in self.agents
        }
        self.described = tuple(Candidate(group[0].id, group[0].description) for group in groups(self.agents))
        """What a router is told of them, variants of one another as one."""
        descriptions = [agent.description for agent in self.agents]
        self.is_sticky = len(set(descriptions)) < len(descriptions) or any(len(a.upstreams) > 1 for a in self.agents)
        """Whether it matters which conversation a request belongs to."""

    @property
    def anyone(self) -> Choice | None:
        """The first agent: it stands for all of them where it is not known yet who serves. None where there is none."""
        agent = next(iter(self.agents), None)
        return Choice(next(iter(self._entries[agent.id].values())), agent.id, "an agent", agent.id) if agent else None

    def candidates(self, taking: Handover, reason: str) -> tuple[tuple[Choice, ...], Handover | None]:
        """Return who is tried, in order: the agent's instances, those once more, then who stands in for it.

        They all get one request. An agent that its filters have made another request for is not among them: the second
        value is its turn.
        """
        found: list[Choice] = []
        following: Handover | None = taking
        while following is not None and following.body == taking.body:
            why = reason if following is taking else f"stands in for agent {taking.agent}"
            found += self._tries(self._agents[following.agent], following.cluster, why)
            following = following.fallback
        return tuple(found), following

    def policy(self, taking: Handover, tries: int) -> Policy:
        """Return when Envoy goes on to the next one. The time of the first agent holds for each try.

        An agent without a time of its own has the listener's, in which all tries must find room: it is silence that
        Envoy bounds by it, and every try is silent until its answer begins.
        """
        is_shared = 0 < self._silence <= taking.timeout
        return Policy(first_byte=self._silence * _ROOM / tries if is_shared else taking.timeout)

    def _tries(self, agent: Agent, first: str, reason: str) -> list[Choice]:
        entries = self._entries[agent.id]
        clusters = [first, *(cluster for cluster in entries if cluster != first)]
        hosts = sum(len(upstream.hosts) for upstream in agent.upstreams)
        # Every instance has a turn before one has its second; Envoy tells those of one cluster apart.
        tries = max(min(hosts, MOST_INSTANCES), len(clusters), agent.retries + 1)
        return [Choice(entries[clusters[n % len(clusters)]], agent.id, reason, agent.id) for n in range(tries)]
