"""What is seen of one exchange, from its first event to its last: its span, and what it is counted as.

A span exists only where the exchange's trace is recorded. Its context goes on, in `traceparent`, to whoever is asked on
the exchange's behalf, so that all of them are one tree.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from plano_extproc import agents, filters, headers
from plano_extproc.gateway.actions import Headers
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.chain import Chain
from plano_extproc.gateway.costing import cost
from plano_extproc.gateway.decide import Decision
from plano_extproc.gateway.models import Chosen
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.session_span import attributes
from plano_extproc.gateway.steps.watch import Watched
from plano_extproc.gateway.work import Ending, Work
from plano_extproc.guardrails.verdict import Record as Verdict
from plano_extproc.routing import Choice
from plano_extproc.signals import Report, is_flagged, span_attributes, span_events
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split, status_class
from plano_extproc.telemetry.posthog import DISTINCT_ID
from plano_extproc.telemetry.spans import (
    AGENT,
    LLM,
    NO_SPAN,
    ORCHESTRATOR,
    PREVIEW,
    ROUTING,
    ROUTING_DECISION,
    AnySpan,
    Value,
    preview,
)
from plano_extproc.translate.chat import Usage

T = TypeVar("T")

TRACEPARENT: Final = "traceparent"
_SILENT: Final = frozenset(("/readyz", "/healthz", "/metrics"))
_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"))


class Traced(Mapping[str, bytes]):
    """A request's headers with the `traceparent` of its span in place of the client's."""

    __slots__ = ("_own", "_sent")

    def __init__(self, sent: Mapping[str, bytes], traceparent: str) -> None:
        self._sent = sent
        self._own = traceparent.encode()

    def __getitem__(self, name: str) -> bytes:
        return self._own if name == TRACEPARENT else self._sent[name]

    def __iter__(self) -> Iterator[str]:
        yield TRACEPARENT
        yield from (name for name in self._sent if name != TRACEPARENT)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Observation:
    """One exchange as it is seen. `listener` is its listener's name, `traceparent` what Envoy says of its own span."""

    __slots__ = ("_agent", "_begun", "_gateway", "_handler", "_listener", "_method", "_path", "_traceparent", "span")

    def __init__(self, gateway: Gateway, listener: str, traceparent: str | None = None) -> None:
        self._gateway = gateway
        self._listener = listener
        self._traceparent = traceparent
        self._handler = ""
        self._method = ""
        self._path = ""
        self._begun = 0.0
        self._agent: AnySpan = NO_SPAN
        self.span: AnySpan = NO_SPAN

    def begin(self, sent: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Begin with a request's headers; return them as all that comes after is to see them."""
        ports = self._gateway.ports
        self._path = sent[":path"].partition(b"?")[0].decode("latin-1")
        if self._path in _SILENT:
            return sent
        self._method = sent.get(":method", b"POST").decode("latin-1")
        self._handler = self._handler_of(self._path)
        ports.metrics.change(figures.HTTP_IN_FLIGHT, (self._handler,), 1)
        tracer = self._gateway.tracer
        if not tracer.is_on:
            return sent
        self._begun = ports.now()
        kind = _KINDS.get(self._handler, LLM)
        span = self.span = tracer.begin(kind, self._traceparent or sent.get(TRACEPARENT), _ns(self._begun))
        if span.is_recording:
            span.update(
                {
                    "component": "plano",
                    "request_id": sent.get(headers.REQUEST_ID, b"").decode("latin-1"),
                    "http.method": self._method,
                    "http.path": self._path,
                    "plano.listener": self._listener,
                    **tracer.custom(sent),
                }
            )
            self._name_user(sent)
        return Traced(sent, span.traceparent) if span.traceparent else sent

    def _name_user(self, sent: Mapping[str, bytes]) -> None:
        name = self._gateway.tracer.user_header
        if name and (value := sent.get(name)):
            self.span.update({DISTINCT_ID: value.decode("utf-8", "replace")})

    def _handler_of(self, path: str) -> str:
        if path.startswith("/routing/"):
            return "routing_decision"
        if path == "/v1/models" or path.startswith("/v1/models/"):
            return "list_models"
        listener = self._gateway.listeners.get(self._listener)
        return {"agent": "agent_chat", "prompt": "function_calling"}.get(listener.type if listener else "", "llm_chat")

    def decided(self, work: Work | None, decision: Decision) -> Headers:
        """Note who serves; return the headers by which it knows the trace."""
        span = self.span
        if not span.is_recording:
            return ((TRACEPARENT, span.traceparent.encode()),) if span.traceparent else ()
        now, choice = _ns(self._gateway.ports.now()), decision.plan.choice
        watched: Watched | None = work.notes.get(Watched) if work is not None else None
        began = _ns(watched.began) if watched is not None else _ns(self._begun)
        asked = str(work.request.get("model") or "") if work is not None else ""
        reason = decision.reason or choice.reason
        if choice.agent is not None:
            ran = work.handed.ran if work is not None and work.handed is not None else ()
            span.update(
                {
                    "selection.listener": self._listener,
                    "selection.agent_count": len(ran) + 1,
                    "selection.agents": ",".join((*ran, choice.agent)),
                    "selection.reason": reason,
                    "selection.determination_ms": round((now - began) / 1e6, 3),
                }
            )
            agent = self._agent = span.child(AGENT, now)
            agent.name = f"{choice.agent} /v1/chat/completions"
            agent.update({"agent_id": choice.agent, "message_count": _messages(work)})
            return ((TRACEPARENT, agent.traceparent.encode()),)
        routing = span.child(ROUTING, began)
        routing.update(
            {
                "component": "routing",
                "http.method": "POST",
                "http.target": self._path,
                "model.requested": asked or "none",
                "model.alias_resolved": choice.name,
                "route.selected_model": choice.name,
                "routing.selection_reason": reason,
                "routing.determination_ms": round((now - began) / 1e6, 3),
            }
        )
        routing.end(now)
        return ((TRACEPARENT, span.traceparent.encode()),)

    def end(self, work: Work | None, outcome: Ending) -> None:
        """Count the exchange, and end its span."""
        if not self._handler:
            return
        metrics = self._gateway.ports.metrics
        handler = self._handler if outcome.status != 404 or work is not None else "not_found"
        metrics.change(figures.HTTP_IN_FLIGHT, (self._handler,), -1)
        method = self._method if self._method in _METHODS else "OTHER"
        metrics.count(figures.HTTP_REQUESTS, (handler, method, status_class(outcome.status)))
        metrics.observe(figures.HTTP_DURATION, (handler,), outcome.seconds)
        if work is not None:
            self._count(work, outcome)
        if self.span.is_recording:
            self._end_span(work, outcome)

    def _count(self, work: Work, outcome: Ending) -> None:
        metrics = self._gateway.ports.metrics
        for verdict in _notes(work, Verdict):
            metrics.count(figures.GUARDS, (self._listener, verdict.guard, verdict.verdict))
            metrics.observe(figures.GUARD, (verdict.guard,), verdict.milliseconds / 1000)
        for part in _notes(work, agents.Record):
            metrics.count(figures.AGENTS, (self._listener, part.agent, part.outcome))
        if isinstance(found := work.facts.get("cache"), str):
            metrics.count(figures.CACHE, (self._listener, found))
        served = outcome.served
        if served is None:
            return
        choice = served.choice
        if outcome.attempts > 1 and isinstance(work.plans, Chain):
            first = work.plans.plans[0].choice
            metrics.count(figures.FALLBACKS, (first.agent or first.name, choice.agent or choice.name, "failed"))
        if choice.agent is not None:
            became = "answered" if 0 < outcome.status < 300 else "failed"
            metrics.count(figures.AGENTS, (self._listener, choice.agent, became))
            return
        provider, model = split(choice.name)
        error = "none" if outcome.status and outcome.is_complete else "stream" if outcome.status else "other"
        seconds = outcome.seconds - outcome.overhead
        metrics.count(figures.LLM_REQUESTS, (provider, model, status_class(outcome.status), error))
        metrics.observe(figures.LLM_DURATION, (provider, model), seconds)
        watched: Watched | None = work.notes.get(Watched)
        if watched is not None and watched.first is not None:
            metrics.observe(figures.LLM_FIRST_TOKEN, (provider, model), watched.first - watched.sent)
        reader: UsageReader | None = work.notes.get(UsageReader)
        if reader is not None and outcome.status < 300:
            self._count_usage(work, choice, reader.usage)

    def _count_usage(self, work: Work, choice: Choice, usage: Usage | None) -> None:
        metrics, (provider, model) = self._gateway.ports.metrics, split(choice.name)
        if usage is None:
            metrics.count(figures.LLM_USAGE_MISSING, (provider, model))
            return
        counts = (
            ("prompt", usage.prompt),
            ("completion", usage.output),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write),
        )
        for kind, tokens in counts:
            if tokens:
                metrics.count(figures.LLM_TOKENS, (provider, model, kind), tokens)
        metrics.count(figures.PROMPT_CACHE, (provider, model, "hit" if usage.cache_read else "miss"))
        dollars = cost(choice, usage)
        if dollars:
            client = work.ask.client.id if work.ask.client is not None else ""
            metrics.count(figures.SPENT, (provider, model, client), dollars)

    def _end_span(self, work: Work | None, outcome: Ending) -> None:
        now, span = _ns(self._gateway.ports.now()), self.span
        span.set(**{"http.status_code": outcome.status})
        if work is not None:
            self._tell(work, outcome)
        else:
            span.name = f"{self._method} {self._path}"
        if self._handler in ("agent_chat", "function_calling"):
            span.name = self._listener
        if outcome.status >= 400 or not outcome.status:
            span.fail("" if outcome.status else "the client hung up, or no answer came")
            self._agent.fail()
        elif not outcome.is_complete:
            span.fail("the answer broke off")
        self._agent.set(**{"http.status_code": outcome.status})
        self._agent.end(now)
        span.end(now)

    def _tell(self, work: Work, outcome: Ending) -> None:
        """Put what is known of an exchange into its span."""
        span, request, tracer = self.span, work.request, self._gateway.tracer
        asked = request.get("model")
        found: dict[str, Value] = {}
        if isinstance(asked, str) and asked:
            found["model.requested"] = asked
        if work.ask.client is not None:
            found["plano.client"] = work.ask.client.id
        for key, name in _FACTS.items():
            if isinstance(value := work.facts.get(key), (str, int, float)):
                found[name] = value
        if (chosen := work.notes.get(Chosen)) is not None:
            found |= attributes(chosen, self._gateway.config.routing.routing_budget)
        if verdicts := _notes(work, Verdict):
            found["plano.guards"] = ",".join(f"{one.guard}:{one.verdict}" for one in verdicts)
        for record in _notes(work, filters.Record):
            span.event("filter", _ns(self._gateway.ports.now()), {"filter": record.filter, "outcome": record.outcome})
        watched: Watched | None = work.notes.get(Watched)
        if outcome.served is not None:
            found |= self._of_call(work, outcome.served, outcome, watched)
        if tracer.captures_messages and watched is not None and watched.words:
            found[PREVIEW] = preview(watched.words)
        span.update(found)
        if self._handler == "llm_chat":
            resolved = str(found.get("llm.model", ""))
            is_same = not asked or asked in (resolved, f"{found.get('llm.provider')}/{resolved}")
            named = resolved if is_same else f"{asked} -> {resolved}" if resolved else asked
            span.name = f"{self._method} {self._path} {named}".rstrip()
        if watched is not None and watched.report is not None:
            self._signal(watched.report)

    def _of_call(self, work: Work, served: Plan, outcome: Ending, watched: Watched | None) -> dict[str, Value]:
        choice, request = served.choice, work.request
        found: dict[str, Value] = {"routing.selection_reason": work.reason or choice.reason}
        if choice.route:
            found["plano.route.name"] = choice.route
        if choice.agent is not None:
            found["plano.agent"] = choice.agent
            return found
        provider, model = split(choice.name)
        lasted = (outcome.seconds - outcome.overhead) * 1000
        found |= {
            "llm.model": model,
            "llm.provider": provider,
            "llm.is_streaming": work.is_stream,
            "llm.duration_ms": round(lasted, 3),
            "routing.is_fallback": outcome.attempts > 1,
            "plano.attempts": outcome.attempts,
        }
        for key, name in _PARAMETERS.items():
            if isinstance(value := request.get(key), (int, float)):
                found[name] = value
        if tools := _tools(request):
            found["llm.tools"] = tools
        if watched is not None and watched.first is not None:
            first = (watched.first - watched.sent) * 1000
            found["llm.time_to_first_token"] = round(first, 3)
            found["llm.response_bytes"] = watched.size
            self.span.event("llm.time_to_first_token", _ns(self._begun + watched.first - watched.started))
        reader: UsageReader | None = work.notes.get(UsageReader)
        if reader is not None and reader.usage is not None:
            found |= _used(choice, reader.usage)
        return found

    def _signal(self, report: Report) -> None:
        self.span.update(span_attributes(report))
        at = _ns(self._gateway.ports.now())
        for name, about in span_events(report, with_text=self._gateway.tracer.tells_snippets):
            self.span.event(name, at, about)
        if is_flagged(report):
            self.span.name += " 🚩"


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
        found["llm.usage.total_cost_usd"] = whole
        output = cost(choice, Usage(output=usage.output)) or 0.0
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


def _messages(work: Work | None) -> int:
    found = work.request.get("messages") if work is not None else None
    return len(found) if isinstance(found, list) else 0


def _notes(work: Work, kind: type[T]) -> Sequence[T]:
    found: Sequence[T] = work.notes.get(kind, ())
    return found


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


_KINDS: Final = {"agent_chat": ORCHESTRATOR, "function_calling": ORCHESTRATOR, "routing_decision": ROUTING_DECISION}
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
