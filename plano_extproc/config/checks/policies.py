"""Keys that need one another, and names that stand once."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Final

from pydantic import SecretStr

from plano_extproc.config import catalogue, models_catalogue
from plano_extproc.config.checks.finding import Check, Finding, Loc, Subject, repeated
from plano_extproc.config.prompts import Parameter, PromptTarget
from plano_extproc.config.routing import CostSource

_SCHEMES: Final[dict[str, tuple[str, ...]]] = {
    "postgres": ("postgres://", "postgresql://"),
    "redis": ("redis://", "rediss://"),
}


def _server(loc: Loc, kind: str, given: SecretStr | None) -> Iterator[Finding]:
    """Find what is wrong with the URL of a server; libpq's own `key=value` form of PostgreSQL passes."""
    schemes = _SCHEMES[kind]
    if given is None or not given.get_secret_value():
        yield Finding(loc, f"is required for {kind}", f"Write {schemes[0]}user:password@host/name, or a variable.")
        return
    text = given.get_secret_value()
    if not text.startswith(schemes) and not (kind == "postgres" and re.match(r"\s*\w+\s*=", text)):
        yield Finding(loc, f"is no URL of a {kind} server", f"Begin it with {schemes[0]}.")


def stores_have_servers(subject: Subject) -> Iterator[Finding]:
    """Find stores on a server that is not named, and what a store does not heed."""
    state, cache = subject.config.state_storage, subject.config.routing.session_cache
    if state is not None and state.type in _SCHEMES:
        yield from _server(("state_storage", "connection_string"), state.type, state.connection_string)
    if state is not None and state.type == "redis" and state.max_bytes is not None:
        loc: Loc = ("state_storage", "max_bytes")
        yield Finding(loc, "has no effect for redis", "Set maxmemory in the Redis itself.", "warning")
    if state is not None and state.type != "sqlite" and state.path is not None:
        yield Finding(("state_storage", "path"), f"has no effect for {state.type}", "Remove it.", "warning")
    if cache.type == "redis":
        yield from _server(("routing", "session_cache", "url"), "redis", cache.url)


def sources_are_single(subject: Subject) -> Iterator[Finding]:
    """Find second sources of prices or latencies."""
    seen: Counter[str] = Counter()
    for index, source in enumerate(subject.config.model_metrics_sources):
        seen[source.type] += 1
        if seen[source.type] > 1:
            message = f"is a second source of type {source.type}"
            yield Finding(("model_metrics_sources", index, "type"), message, "Keep one of each type.")


def price_files_are_named(subject: Subject) -> Iterator[Finding]:
    """Find sources of prices that lack their file, and files of sources that are no file."""
    for index, source in enumerate(subject.config.model_metrics_sources):
        if not isinstance(source, CostSource):
            continue
        here: Loc = ("model_metrics_sources", index)
        is_local = source.url is not None and source.url.startswith("file:")
        if source.provider == "file" and (source.path is None) == (source.url is None):
            yield Finding((*here, "provider"), "needs the file", "Set either path or url, as file:///… or https://….")
        elif source.provider != "file" and source.path is not None:
            yield Finding((*here, "path"), "is for provider file only", "Remove it, or set provider: file.")
        elif source.provider != "file" and is_local:
            yield Finding((*here, "url"), "is a file", "Set provider: file, or write https://….")


def limits_say_how_much(subject: Subject) -> Iterator[Finding]:
    """Find limits without an amount."""
    hint = "Set tokens, requests, or both."
    for index, entry in enumerate(subject.config.ratelimits):
        if entry.limit.tokens is None and entry.limit.requests is None:
            yield Finding(("ratelimits", index, "limit"), "says no amount", hint)
    for index, client in enumerate(subject.config.clients):
        if client.ratelimit and client.ratelimit.tokens is None and client.ratelimit.requests is None:
            yield Finding(("clients", index, "ratelimit"), "says no amount", hint)


def agent_limits_say_how_much(subject: Subject) -> Iterator[Finding]:
    """Find an agent's or a tier's limits without an amount."""
    governance = subject.config.governance
    ruled = {"agents": governance.agents, "tiers": governance.tiers} if governance else {}
    for key, listed in ruled.items():
        for index, one in enumerate(listed):
            for at, limit in enumerate(one.limits):
                if limit.calls is None and limit.tokens is None and limit.usd is None:
                    loc: Loc = ("governance", key, index, "limits", at)
                    yield Finding(loc, "says no amount", "Set calls, tokens, usd, or several of them.")


