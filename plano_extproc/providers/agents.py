"""Agents as providers: a user's own service that answers chat completions, reached and paid for as a model is."""

from plano_extproc.config import Config
from plano_extproc.config.agents import Agent
from plano_extproc.config.listeners import Listener, ListenerAgent
from plano_extproc.config.models import ModelProvider, Timeouts


def entry_name(listener: str, ident: str, instance: int) -> str:
    """Return the name of the entry of one of an agent's URLs, as one listener uses it.

    Such entries are looked up by name only, never by what a client asks for.
    """
    return f"agent:{listener}:{ident}:{instance}"


def entries(config: Config) -> tuple[ModelProvider, ...]:
    """Return an entry for each URL of each agent that speaks chat completions, at each listener that uses it."""
    agents = {agent.id: agent for agent in config.agents if agent.protocol == "chat"}
    return tuple(
        _entry(listener, use, agents[use.id], instance)
        for listener in config.listeners
        for use in listener.agents
        if use.id in agents
        for instance in range(len(agents[use.id].url))
    )


def _root(url: str) -> str:
    """Return the root of the API: agents are configured by the place that it is below, or by it."""
    written = url.rstrip("/").removesuffix("/chat/completions")
    return written if written.endswith("/v1") else f"{written}/v1"


def _entry(listener: Listener, use: ListenerAgent, agent: Agent, instance: int) -> ModelProvider:
    return ModelProvider.model_validate(
        {
            "model": f"openai/{agent.id}",
            "name": entry_name(listener.name, agent.id, instance),
            "base_url": _root(agent.url[instance]),
            "api": "openai.chat",
            "headers": agent.headers,
            "timeouts": Timeouts(first_byte=use.timeout or listener.timeout or None),
        }
    )
