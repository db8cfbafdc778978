"""Envoy's own spans, which it hands to the sidecar in OTLP: they go where ours go, and are counted alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from plano_extproc.telemetry.spans import Span

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
ANSWER: Final[bytes] = ExportTraceServiceResponse().SerializeToString()

_INBOUND: Final = "plano(inbound)"
_OUTBOUND: Final = "plano(outbound)"
_PROBES: Final = frozenset(("GET /readyz", "GET /healthz", "HEAD /healthz", "HEAD /readyz"))


@dataclass(frozen=True, slots=True)
class EnvoySpan:
    """A span of Envoy's, ended. It goes on as it is."""

    told: trace_pb2.Span

    @property
    def service(self) -> str:
        """The service that it is shown under."""
        return _OUTBOUND if self.told.kind == trace_pb2.Span.SPAN_KIND_CLIENT else _INBOUND


Ended = Span | EnvoySpan
"""What is sent."""


def hand_over(export: bytes, put: Callable[[EnvoySpan], None]) -> int:
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
        put(EnvoySpan(span))
    return len(wanted)
