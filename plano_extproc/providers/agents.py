"""Agents as providers: a user's own service that answers chat completions, reached and paid for as a model is."""

from collections.abc import Mapping

from plano_extproc.apis import Api
from plano_extproc.config import Config
from plano_extproc.config.agents import Agent
from plano_extproc.config.catalogue import Endpoint
from plano_extproc.config.listeners import Listener, ListenerAgent
from plano_extproc.config.models import ModelProvider, Timeouts
from plano_extproc.services import Upstream, chat_path, upstreams


class AgentEntry(ModelProvider):
    """An entry for the equal instances of an agent, as one listener uses it. Nobody can ask for it by a name.

    `cluster` is Envoy's, which has a host for each instance; `chats` is the path of its chat completions.
    """

    cluster: str
    chats: str

    @property
    def default_headers(self) -> Mapping[str, str]:
        """Nothing: what stands at its address is the user's own."""
        return {}

    def path(self, what: Api | Endpoint, model_id: str | None = None) -> str:  # noqa: ARG002 - the signature of an entry
        """Return the path of its chat completions, which is all that it has."""
        return self.chats


def entry_name(listener: str, ident: str, group: int) -> str:
    """Return the name of the entry of one of an agent's groups of instances, as one listener uses it."""
    return f"agent:{listener}:{ident}:{group}"


def entries(config: Config) -> tuple[AgentEntry, ...]:
    """Return an entry for each upstream of each agent that speaks chat completions, at each listener that uses it."""
    agents = {agent.id: agent for agent in config.agents if agent.protocol == "chat"}
    return tuple(
        _entry(listener, use, agents[use.id], group, upstream)
        for listener in config.listeners
        for use in listener.agents
        if use.id in agents
        for group, upstream in enumerate(upstreams("agent", use.id, agents[use.id].url))
    )


def _entry(listener: Listener, use: ListenerAgent, agent: Agent, group: int, upstream: Upstream) -> AgentEntry:
    return AgentEntry.model_validate(
        {
            "model": f"openai/{agent.id}",
            "name": entry_name(listener.name, agent.id, group),
            "base_url": agent.url[0],
            "api": "openai.chat",
            "headers": agent.headers,
            "timeouts": Timeouts(first_byte=use.timeout or listener.timeout or None),
            "cluster": upstream.cluster,
            "chats": chat_path(upstream),
        }
    )
