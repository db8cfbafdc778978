"""One request of the gateway's own to the outside, as it is seen: counted, timed, a span of the exchange's trace."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

import orjson

from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.telemetry.telling import nanoseconds
from plano_extproc.gateway.telemetry.traced import TRACEPARENT
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split, status_class
from plano_extproc.telemetry.spans import (
    AGENT,
    CALLOUT,
    GUARD,
    HTTP_FILTER,
    LLM,
    MCP_FILTER,
    PROMPT_TARGET,
    ROUTING,
    AnySpan,
    SpanKind,
    agent,
)

Send = Callable[[Callout], Awaitable[Reply]]


async def call(gateway: Gateway, asked: Mapping[str, bytes], callout: Callout, served: Plan | None = None) -> Reply:
    """Send a request for an exchange, whose headers `asked` name its span; `served` is the model that it is for.

    Raises `CalloutFailed`.
    """
    ports, what = gateway.ports, kind_of(callout.what)
    span = _begin(gateway, asked, callout, served)
    if span.traceparent:
        kept = tuple(pair for pair in callout.headers if pair[0] != TRACEPARENT)
        callout = replace(callout, headers=(*kept, (TRACEPARENT, span.traceparent.encode())))
    begun, outcome, status = ports.clock(), "cancelled", 0
    try:
        reply = await ports.send(callout)
        status = reply.status
        outcome = status_class(status)
        if span.is_recording:
            _tell(span, reply, served)
    except CalloutFailed as failed:
        outcome = failed.reason
        span.update({"error.type": failed.reason})
        span.fail(failed.reason)
        raise
    finally:
        ports.metrics.count(figures.CALLOUTS, (what, outcome))
        seconds = ports.clock() - begun
        ports.metrics.observe(figures.CALLOUT, (what,), seconds)
        if served is not None:
            model = split(served.choice.name)
            error = "none" if status else _ERRORS.get(outcome, "other")
            ports.metrics.count(figures.LLM_REQUESTS, (*model, status_class(status), error))
            ports.metrics.observe(figures.LLM_DURATION, model, seconds)
        if span.is_recording:
            span.end(nanoseconds(ports.now()))
    return reply


def kind_of(what: str) -> str:
    """Return what kind of thing is asked, without its name."""
    return next((kind for kind in _KINDS if what.startswith(kind)), "other")


def _begin(gateway: Gateway, asked: Mapping[str, bytes], callout: Callout, served: Plan | None) -> AnySpan:
    kind, name = (LLM, callout.what) if served is not None else _named(gateway, callout)
    span = gateway.tracer.begin(kind, asked.get(TRACEPARENT), nanoseconds(gateway.ports.now()))
    if span.is_recording:
        span.name = f"{callout.what} ({served.choice.name})" if served is not None else name
        span.update(
            {
                "component": kind.component,
                "http.method": callout.method,
                "http.path": callout.path.partition("?")[0],
                "plano.callout": callout.what,
                "bytes_len": len(callout.body),
            }
        )
        thing = callout.what.removeprefix(kind_of(callout.what)).strip()
        if kind is AGENT:
            span.update({**agent(thing), "message_count": _messages(callout.body), **gateway.tracer.custom(asked)})
        elif kind in (HTTP_FILTER, MCP_FILTER):
            place = gateway.filters[thing].upstream.url
            span.update({"agent_id": thing, "agent_url": place, "filter_name": thing})
    return span


def _named(gateway: Gateway, callout: Callout) -> tuple[SpanKind, str]:
    what, path = callout.what, callout.path.partition("?")[0]
    kind = _KINDS.get(kind_of(what), CALLOUT)
    thing = what.removeprefix(kind_of(what)).strip()
    if kind is AGENT:
        return kind, f"{thing} {path}"
    if kind is HTTP_FILTER and gateway.filters[thing].kind == "mcp":
        return MCP_FILTER, f"{MCP_FILTER.name} ({thing})"
    return kind, f"{kind.name} ({thing})" if thing and kind is not CALLOUT else what


def _messages(body: bytes) -> int:
    """Return how many messages an agent gets."""
    try:
        found = orjson.loads(body).get("messages")
    except (orjson.JSONDecodeError, AttributeError):
        return 0
    return len(found) if isinstance(found, list) else 0


def _tell(span: AnySpan, reply: Reply, served: Plan | None) -> None:
    span.update({"http.status_code": reply.status})
    if reply.status >= 400:
        span.fail()
    if served is None:
        return
    provider, model = split(served.choice.name)
    span.update({"llm.model": model, "llm.provider": provider, "llm.is_streaming": False})
    try:
        usage = orjson.loads(reply.body).get("usage")
    except (orjson.JSONDecodeError, AttributeError):
        usage = None
    for ours, theirs in _USED:
        found = usage.get(theirs) if isinstance(usage, dict) else None
        if isinstance(found, int):
            span.update({ours: found})


_KINDS: Final[dict[str, SpanKind]] = {
    "agent": AGENT,
    "filter": HTTP_FILTER,
    "prompt target": PROMPT_TARGET,
    "moderation": GUARD,
    "router": ROUTING,
    "orchestrator": ROUTING,
    "memory": CALLOUT,
    "function calling": CALLOUT,
}
"""By the first words of what is asked."""

_ERRORS: Final[dict[str, str]] = {"timeout": "timeout", "unreachable": "connect", "too_large": "parse"}
"""What a lost call of a model is counted as, by its reason."""

_USED: Final = (
    ("llm.usage.prompt_tokens", "prompt_tokens"),
    ("llm.usage.prompt_tokens", "input_tokens"),
    ("llm.usage.completion_tokens", "completion_tokens"),
    ("llm.usage.completion_tokens", "output_tokens"),
)