def names_stand_once(subject: Subject) -> Iterator[Finding]:
    """Find repeated names of entries that are told apart by them."""
    config = subject.config
    agents = [(one.id, ("agents", at, "id")) for at, one in enumerate(config.agents)]
    filters = [(one.id, ("filters", at, "id")) for at, one in enumerate(config.filters)]
    endpoints: list[tuple[str, Loc]] = [(name, ("endpoints", name)) for name in config.endpoints]
    yield from repeated([*agents, *filters, *endpoints], "the id of an agent, filter or endpoint")
    preferences = ((one.name, ("routing_preferences", at, "name")) for at, one in enumerate(config.routing_preferences))
    yield from repeated(preferences, "routing preference")
    targets: list[tuple[str, Loc]] = [
        (one.name, ("prompt_targets", at, "name")) for at, one in enumerate(config.prompt_targets)
    ]
    for index, listener in enumerate(config.listeners):
        own: list[tuple[str, Loc]] = [
            (one.name, ("listeners", index, "prompt_targets", at, "name"))
            for at, one in enumerate(listener.prompt_targets or ())
            if isinstance(one, PromptTarget)
        ]
        targets.extend(own)
    yield from repeated(targets, "prompt target")
    yield from repeated(((one.id, ("clients", at, "id")) for at, one in enumerate(config.clients)), "client")
    governance = config.governance
    governed = governance.agents if governance else ()
    yield from repeated(((one.id, ("governance", "agents", at, "id")) for at, one in enumerate(governed)), "agent")
    callers = ((one.client, at) for at, one in enumerate(governed) if one.client)
    yield from repeated(((name, ("governance", "agents", at, "client")) for name, at in callers), "an agent's client")
    tiers = governance.tiers if governance else ()
    yield from repeated(((str(one.tier), ("governance", "tiers", at, "tier")) for at, one in enumerate(tiers)), "tier")


def client_keys_differ(subject: Subject) -> Iterator[Finding]:
    """Find keys that do not say who calls."""
    seen: dict[bytes, str] = {}
    for index, client in enumerate(subject.config.clients):
        loc = ("clients", index, "key")
        try:
            digest = client.digest
        except ValueError:
            hint = "Write sha256: and 64 hex digits, as `printf %s KEY | sha256sum` prints them."
            yield Finding(loc, "is no SHA-256 digest", hint)
            continue
        if not client.key.get_secret_value():
            yield Finding(loc, "is empty", "Set its variable to a key.")
        elif digest in seen:
            yield Finding(loc, f"is the same as that of '{seen[digest]}'", "Give each client its own key.")
        seen.setdefault(digest, client.id)


def budgeted_models_have_prices(subject: Subject) -> Iterator[Finding]:
    """Find models that clients with a budget may use, and whose price is not known."""
    config = subject.config
    if not any(client.budget for client in config.clients):
        return
    for index, entry in enumerate(config.model_providers):
        kind = catalogue.provider(entry.prefix)
        known = models_catalogue.model_of(kind.id, entry.model_id) if kind else None
        if not entry.is_wildcard and (known is None or known.price is None):
            message = f"the price of '{entry.model}' is not known, so no budget counts it"
            hint = "Do not let clients with a budget use it, or give them a ratelimit too."
            yield Finding(("model_providers", index, "model"), message, hint, "warning")


def one_default_target(subject: Subject) -> Iterator[Finding]:
    """Find second default targets: a prompt that matches none goes to one."""
    defaults = [loc for loc, target in _shared_targets(subject) if target.default]
    for listener in range(len(subject.config.listeners)):
        own = [loc for loc, target in _own_targets(subject, listener) if target.default]
        for loc in own[1:]:
            yield Finding((*loc, "default"), _SECOND_DEFAULT, "Keep one default.", subject.stricter)
    for loc in defaults[1:]:
        yield Finding((*loc, "default"), _SECOND_DEFAULT, "Keep one default.", subject.stricter)


_SECOND_DEFAULT: Final = "there is a default prompt target already"


def _shared_targets(subject: Subject) -> Iterator[tuple[Loc, PromptTarget]]:
    for index, target in enumerate(subject.config.prompt_targets):
        yield ("prompt_targets", index), target


