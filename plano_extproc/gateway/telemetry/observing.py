"""What is seen of one exchange, from its first event to its last: its span, and what it is counted as.

A span exists only where the exchange's trace is recorded. Its context goes on, in `traceparent`, to whoever is asked on
the exchange's behalf, so that all of them are one tree.
"""

from collections.abc import Mapping
from typing import Final

from plano_extproc import headers
from plano_extproc.gateway.actions import Headers
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.telemetry.choosing import agent_chosen, model_chosen
from plano_extproc.gateway.telemetry.counts import count
from plano_extproc.gateway.telemetry.telling import called, nanoseconds, tell
from plano_extproc.gateway.telemetry.traced import TRACEPARENT, Traced
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Ending, Work
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import status_class
from plano_extproc.telemetry.posthog import DISTINCT_ID
from plano_extproc.telemetry.spans import (
    LLM,
    NO_SPAN,
    ORCHESTRATOR,
    ROUTING_DECISION,
    AnySpan,
    Span,
)

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
                    "component": kind.component,
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
        return _HANDLERS.get(listener.type, "llm_chat") if listener is not None else "llm_chat"

    def decided(self, work: Work | None, decision: Decision) -> Headers:
        """Note who serves; return the headers by which it knows the trace."""
        span = self.span
        if not span.is_recording:
            return ((TRACEPARENT, span.traceparent.encode()),) if span.traceparent else ()
        now = nanoseconds(self._gateway.ports.now())
        watched: Watched | None = work.notes.get(Watched) if work is not None else None
        began = nanoseconds(watched.began if watched is not None else self._begun)
        if decision.plan.choice.agent is None:
            model_chosen(span, self._gateway, self._path, work, decision, began=began, now=now)
            return ((TRACEPARENT, span.traceparent.encode()),)
        agent = self._agent = agent_chosen(span, self._gateway, self._listener, work, decision, began=began, now=now)
        return ((TRACEPARENT, agent.traceparent.encode()),)

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
            watched: Watched | None = work.notes.get(Watched)
            if watched is not None:
                watched.is_over(is_refused=not 200 <= outcome.status < 300)
            count(metrics, self._listener, work, outcome)
        if self.span.is_recording:
            self._end_span(work, outcome)

    def _end_span(self, work: Work | None, outcome: Ending) -> None:
        now, span = nanoseconds(self._begun + outcome.seconds), self.span
        span.update({"http.status_code": outcome.status})
        if isinstance(span, Span) and span.kind is ORCHESTRATOR:
            span.name = self._listener
        elif isinstance(span, Span) and span.kind is LLM:
            model = called(work, outcome) if work is not None else ""
            span.name = f"{self._method} {self._path} {model}".rstrip()
        if work is not None:
            tell(span, self._gateway, work, outcome, begun=self._begun)
        if outcome.status >= 400 or not outcome.status:
            span.update({"error.type": str(outcome.status or "no_answer")})
            span.fail("" if outcome.status else "the client hung up, or no answer came")
            self._agent.fail()
        elif not outcome.is_complete:
            span.update({"error.type": "incomplete"})
            span.fail("the answer broke off")
        self._agent.update({"http.status_code": outcome.status})
        self._agent.end(now)
        span.end(now)


_HANDLERS: Final = {"agent": "agent_chat", "prompt": "function_calling"}
"""What answers on a listener, by its type."""

_KINDS: Final = {"agent_chat": ORCHESTRATOR, "function_calling": ORCHESTRATOR, "routing_decision": ROUTING_DECISION}
"""What a span is about, by what answers."""
