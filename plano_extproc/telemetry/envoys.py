"""Envoy's own spans, which it hands to the sidecar in OTLP: they go where ours go, and are counted alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from plano_extproc.telemetry.spans import Context, Kind, SpanKind, Status, Value

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
ANSWER: Final[bytes] = ExportTraceServiceResponse().SerializeToString()

_INBOUND: Final = "plano(inbound)"
_OUTBOUND: Final = "plano(outbound)"
_CLIENT: Final = 3
_KINDS: Final[Mapping[int, Kind]] = {2: "server", _CLIENT: "client"}
_ERROR: Final = 2
_PROBES: Final = frozenset(("GET /readyz", "GET /healthz", "HEAD /healthz", "HEAD /readyz"))


class Relayed:
    """A span of Envoy's, ended. It goes on as it is, and is read only as far as somebody looks."""

    __slots__ = ("told",)

    status_message = ""
    events: Sequence[tuple[str, int, Mapping[str, Value]]] = ()

    def __init__(self, told: trace_pb2.Span) -> None:
        self.told = told

    @property
    def service(self) -> str:
        """The service that it is shown under."""
        return _OUTBOUND if self.told.kind == _CLIENT else _INBOUND

    @property
    def name(self) -> str:
        """Its name."""
        return self.told.name

    @property
    def kind(self) -> SpanKind:
        """What it is about."""
        return SpanKind(self.told.name, self.service, _KINDS.get(self.told.kind, "internal"))

    @property
    def context(self) -> Context:
        """Where it stands."""
        return Context(int.from_bytes(self.told.trace_id), int.from_bytes(self.told.span_id), True)

    @property
    def parent(self) -> Context | None:
        """What it is below of."""
        told = self.told
        if not told.parent_span_id:
            return None
        return Context(int.from_bytes(told.trace_id), int.from_bytes(told.parent_span_id), True)

    @property
    def start_ns(self) -> int:
        """When it began, in nanoseconds since 1970."""
        return self.told.start_time_unix_nano

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return self.told.end_time_unix_nano

    @property
    def status(self) -> Status:
        """What came of it."""
        return "error" if self.told.status.code == _ERROR else "unset"

    @property
    def attributes(self) -> Mapping[str, Value]:
        """What is said of it."""
        return {entry.key: _value(entry.value) for entry in self.told.attributes}


def hand_over(export: bytes, put: Callable[[Relayed], None]) -> int:
    """Hand the spans of an export to `put`; return how many. What is no export has none.

    Probes tell nobody anything, and are left out.
    """
    try:
        request = ExportTraceServiceRequest.FromString(export)
    except DecodeError:
        return 0
    spans = [
        span
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
        if len(span.trace_id) == 16 and len(span.span_id) == 8
    ]
    silent = {span.trace_id for span in spans if not span.parent_span_id and span.name in _PROBES}
    wanted = [span for span in spans if span.trace_id not in silent]
    for span in wanted:
        put(Relayed(span))
    return len(wanted)


def _value(value: Any) -> Value:
    name = value.WhichOneof("value")
    found = getattr(value, name) if name else ""
    return found if isinstance(found, (str, int, float, bool)) else str(found)
