"""Envoy's own spans, which it hands to the sidecar in OTLP, as ours: they go where ours go, and are counted alike."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from plano_extproc.telemetry.spans import Context, Kind, Span, SpanKind, Value

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
ANSWER: Final[bytes] = ExportTraceServiceResponse().SerializeToString()

_INBOUND: Final = "plano(inbound)"
_OUTBOUND: Final = "plano(outbound)"
_KINDS: Final[Mapping[int, Kind]] = {2: "server", 3: "client"}
_ERROR: Final = 2
_PROBES: Final = frozenset(("GET /readyz", "GET /healthz", "HEAD /healthz", "HEAD /readyz"))


def hand_over(export: bytes, put: Callable[[Span], None]) -> int:
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
        _span(span, put).end(span.end_time_unix_nano)
    return len(wanted)


def _span(found: trace_pb2.Span, put: Callable[[Span], None]) -> Span:
    kind = _KINDS.get(found.kind, "internal")
    trace_id = int.from_bytes(found.trace_id)
    span = Span(
        SpanKind(found.name, _OUTBOUND if kind == "client" else _INBOUND, kind),
        Context(trace_id, int.from_bytes(found.span_id), True),
        Context(trace_id, int.from_bytes(found.parent_span_id), True) if found.parent_span_id else None,
        found.start_time_unix_nano,
        put,
        lambda: 0,
        {entry.key: _value(entry.value) for entry in found.attributes},
    )
    if found.status.code == _ERROR:
        span.fail(found.status.message)
    return span


def _value(value: Any) -> Value:
    name = value.WhichOneof("value")
    found = getattr(value, name) if name else ""
    return found if isinstance(found, (str, int, float, bool)) else str(found)
