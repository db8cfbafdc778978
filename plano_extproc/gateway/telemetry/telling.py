"""What the span of an exchange says of it, in the peer's words; OpenTelemetry's stand beside them when it is sent."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from plano_extproc import filters
from plano_extproc.config.catalogue import Endpoint
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.routing.models import Chosen
from plano_extproc.gateway.telemetry.costing import cost
from plano_extproc.gateway.telemetry.session_span import attributes
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Ending, Work
from plano_extproc.guardrails.verdict import Record as Verdict
from plano_extproc.routing import Choice
from plano_extproc.signals import Report, is_flagged, span_attributes, span_events
from plano_extproc.signals.export import FLAG
from plano_extproc.telemetry.metrics import split
from plano_extproc.telemetry.spans import PREVIEW, AnySpan, Value, preview
from plano_extproc.translate.chat import Usage

T = TypeVar("T")


def tell(span: AnySpan, gateway: Gateway, work: Work, ending: Ending, *, begun: float) -> None:
    """Put what is known of an exchange into its span. `begun` is when it began, in seconds since 1970."""
    found, over = _of_request(gateway, work), nanoseconds(begun + ending.seconds)
    for record in notes(work, filters.Record):
        span.event("filter", over, {"filter": record.filter, "outcome": record.outcome})
    watched: Watched | None = work.notes.get(Watched)
    if ending.served is not None:
        found |= _of_call(work, ending.served, ending, watched)
    if watched is not None:
        if gateway.tracer.captures_messages and watched.words:
            found[PREVIEW] = preview(watched.words)
        if watched.first is not None:
            span.event("llm.time_to_first_token", nanoseconds(begun + watched.first - watched.started))
        if watched.report is not None:
            _signal(span, watched.report, over, with_text=gateway.tracer.tells_snippets and watched.may_tell)
    span.update(found)


def called(work: Work, ending: Ending) -> str:
    """Return the model as a span's name has it: the one that served, led by what was asked for where that differs."""
    asked, served = work.request.get("model"), ending.served
    if served is None or served.choice.agent is not None:
        return str(asked or "")
    resolved = split(served.choice.name)[1]
    return resolved if not asked or asked in (resolved, served.choice.name) else f"{asked} -> {resolved}"


def notes(work: Work, kind: type[T]) -> Sequence[T]:
    """Return what steps have noted of a kind."""
    found: Sequence[T] = work.notes.get(kind, ())
    return found


def nanoseconds(seconds: float) -> int:
    """Return a time in a span's unit."""
    return int(seconds * 1e9)


def _of_request(gateway: Gateway, work: Work) -> dict[str, Value]:
    asked, found = work.request.get("model"), dict[str, Value]()
    if isinstance(asked, str) and asked:
        found["model.requested"] = asked
    if work.ask.client is not None:
        found["plano.client"] = work.ask.client.id
    for key, name in _FACTS.items():
        if isinstance(value := work.facts.get(key), (str, int, float)):
            found[name] = value
    if (chosen := work.notes.get(Chosen)) is not None:
        found |= attributes(chosen, gateway.config.routing.routing_budget)
    if verdicts := notes(work, Verdict):
        found["plano.guards"] = ",".join(f"{one.guard}:{one.verdict}" for one in verdicts)
    return found


def _of_call(work: Work, served: Plan, ending: Ending, watched: Watched | None) -> dict[str, Value]:
    choice, request = served.choice, work.request
    found: dict[str, Value] = {"routing.selection_reason": work.reason or choice.reason}
    if (endpoint := work.ask.surface.endpoint) is not None:
        found["gen_ai.operation.name"] = _OPERATIONS.get(endpoint, endpoint)
    if choice.route:
        found["plano.route.name"] = choice.route
    if choice.agent is not None:
        return found | {"plano.agent": choice.agent}
    provider, model = split(choice.name)
    found |= {
        "llm.model": model,
        "llm.provider": provider,
        "llm.is_streaming": work.is_stream,
        "llm.duration_ms": round((ending.seconds - ending.overhead) * 1000, 3),
        "routing.is_fallback": ending.place > 1,
        "plano.attempts": ending.attempts,
    }
    for key, name in _PARAMETERS.items():
        if isinstance(value := request.get(key), (int, float)):
            found[name] = value
    if tools := _tools(request):
        found["llm.tools"] = tools
    if watched is not None and watched.first is not None:
        found["llm.time_to_first_token"] = round((watched.first - watched.sent) * 1000, 3)
        if watched.size:
            found["llm.response_bytes"] = watched.size
    reader: UsageReader | None = work.notes.get(UsageReader)
    return found | _used(choice, reader.usage) if reader is not None and reader.usage is not None else found


def _used(choice: Choice, usage: Usage) -> dict[str, Value]:
    found: dict[str, Value] = {
        "llm.usage.prompt_tokens": usage.prompt,
        "llm.usage.completion_tokens": usage.output,
        "llm.usage.total_tokens": usage.prompt + usage.output,
    }
    more = (
        ("llm.usage.cached_input_tokens", usage.cache_read),
        ("llm.usage.cache_creation_tokens", usage.cache_write),
        ("llm.usage.reasoning_tokens", usage.reasoning),
    )
    found |= {name: tokens for name, tokens in more if tokens}
    if (whole := cost(choice, usage)) is not None:
        output = cost(choice, Usage(output=usage.output)) or 0.0
        found["llm.usage.total_cost_usd"] = whole
        found["llm.usage.output_cost_usd"] = output
        found["llm.usage.input_cost_usd"] = max(0.0, whole - output)
    return found


def _tools(request: Mapping[str, object]) -> str:
    tools = request.get("tools")
    names = []
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            names.append(f"{function['name']}(...)")
    return "\n".join(names)


def _signal(span: AnySpan, report: Report, at_ns: int, *, with_text: bool) -> None:
    span.update(span_attributes(report))
    for name, about in span_events(report, with_text=with_text):
        span.event(name, at_ns, about)
    if is_flagged(report):
        span.name += FLAG


_OPERATIONS: Final[Mapping[Endpoint, str]] = {"completions": "text_completion"}
"""What OpenTelemetry calls what is no chat, where it has another word for it than we."""

_FACTS: Final[Mapping[str, str]] = {
    "router": "routing.strategy",
    "router_failure": "error.message",
    "cache": "plano.cache",
}
_PARAMETERS: Final[Mapping[str, str]] = {
    "temperature": "llm.temperature",
    "max_tokens": "llm.max_tokens",
    "max_completion_tokens": "llm.max_tokens",
    "max_output_tokens": "llm.max_tokens",
    "top_p": "llm.top_p",
}
