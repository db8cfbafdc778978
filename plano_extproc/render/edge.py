"""Which headers cross the gateway's edges: from a client to us, to a provider, and back to the client."""

from plano_extproc import headers

HIDDEN_FROM_PROVIDERS = (
    headers.CLUSTER,
    headers.LISTENER,
    headers.USAGE,
    headers.INSTANCES,
    # The hops are for agents; the sidecar takes them out of what goes to a model.
    *(name for name in headers.CLIENT_MAY_SEND if name != headers.HOPS),
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "forwarded",
    "via",
    "x-envoy-external-address",
    "x-envoy-internal",
)
"""Our own words, and what would tell a provider who our client is."""

HIDDEN_FROM_CLIENTS = (
    # They would bind the client to a provider's site.
    "set-cookie",
    "alt-svc",
    "strict-transport-security",
    "nel",
    "report-to",
    # They tell of our account there, or of what stands in between.
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "cf-ray",
    "cf-cache-status",
    "via",
    "x-powered-by",
    "x-envoy-upstream-service-time",
    "x-envoy-decorator-operation",
    # Under these names only we speak; the sidecar sets them later.
    headers.MODEL,
    headers.ROUTE,
    headers.AGENT,
    headers.ROUTE_REASON,
    headers.DROPPED,
    headers.OVERHEAD_MS,
)
"""What a provider's answer loses."""


LOGGED_FACTS = {
    "client": "client_id",
    "route_reason": "route_reason",
    "router": "router",
    "session": "session",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "cost_usd": "cost_usd",
    "cache": "cache",
    "guards": "guards",
    "output_guards": "output_guards",
    "filters": "filters",
    "output_filters": "output_filters",
    "agent_filters": "agent_filters",
    "agents": "agents",
    "signal_quality": "signal_quality",
    "signal_score": "signal_score",
    "signals": "signals",
}
"""Facts of an exchange that are in the access log, and what they are called there."""

_ASIDE = "plano-aside-"


def entry_mutations(listener: str | None = None) -> list[dict[str, object]]:
    """Return what happens to a request's headers before anything reads them, as Envoy's mutations.

    Ours and Envoy's own go, except those that a client may send. A pattern that spares them would be over Envoy's
    limit for regular expressions, so they are put aside under other names, and back when the rest is gone.
    `listener` is what the routes then know the listener by.
    """
    aside = {name: f"{_ASIDE}{number}" for number, name in enumerate(headers.CLIENT_MAY_SEND)}
    return [
        _remove(_ASIDE),
        *(_copy(name, to) for name, to in aside.items()),
        *(_remove(prefix) for prefix in (*headers.PREFIXES, "x-envoy-")),
        *(_copy(kept, name) for name, kept in aside.items()),
        _remove(_ASIDE),
        *([_set(headers.LISTENER, listener)] if listener else []),
    ]


def overwrite(name: str, value: str) -> dict[str, object]:
    """Return a header to set, whatever was there before, in Envoy's words."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _remove(prefix: str) -> dict[str, object]:
    return {"remove_on_match": {"key_matcher": {"prefix": prefix}}}


def _copy(name: str, to: str) -> dict[str, object]:
    # Of a header that is absent nothing is copied, since an empty value is not kept.
    return _set(to, f"%REQ({name})%")


def _set(name: str, value: str) -> dict[str, object]:
    return {"append": overwrite(name, value)}
