"""Spans: their names, services and attributes, declared once, and the values that they are while they last.

A span is a plain value until it ends; what turns it into OpenTelemetry's runs elsewhere (`exporter`). Where nothing
is traced, `NO_SPAN` takes every call and does nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

Value = str | int | float | bool
Status = Literal["unset", "ok", "error"]
Kind = Literal["internal", "server", "client"]


@dataclass(frozen=True, slots=True)
class SpanKind:
    """What a span is about: its name until it has a better one, and the service that it is shown under."""

    name: str
    service: str
    kind: Kind = "internal"

    @property
    def component(self) -> str:
        """What part of the gateway it is, in the peer's words: the service without its brackets."""
        return self.service.removeprefix("plano(").removesuffix(")")


LLM: Final = SpanKind("llm", "plano(llm)", "client")
ROUTING: Final = SpanKind("routing", "plano(routing)")
ROUTING_DECISION: Final = SpanKind("routing_decision", "plano(routing)")
ORCHESTRATOR: Final = SpanKind("orchestrator", "plano(orchestrator)")
AGENT: Final = SpanKind("agent", "plano(agent)", "client")
HTTP_FILTER: Final = SpanKind("execute_raw_filter", "plano(filter)", "client")
MCP_FILTER: Final = SpanKind("execute_mcp_filter_raw", "plano(filter)", "client")
GUARD: Final = SpanKind("guard", "plano(guard)")
PROMPT_TARGET: Final = SpanKind("prompt_target", "plano(prompt_target)", "client")
CALLOUT: Final = SpanKind("callout", "plano", "client")


class Context(NamedTuple):
    """Where a span stands: its trace, itself, and whether it is recorded."""

    trace_id: int
    span_id: int
    is_sampled: bool

    @classmethod
    def parse(cls, traceparent: str) -> Self | None:
        """Read a `traceparent` header (https://www.w3.org/TR/trace-context/); None where it is not one."""
        found = _TRACEPARENT.fullmatch(traceparent.strip())
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        if version == "ff" or (version == "00" and more is not None):
            return None
        made = cls(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & 1))
        return made if made.trace_id and made.span_id else None

    def __str__(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{'01' if self.is_sampled else '00'}"


class Span:
    """A span under way, which begins with `attributes`, as those below it do. Times are nanoseconds since 1970."""

    __slots__ = ("_put", "_span_id", "_static", "attributes", "context", "end_ns", "events", "kind", "name", "parent",
                 "start_ns", "status", "status_message")  # fmt: skip

    is_recording = True

    def __init__(
        self,
        kind: SpanKind,
        context: Context,
        parent: Context | None,
        start_ns: int,
        put: Callable[["Span"], None],
        span_id: Callable[[], int],
        attributes: Mapping[str, Value],
    ) -> None:
        self.kind = kind
        self.name = kind.name
        self.context = context
        self.parent = parent
        self.start_ns = start_ns
        self.end_ns = 0
        self.attributes = dict(attributes)
        self._static = attributes
        self.events: list[tuple[str, int, Mapping[str, Value]]] = []
        self.status: Status = "unset"
        self.status_message = ""
        self._put = put
        self._span_id = span_id

    def is_about(self, kind: SpanKind) -> None:
        """Say what it is about, where that shows only later."""
        self.kind = kind

    def update(self, attributes: Mapping[str, Value]) -> None:
        """Set attributes by their names."""
        self.attributes.update(attributes)

    def event(self, name: str, at_ns: int, attributes: Mapping[str, Value] | None = None) -> None:
        """Note that something happened; what exceeds `MOST_EVENTS` is left out."""
        if len(self.events) < MOST_EVENTS:
            self.events.append((name, at_ns, attributes or {}))

    def fail(self, message: str = "") -> None:
        """Say that it went wrong."""
        self.status, self.status_message = "error", message

    def child(self, kind: SpanKind, start_ns: int) -> "Span":
        """Begin a span below this one."""
        context = Context(self.context.trace_id, self._span_id(), True)
        return Span(kind, context, self.context, start_ns, self._put, self._span_id, self._static)

    def end(self, at_ns: int) -> None:
        """End it and hand it over; a span ends once."""
        if not self.end_ns:
            self.end_ns = max(at_ns, self.start_ns)
            self._put(self)

    @property
    def traceparent(self) -> str:
        """The header for what is called on its behalf."""
        return str(self.context)


class NoSpan:
    """Stands in for a span that is not recorded; `traceparent` tells others not to record either, where one came."""

    __slots__ = ("name", "traceparent")

    is_recording = False

    def __init__(self, traceparent: str = "") -> None:
        self.name = ""
        self.traceparent = traceparent

    def is_about(self, kind: SpanKind) -> None:
        """Do nothing."""

    def update(self, attributes: Mapping[str, Value]) -> None:
        """Do nothing."""

    def event(self, name: str, at_ns: int, attributes: Mapping[str, Value] | None = None) -> None:
        """Do nothing."""

    def fail(self, message: str = "") -> None:
        """Do nothing."""

    def child(self, kind: SpanKind, start_ns: int) -> "NoSpan":  # noqa: ARG002 - the signature of `Span`
        """Return the same."""
        return self

    def end(self, at_ns: int) -> None:
        """Do nothing."""


AnySpan = Span | NoSpan

NO_SPAN: Final = NoSpan()

MOST_EVENTS: Final = 128
"""Events of one span, as OpenTelemetry's default limit has it."""

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


def agent(ident: str) -> dict[str, Value]:
    """Return the attributes that say which agent is at work, in the peer's words and OpenTelemetry's."""
    return {
        "agent_id": ident,
        "gen_ai.agent.id": ident,
        "gen_ai.agent.name": ident,
        "gen_ai.operation.name": "invoke_agent",
    }


PREVIEW: Final = "llm.user_message_preview"
"""Holds words of the user's; `exporter` takes it out for whoever must not have it."""

_PREVIEWED: Final = 50


def preview(text: str) -> str:
    """Return the beginning of a user's message as `PREVIEW` has it. Give it what guards have left of the message."""
    return f"{text[:_PREVIEWED]}..." if len(text) > _PREVIEWED else text


GEN_AI: Final[Mapping[str, str]] = {
    "llm.model": "gen_ai.response.model",
    "model.requested": "gen_ai.request.model",
    "llm.provider": "gen_ai.provider.name",
    "llm.temperature": "gen_ai.request.temperature",
    "llm.max_tokens": "gen_ai.request.max_tokens",
    "llm.top_p": "gen_ai.request.top_p",
    "llm.usage.prompt_tokens": "gen_ai.usage.input_tokens",
    "llm.usage.completion_tokens": "gen_ai.usage.output_tokens",
    "llm.usage.cached_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "llm.usage.cache_creation_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "plano.session_id": "gen_ai.conversation.id",
    "http.status_code": "http.response.status_code",
    "http.method": "http.request.method",
    "http.path": "url.path",
}
"""Attributes that OpenTelemetry has a name for too (https://opentelemetry.io/docs/specs/semconv/gen-ai/)."""


def with_conventions(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Return attributes with OpenTelemetry's names beside the peer's."""
    both = dict(attributes)
    for ours, theirs in GEN_AI.items():
        if ours in attributes:
            both.setdefault(theirs, attributes[ours])
    if "llm.model" in attributes:
        both.setdefault("gen_ai.operation.name", "chat")
    return both
