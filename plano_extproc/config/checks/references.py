"""Names that stand in one place and are defined in another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from plano_extproc.config.catalogue import provider
from plano_extproc.config.checks.finding import Check, Finding, Loc, Subject, nearest
from plano_extproc.config.listeners import Fallback
from plano_extproc.config.prompts import PromptTarget
from plano_extproc.config.schema import Config

LOCAL: Final[frozenset[str]] = frozenset({"local/lexical", "local/minilm"})
"""Matchers of this gateway, named like models."""


@dataclass(frozen=True, slots=True)
class Models:
    """The names under which the models of a configuration can be called."""

    names: frozenset[str]
    prefixes: frozenset[str]

    @classmethod
    def of(cls, config: Config) -> "Models":
        """Collect them."""
        names: set[str] = set()
        prefixes: set[str] = set()
        for entry in config.model_providers:
            kind = entry.known_kind
            by_prefix = provider(entry.prefix)
            if entry.is_wildcard:
                prefixes |= {entry.prefix, by_prefix.id if by_prefix else entry.prefix}
                names.add(entry.name)
            else:
                names |= {entry.name, entry.model, entry.model_id}
                names |= {f"{kind.id}/{entry.model_id}"} if kind else set()
        return cls(frozenset(names), frozenset(prefixes))

    def have(self, name: str) -> bool:
        """Whether a request for `name` finds a model."""
        prefix, _, model_id = name.partition("/")
        return name in self.names or bool(model_id and prefix in self.prefixes)


def alias_targets_are_models(subject: Subject) -> Iterator[Finding]:
    """Find aliases that do not name a model."""
    models, aliases = Models.of(subject.config), subject.config.model_aliases
    for name, alias in aliases.items():
        loc = ("model_aliases", name, "target")
        if models.have(alias.target):
            continue
        if alias.target not in aliases:
            message = f"alias '{name}' names an unknown model '{alias.target}'"
            yield Finding(loc, message, nearest(alias.target, models.names, "Configured"))
            continue
        chain = [name]
        while (target := aliases[chain[-1]].target) in aliases and target not in chain:
            chain.append(target)
        if target in chain:
            yield Finding(loc, f"aliases go in a circle: {' -> '.join([*chain, target])}", "Name a model.")


def _models_asked(config: Config) -> Iterator[tuple[Loc, str, bool]]:
    """Yield every place that names a model, the name, and whether aliases do as well."""
    for index, preference in enumerate(config.routing_preferences):
        for at, model in enumerate(preference.models):
            yield ("routing_preferences", index, "models", at), model, True
    for index, entry in enumerate(config.model_providers):
        for at, model in enumerate(entry.retry_policy.fallback_models if entry.retry_policy else ()):
            yield ("model_providers", index, "retry_policy", "fallback_models", at), model, True
    guards = config.prompt_guards
    for side in ("input_guards", "output_guards"):
        moderation = getattr(getattr(guards, side, None), "moderation", None)
        if moderation is not None:
            yield ("prompt_guards", side, "moderation", "model"), moderation.model, True
    for index, listener in enumerate(config.listeners):
        own = ((("agents", at), agent.memory) for at, agent in enumerate(listener.agents))
        for loc, memory in (((), listener.memory), *own):
            if memory is not None and memory.extract not in {"rule", *LOCAL}:
                yield ("listeners", index, *loc, "memory", "extract"), memory.extract, True


def asked_models_exist(subject: Subject) -> Iterator[Finding]:
    """Find unknown models where one is named to be called."""
    models, aliases = Models.of(subject.config), subject.config.model_aliases
    for loc, name, takes_aliases in _models_asked(subject.config):
        if not models.have(name) and not (takes_aliases and name in aliases):
            hint = nearest(name, {*models.names, *aliases}, "Configured")
            yield Finding(loc, f"unknown model '{name}'", hint)


def _matches(names: Iterable[str], aliases: Iterable[str], pattern: str) -> Iterator[bool]:
    return (fnmatchcase(name, pattern) for name in {*names, *aliases})


def limited_models_exist(subject: Subject) -> Iterator[Finding]:
    """Find limits and permissions on unknown models."""
    models, aliases = Models.of(subject.config), subject.config.model_aliases
    for index, limit in enumerate(subject.config.ratelimits):
        known = limit.model.removesuffix("/*") in models.prefixes or any(_matches(models.names, aliases, limit.model))
        if not known and not models.have(limit.model) and limit.model != "*":
            hint = nearest(limit.model, {*models.names, *aliases}, "Configured")
            loc = ("ratelimits", index, "model")
            yield Finding(loc, f"unknown model '{limit.model}'", hint, subject.stricter)
    for index, client in enumerate(subject.config.clients):
        for at, pattern in enumerate(client.models):
            known = any(_matches(models.names, aliases, pattern))
            if not known and not models.have(pattern) and pattern.removesuffix("/*") not in models.prefixes:
                message = f"'{pattern}' matches no configured model"
                hint = nearest(pattern, {*models.names, *aliases}, "Configured")
                yield Finding(("clients", index, "models", at), message, hint, "warning")


ROLES: Final[tuple[str, ...]] = ("llm_routing_model", "agent_orchestration_model", "function_calling_model")


def role_models_exist(subject: Subject) -> Iterator[Finding]:
    """Find unknown models where one is to work for the gateway itself."""
    models, aliases = Models.of(subject.config), subject.config.model_aliases
    for role in ROLES:
        name = getattr(subject.config.overrides, role)
        if name is None or name in LOCAL or name in aliases:
            continue
        if not models.have(name) and not models.have(name.partition("/")[2]):
            instead = " and local/lexical is used" if subject.is_old else ""
            hint = nearest(name, {*models.names, *LOCAL}, "Configured")
            message = f"model '{name}' is not configured{instead}"
            yield Finding(("overrides", role), message, hint, subject.stricter)


def services_exist(subject: Subject) -> Iterator[Finding]:
    """Find agents and filters that listeners name and nobody declares."""
    config = subject.config
    agents = {agent.id for agent in config.agents}
    services = agents | {one.id for one in config.filters}
    for index, listener in enumerate(config.listeners):
        here = ("listeners", index)
        for side in ("input_filters", "output_filters"):
            for at, name in enumerate(getattr(listener, side)):
                if name not in services:
                    message = f"unknown filter '{name}' of listener '{listener.name}'"
                    yield Finding((*here, side, at), message, nearest(name, services, "Declared"))
        own = {agent.id for agent in listener.agents}
        for at, agent in enumerate(listener.agents):
            loc = (*here, "agents", at)
            if agent.id not in agents:
                message = f"unknown agent '{agent.id}' of listener '{listener.name}'"
                yield Finding((*loc, "id"), message, nearest(agent.id, agents, "Declared"))
            for side in ("input_filters", "output_filters"):
                for position, name in enumerate(getattr(agent, side)):
                    if name not in services:
                        message = f"unknown filter '{name}' of agent '{agent.id}'"
                        yield Finding((*loc, side, position), message, nearest(name, services, "Declared"))
            if isinstance(agent.on_error, Fallback) and agent.on_error.fallback not in own - {agent.id}:
                message = f"'{agent.on_error.fallback}' is no other agent of this listener"
                hint = nearest(agent.on_error.fallback, own - {agent.id})
                yield Finding((*loc, "on_error"), message, hint)


def _targets(config: Config) -> Iterator[tuple[Loc, PromptTarget]]:
    for index, target in enumerate(config.prompt_targets):
        yield ("prompt_targets", index), target
    for index, listener in enumerate(config.listeners):
        for at, one in enumerate(listener.prompt_targets or ()):
            if isinstance(one, PromptTarget):
                yield ("listeners", index, "prompt_targets", at), one


def target_endpoints_exist(subject: Subject) -> Iterator[Finding]:
    """Find prompt targets that call nothing declared."""
    config = subject.config
    known = {*config.endpoints, *(one.id for one in config.agents), *(one.id for one in config.filters)}
    for loc, target in _targets(config):
        if target.endpoint is not None and target.endpoint.name not in known:
            message = f"unknown endpoint '{target.endpoint.name}' of prompt target '{target.name}'"
            hint = nearest(target.endpoint.name, known, "Add it to endpoints. Declared")
            yield Finding((*loc, "endpoint", "name"), message, hint)


def listed_names_exist(subject: Subject) -> Iterator[Finding]:
    """Find prompt targets, clients and governed agents that nobody declares."""
    config = subject.config
    targets = {target.name for target in config.prompt_targets}
    clients = {client.id for client in config.clients}
    for index, listener in enumerate(config.listeners):
        for at, one in enumerate(listener.prompt_targets or ()):
            if isinstance(one, str) and one not in targets:
                loc: Loc = ("listeners", index, "prompt_targets", at)
                yield Finding(loc, f"unknown prompt target '{one}'", nearest(one, targets, "Declared"))
        for at, name in enumerate(listener.clients):
            if name not in clients:
                loc = ("listeners", index, "clients", at)
                yield Finding(loc, f"unknown client '{name}'", nearest(name, clients, "Declared"))
    agents = {agent.id for agent in config.agents}
    for index, governed in enumerate(config.governance.agents if config.governance else ()):
        if governed.client is not None and governed.client not in clients:
            loc = ("governance", "agents", index, "client")
            yield Finding(loc, f"unknown client '{governed.client}'", nearest(governed.client, clients, "Declared"))
        if governed.id not in agents and governed.client is None:
            loc = ("governance", "agents", index, "id")
            hint = nearest(governed.id, agents, "Declared")
            yield Finding(loc, f"unknown agent '{governed.id}': its rules hold for nobody", hint, "warning")


CHECKS: Final[tuple[Check, ...]] = (
    alias_targets_are_models,
    asked_models_exist,
    limited_models_exist,
    role_models_exist,
    services_exist,
    target_endpoints_exist,
    listed_names_exist,
)
