"""Every metric there is: name, help, labels, buckets. Those of `brightstaff_` are the peer's, for its dashboards."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()

_OVERHEAD: Final = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
"""Seconds: a decision takes tenths of a millisecond, a slow policy may take a second."""

_HTTP: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_UPSTREAM: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_ROUTER: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(name, about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, about, labels, buckets=buckets, registry=REGISTRY)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    return Gauge(name, about, labels, registry=REGISTRY, multiprocess_mode="livesum")


# Ours: the gateway's own work.

ANSWERS: Final = _counter(
    "plano_answers",
    "Answers given, by what served them. `way` is bypass, direct, or local for answers of the sidecar itself.",
    "listener",
    "client_api",
    "model",
    "way",
    "status",
)
OVERHEAD: Final = _histogram(
    "plano_overhead_seconds",
    "Time from the request's headers until the provider is called.",
    _OVERHEAD,
    "listener",
    "way",
)
PHASE: Final = _histogram(
    "plano_phase_seconds", "Time to answer one message of Envoy's, by its kind.", _OVERHEAD, "position", "message"
)
STREAMS_OPEN: Final = _gauge("plano_streams_open", "Exchanges under way, by position.", "position")
FALLBACKS: Final = _counter(
    "plano_fallbacks", "Tries beyond a first, by what failed.", "from_model", "to_model", "reason"
)
COOLDOWNS: Final = _counter("plano_cooldowns", "Times that a provider or key was set aside.", "provider")
COOLING: Final = Gauge(
    "plano_cooling",
    "1 for a provider or key that is set aside, in any worker.",
    ("provider",),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
GUARDS: Final = _counter("plano_guards", "Verdicts of guards.", "listener", "guard", "verdict")
GUARD: Final = _histogram("plano_guard_seconds", "Time that a guard took.", _OVERHEAD, "guard")
BUDGETS: Final = _counter("plano_budgets", "Requests checked against a budget or limit.", "client", "limit", "outcome")
STORE_FAILURES: Final = _counter(
    "plano_store_failures", "Times that the store of limits did not answer; `what` was asked of it.", "what"
)
SPENT: Final = _counter("plano_cost_usd", "Money spent, in US dollars.", "provider", "model", "client")
FEED_ERRORS: Final = _counter("plano_feed_errors", "Answers of a source of prices or latencies of no use.", "feed")
FEED_AGE: Final = Gauge(
    "plano_feed_age_seconds", "Age of the last good answer.", ("feed",), registry=REGISTRY, multiprocess_mode="livemax"
)
CACHE: Final = _counter("plano_cache", "Lookups of stored answers.", "listener", "outcome")
CALLOUTS: Final = _counter("plano_callouts", "Calls of policies to the outside.", "what", "outcome")
CALLOUT: Final = _histogram("plano_callout_seconds", "Time that they took.", _UPSTREAM, "what")
AGENTS: Final = _counter("plano_agent_calls", "Calls of agents.", "listener", "agent", "outcome")
SIGNALS: Final = _counter("plano_signals", "Signals found in conversations, each once.", "type")
QUALITIES: Final = _counter("plano_conversation_quality", "Exchanges, by how well the conversation goes.", "quality")
SPANS: Final = _counter("plano_spans_exported", "Spans that arrived at a collector.", "sink")
SPANS_DROPPED: Final = _counter("plano_spans_dropped", "Spans that were lost on the way to a collector.", "sink")

GOVERNED: Final = _counter(
    "plano_governed_decisions",
    "Rows of the ledger. `action` is serve, call_model, or tool for a call of a tool that was refused.",
    "agent",
    "action",
    "decision",
)
GOVERNED_TOKENS: Final = _counter(
    "plano_governed_tokens", "Tokens that governed agents used; kind is prompt, completion.", "agent", "kind"
)
GOVERNED_COST: Final = _counter("plano_governed_cost_usd", "Money that they spent, in US dollars.", "agent")
GOVERNANCE_FAILURES: Final = _counter(
    "plano_governance_store_failures", "Times that the store of governance or the ledger failed.", "what"
)

# The peer's.

HTTP_REQUESTS: Final = _counter("brightstaff_http_requests", "Requests.", "handler", "method", "status_class")
HTTP_DURATION: Final = _histogram(
    "brightstaff_http_request_duration_seconds", "Time from a request to its end.", _HTTP, "handler"
)
HTTP_IN_FLIGHT: Final = _gauge("brightstaff_http_in_flight_requests", "Requests under way.", "handler")
LLM_REQUESTS: Final = _counter(
    "brightstaff_llm_upstream_requests", "Calls of models.", "provider", "model", "status_class", "error_class"
)
LLM_DURATION: Final = _histogram(
    "brightstaff_llm_upstream_duration_seconds",
    "Time that a model's whole answer took.",
    _UPSTREAM,
    "provider",
    "model",
)
LLM_FIRST_TOKEN: Final = _histogram(
    "brightstaff_llm_time_to_first_token_seconds", "Time to the first byte of it.", _UPSTREAM, "provider", "model"
)
LLM_TOKENS: Final = _counter(
    "brightstaff_llm_tokens",
    "Tokens; kind is prompt, completion, cache_read, cache_write.",
    "provider",
    "model",
    "kind",
)
LLM_USAGE_MISSING: Final = _counter(
    "brightstaff_llm_tokens_usage_missing", "Answers that told no tokens.", "provider", "model"
)
ROUTER_DECISIONS: Final = _counter(
    "brightstaff_router_decisions", "Decisions of the router.", "route", "selected_model", "fallback"
)
ROUTER_DURATION: Final = _histogram(
    "brightstaff_router_decision_duration_seconds", "Time that they took.", _ROUTER, "route"
)
ROUTER_FAILURES: Final = _counter(
    "plano_router_failures", "Times that a router model did not decide, and the local one did instead.", "reason"
)
ROUTER_SKIPS: Final = _counter("brightstaff_router_skips", "Requests that kept their session's model.", "reason")
ROUTING_SERVICE: Final = _counter("brightstaff_routing_service_requests", "Requests to /routing/v1.", "outcome")
SESSION_CACHE: Final = _counter("brightstaff_session_cache_events", "Lookups of sessions.", "outcome")
SESSION_BINDING: Final = _counter("brightstaff_session_binding_events", "Changes of a session's model.", "event")
SESSION_SWITCH: Final = _counter(
    "brightstaff_session_switch_decisions", "Whether a session may change its model.", "decision", "reason"
)
PROMPT_CACHE: Final = _counter(
    "brightstaff_prompt_cache_requests", "Whether a provider's prompt cache was used.", "provider", "model", "outcome"
)
BUILD: Final = Gauge("brightstaff_build_info", "1", ("version", "git_sha"), registry=REGISTRY, multiprocess_mode="max")

PROCESS_CPU: Final = _counter("process_cpu_seconds", "Processor time of the workers, in seconds.")
PROCESS_FDS: Final = _gauge("process_open_fds", "Files and sockets that the workers have open.")
PROCESS_MAX_FDS: Final = _gauge("process_max_fds", "Files and sockets that they may have open.")
PROCESS_VIRTUAL: Final = _gauge("process_virtual_memory_bytes", "Their virtual memory, in bytes.")
PROCESS_RESIDENT: Final = _gauge("process_resident_memory_bytes", "Their resident memory, in bytes.")
PROCESS_THREADS: Final = _gauge("process_threads", "Their threads.")
PROCESS_START: Final = Gauge(
    "process_start_time_seconds",
    "When the first of them started, in seconds since 1970.",
    registry=REGISTRY,
    multiprocess_mode="livemin",
)

Figure = Counter | Gauge | Histogram
