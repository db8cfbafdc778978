"""Listeners: ports that can be bound together, and keys that fit the type."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import combinations
from typing import Final

from plano_extproc.config.checks.finding import Check, Finding, Subject, repeated
from plano_extproc.config.listeners import DEFAULT_NAME, Fallback, Listener


def ports_are_given(subject: Subject) -> Iterator[Finding]:
    """Find missing ports: only model and prompt listeners have a usual one."""
    for index, listener in enumerate(subject.config.listeners):
        if not listener.port:
            message = f"is required for a listener of type {listener.type}"
            yield Finding(("listeners", index, "port"), message, "Choose a free port, such as 8001.")


def ports_do_not_clash(subject: Subject) -> Iterator[Finding]:
    """Find listeners that cannot be bound together."""
    for (first, a), (second, b) in combinations(enumerate(subject.config.listeners), 2):
        if not a.port or a.port != b.port or not _overlap(a.address, b.address):
            continue
        if b.name == DEFAULT_NAME:
            message = f"port {a.port} is that of the model listener, which every gateway has"
            hint = "Choose another one, or declare a listener of type model on another port."
            yield Finding(("listeners", first, "port"), message, hint)
        else:
            message = f"port {b.port} of '{b.name}' is also that of '{a.name}' (listeners[{first}])"
            yield Finding(("listeners", second, "port"), message, "Give each listener its own port.")


def _overlap(one: str, other: str) -> bool:
    a, b = ip_address(one), ip_address(other)
    return a.version == b.version and (a == b or a.is_unspecified or b.is_unspecified)


def names_are_unique(subject: Subject) -> Iterator[Finding]:
    """Find repeated names. They become parts of Envoy's names, where white space is an underscore."""
    named = ((entry.name.replace(" ", "_"), index) for index, entry in enumerate(subject.config.listeners))
    yield from repeated(((name, ("listeners", index, "name")) for name, index in named), "listener name")


def one_model_listener(subject: Subject) -> Iterator[Finding]:
    """Find second model listeners in old files."""
    models = [index for index, entry in enumerate(subject.config.listeners) if entry.type == "model"]
    for index in models[1:] if subject.is_old else ():
        message = "only one listener of type model is possible in this version"
        yield Finding(("listeners", index, "type"), message, "Write 'version: v0.5.0' to have several.")


def one_default_agent(subject: Subject) -> Iterator[Finding]:
    """Find second default agents: what matches no agent goes to one."""
    for index, listener in enumerate(subject.config.listeners):
        defaults = [position for position, agent in enumerate(listener.agents) if agent.default]
        for position in defaults[1:]:
            loc = ("listeners", index, "agents", position, "default")
            yield Finding(loc, f"listener '{listener.name}' has a default agent already", "Keep one default.")


def agents_stand_once(subject: Subject) -> Iterator[Finding]:
    """Find agents that a listener names twice."""
    for index, listener in enumerate(subject.config.listeners):
        ids = ((agent.id, ("listeners", index, "agents", at, "id")) for at, agent in enumerate(listener.agents))
        yield from repeated(ids, "agent")


FITS: Final[dict[str, frozenset[str]]] = {
    "agents": frozenset({"agent", "unified", "prompt"}),
    "parallel": frozenset({"agent", "unified", "prompt"}),
    "max_agents": frozenset({"agent", "unified", "prompt"}),
    "router": frozenset({"agent", "unified", "prompt"}),
    "prompt_targets": frozenset({"prompt", "unified"}),
    "memory": frozenset({"agent", "unified", "model"}),
    "max_retries": frozenset({"model", "unified"}),
}
"""The listeners that a key is for. Keys that are not here are for all."""


def keys_fit_the_type(subject: Subject) -> Iterator[Finding]:
    """Find keys on a listener that does not read them."""
    for index, listener in enumerate(subject.config.listeners):
        for key in _set_keys(listener):
            if key in FITS and listener.type not in FITS[key]:
                message = f"has no effect on a listener of type {listener.type}"
                hint = f"It is for {', '.join(sorted(FITS[key]))}."
                yield Finding(("listeners", index, key), message, hint, "warning")


def _set_keys(listener: Listener) -> list[str]:
    return sorted(listener.model_fields_set)


def agent_listeners_have_agents(subject: Subject) -> Iterator[Finding]:
    """Find agent listeners that can answer nothing."""
    for index, listener in enumerate(subject.config.listeners):
        if listener.type == "agent" and not listener.agents:
            message = f"agent listener '{listener.name}' has no agents"
            yield Finding(("listeners", index), message, "List at least one under agents.", subject.stricter)


def agents_fit_their_protocol(subject: Subject) -> Iterator[Finding]:
    """Find agents that are to answer chats and speak another protocol, which is only passed through."""
    spoken = {agent.id: agent.protocol for agent in subject.config.agents if agent.protocol != "chat"}
    for index, listener in enumerate(subject.config.listeners):
        for at, agent in enumerate(listener.agents):
            loc = ("listeners", index, "agents", at)
            hint = "Name an agent that answers chat completions."
            if isinstance(agent.on_error, Fallback) and agent.on_error.fallback in spoken:
                name = agent.on_error.fallback
                yield Finding((*loc, "on_error"), f"'{name}' speaks {spoken[name]} and cannot take over", hint)
            if agent.id not in spoken:
                continue
            if agent.default:
                message = f"'{agent.id}' speaks {spoken[agent.id]} and cannot be the default"
                yield Finding((*loc, "default"), message, hint)
            for key in sorted(agent.model_fields_set & _FOR_CHATS):
                message = f"has no effect on an agent that speaks {spoken[agent.id]}"
                yield Finding((*loc, key), message, "It is for agents that answer chat completions.", "warning")


_FOR_CHATS: Final = frozenset({"input_filters", "output_filters", "on_error", "retries", "weight"})


CHECKS: Final[tuple[Check, ...]] = (
    ports_are_given,
    ports_do_not_clash,
    names_are_unique,
    one_model_listener,
    one_default_agent,
    agents_stand_once,
    keys_fit_the_type,
    agent_listeners_have_agents,
    agents_fit_their_protocol,
)
