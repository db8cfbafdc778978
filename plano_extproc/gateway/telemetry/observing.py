"""What is seen of one exchange, from its first event to its last: its span, and what it is counted as.

A span exists only where the exchange's trace is recorded. Its context goes on, in `traceparent`, to whoever is asked on
the exchange's behalf, so that all of them are one tree.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from plano_extproc import agents, headers
from plano_extproc.gateway.actions import Headers
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.telemetry.costing import count_tokens
from plano_extproc.gateway.telemetry.telling import called, nanoseconds, notes, tell
from plano_extproc.gateway.telemetry.traced import TRACEPARENT, Traced
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Ending, Work
from plano_extproc.guardrails.verdict import Record as Verdict
from plano_extproc.routing import Choice
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split, status_class
from plano_extproc.telemetry.posthog import DISTINCT_ID
from plano_extproc.telemetry.spans import (
    AGENT,
    LLM,
    NO_SPAN,
    ORCHESTRATOR,
    ROUTING,
    ROUTING_DECISION,
    AnySpan,
    Span,
    Value,
)
from plano_extproc.translate.chat import Usage

_SILENT: Final = frozenset(("/readyz", "/healthz", "/metrics"))
_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"))


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
        span = self.span = tracer.begin(kind, self._traceparent or sent.get(TRACEPARENT), nanoseconds(self._begun))
        if not span.traceparent:
            return sent
        traced = Traced(sent, span)
        if span.is_recording:
            span.update(
                {
                    "component": "plano",
                    "request_id": traced.get(headers.REQUEST_ID, b"").decode("latin-1"),
                    "http.method": self._method,
                    "http.path": self._path,
                    "plano.listener": self._listener,
                    **tracer.custom(traced),
                }
            )
            self._name_user(traced)
        return traced

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
        now, choice = nanoseconds(self._gateway.ports.now()), decision.plan.choice
        watched: Watched | None = work.notes.get(Watched) if work is not None else None
        began = nanoseconds(watched.began) if watched is not None else nanoseconds(self._begun)
        asked = str(work.request.get("model") or "") if work is not None else ""
        reason = decision.reason or choice.reason
        if choice.agent is not None:
            span.is_about(ORCHESTRATOR)
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
            agent.update({"agent_id": choice.agent, "message_count": _messages(work), **self._custom(work)})
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

    def _custom(self, work: Work | None) -> Mapping[str, Value]:
        return self._gateway.tracer.custom(work.ask.headers) if work is not None else {}

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
        for verdict in notes(work, Verdict):
            metrics.count(figures.GUARDS, (self._listener, verdict.guard, verdict.verdict))
            metrics.observe(figures.GUARD, (verdict.guard,), verdict.milliseconds / 1000)
        for part in notes(work, agents.Record):
            metrics.count(figures.AGENTS, (self._listener, part.agent, part.outcome))
        if isinstance(found := work.facts.get("cache"), str):
            metrics.count(figures.CACHE, (self._listener, found))
        served = outcome.served
        if served is None:
            return
        choice = served.choice
        if outcome.place > 1 and work.plans is not None and (failed := work.plans.before(outcome.place)):
            first = work.plans.first.choice
            metrics.count(figures.FALLBACKS, (first.agent or first.name, choice.agent or choice.name, "failed"))
            self._count_failed(plan.choice for plan in failed)
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

    def _count_failed(self, before: Iterable[Choice]) -> None:
        """Count those that were tried in vain; only Envoy knows how each of them failed."""
        metrics = self._gateway.ports.metrics
        for choice in before:
            if choice.agent is not None:
                metrics.count(figures.AGENTS, (self._listener, choice.agent, "failed"))
            else:
                metrics.count(figures.LLM_REQUESTS, (*split(choice.name), status_class(None), "other"))

    def _count_usage(self, work: Work, choice: Choice, usage: Usage | None) -> None:
        metrics, (provider, model) = self._gateway.ports.metrics, split(choice.name)
        if usage is None:
            metrics.count(figures.LLM_USAGE_MISSING, (provider, model))
            return
        count_tokens(metrics, choice, usage, work.ask.client)

    def _end_span(self, work: Work | None, outcome: Ending) -> None:
        now, span = nanoseconds(self._begun + outcome.seconds), self.span
        span.set(**{"http.status_code": outcome.status})
        if isinstance(span, Span) and span.kind is ORCHESTRATOR:
            span.name = self._listener
        elif isinstance(span, Span) and span.kind is LLM:
            model = called(work, outcome) if work is not None else ""
            span.name = f"{self._method} {self._path} {model}".rstrip()
        if work is not None:
            tell(span, self._gateway, work, outcome, begun=self._begun)
        if outcome.status >= 400 or not outcome.status:
            span.fail("" if outcome.status else "the client hung up, or no answer came")
            self._agent.fail()
        elif not outcome.is_complete:
            span.fail("the answer broke off")
        self._agent.set(**{"http.status_code": outcome.status})
        self._agent.end(now)
        span.end(now)


def _messages(work: Work | None) -> int:
    found = work.request.get("messages") if work is not None else None
    return len(found) if isinstance(found, list) else 0


_KINDS: Final = {"agent_chat": ORCHESTRATOR, "function_calling": ORCHESTRATOR, "routing_decision": ROUTING_DECISION}