def _own_targets(subject: Subject, listener: int) -> Iterator[tuple[Loc, PromptTarget]]:
    for at, one in enumerate(subject.config.listeners[listener].prompt_targets or ()):
        if isinstance(one, PromptTarget):
            yield ("listeners", listener, "prompt_targets", at), one


TYPES: Final[frozenset[str]] = frozenset(
    {"int", "integer", "str", "string", "float", "number", "bool", "boolean", "list", "array", "set", "dict"}
    | {"object", "tuple"}
)


def parameters_fit(subject: Subject) -> Iterator[Finding]:
    """Find parameters that contradict themselves or the path."""
    own = (_own_targets(subject, listener) for listener in range(len(subject.config.listeners)))
    for loc, target in chain(_shared_targets(subject), *own):
        here: Loc = (*loc, "parameters")
        yield from repeated(((one.name, (*here, at, "name")) for at, one in enumerate(target.parameters)), "parameter")
        for at, parameter in enumerate(target.parameters):
            if parameter.type.partition("[")[0].lower() not in TYPES:
                hint = f"Known: {', '.join(sorted(TYPES))}."
                message = f"'{parameter.type}' is no known type"
                yield Finding((*here, at, "type"), message, hint, "warning")
            if parameter.in_path and parameter.name not in target.placeholders:
                message = f"the path has no {{{parameter.name}}}"
                yield Finding((*here, at, "in_path"), message, "Put it into endpoint.path.", subject.stricter)
            if parameter.enum and parameter.default is not None and parameter.default not in parameter.enum:
                yield Finding((*here, at, "default"), "is none of the values of enum", "", subject.stricter)
            elif not _is_of_type(parameter):
                message = f"'{parameter.default}' is no {parameter.type}"
                yield Finding((*here, at, "default"), message, "", subject.stricter)
        unknown = sorted({*target.placeholders} - {one.name for one in target.parameters})
        for name in unknown:
            message, hint = f"no parameter is called '{name}'", "Declare it under parameters."
            yield Finding((*loc, "endpoint", "path"), message, hint, subject.stricter)


def _is_of_type(parameter: Parameter) -> bool:
    """Whether a default can be what its parameter is; it may be written as text."""
    form = _FORMS.get(parameter.type.strip().lower())
    return parameter.default is None or form is None or form.fullmatch(str(parameter.default).strip()) is not None


_WHOLE: Final = re.compile(r"[+-]?\d[\d,_]*(\.0+)?")
_ANY_NUMBER: Final = re.compile(r"[+-]?(\d[\d,_]*)?\.?\d+(e[+-]?\d+)?", re.IGNORECASE)
_YES_OR_NO: Final = re.compile(r"true|false|yes|no|on|off|0|1", re.IGNORECASE)
_FORMS: Final = {
    **dict.fromkeys(("int", "integer"), _WHOLE),
    **dict.fromkeys(("float", "number"), _ANY_NUMBER),
    **dict.fromkeys(("bool", "boolean"), _YES_OR_NO),
}


def one_orchestrator(subject: Subject) -> Iterator[Finding]:
    """Find no endpoint, or several, where the old switch sends prompts to the one."""
    config = subject.config
    count = len(config.endpoints) + len(config.agents) + len(config.filters)
    if config.overrides.use_agent_orchestrator and count != 1:
        message = f"needs exactly one endpoint, the orchestrator; there are {count}"
        hint = "Use a listener of type unified instead."
        yield Finding(("overrides", "use_agent_orchestrator"), message, hint)


def origins_are_origins(subject: Subject) -> Iterator[Finding]:
    """Find origins that no browser would send."""
    for index, listener in enumerate(subject.config.listeners):
        for at, origin in enumerate(listener.cors.allow_origins if listener.cors else ()):
            if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.\-]*://[^/\s]+", origin):
                loc = ("listeners", index, "cors", "allow_origins", at)
                yield Finding(
                    loc, f"'{origin}' is no origin", 'Write scheme and host, such as https://app.example, or "*".'
                )


CHECKS: Final[tuple[Check, ...]] = (
    stores_have_servers,
    sources_are_single,
    price_files_are_named,
    limits_say_how_much,
    agent_limits_say_how_much,
    names_stand_once,
    client_keys_differ,
    budgeted_models_have_prices,
    one_default_target,
    parameters_fit,
    one_orchestrator,
    origins_are_origins,
)
