"""Spans to an OpenTelemetry collector, over gRPC or HTTP, in the clear or with TLS.

A URL with a path is HTTP, one without is gRPC. Certificates beside the system's are named by OpenTelemetry's own
variables, such as OTEL_EXPORTER_OTLP_CERTIFICATE.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from plano_extproc import __version__
from plano_extproc.telemetry.encoding import export_of
from plano_extproc.telemetry.spans import PREVIEW, Context, Span, with_conventions

_SECONDS: Final = 5.0

# What it says about each try is said once by the exporter, and counted.
logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)


class OtlpSink:
    """One collector."""

    def __init__(self, url: str, headers: Mapping[str, str], *, with_messages: bool = False) -> None:
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.netloc}"
        self._with_messages = with_messages
        self._url = url
        self._headers = dict(headers)
        self._exporter: SpanExporter | None = None
        self._is_direct = False

    def export(self, spans: Sequence[Span]) -> bool:
        """Send spans; return whether they have arrived."""
        if self._exporter is None:
            self._exporter = self._made()
        made: Any = (
            spans if self._is_direct else [readable_span(span, with_messages=self._with_messages) for span in spans]
        )
        return self._exporter.export(made) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Let the connection go."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def _made(self) -> SpanExporter:
        # Each of them imports much; only the one that is used is loaded.
        parts = urlsplit(self._url)
        if parts.path not in ("", "/"):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

            return HttpExporter(endpoint=self._url, headers=self._headers, timeout=_SECONDS)
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        with_messages = self._with_messages

        class DirectExporter(GrpcExporter):
            """Takes our spans as they are."""

            def _translate_data(self, data: Any) -> ExportTraceServiceRequest:
                return export_of(data, with_messages=with_messages)

        self._is_direct = True
        return DirectExporter(
            endpoint=self._url, insecure=parts.scheme == "http", headers=self._headers, timeout=_SECONDS
        )


def readable_span(span: Span, *, with_messages: bool) -> ReadableSpan:
    """Return a span as OpenTelemetry's exporters read it."""
    attributes = with_conventions(span.attributes)
    if not with_messages:
        attributes.pop(PREVIEW, None)
    return ReadableSpan(
        name=span.name,
        context=_context(span.context, is_remote=False),
        parent=_context(span.parent, is_remote=True) if span.parent else None,
        resource=_resource(span.kind.service),
        attributes=attributes,
        events=[Event(name, dict(about), timestamp=at_ns) for name, at_ns, about in span.events],
        kind=_KINDS[span.kind.kind],
        status=Status(_STATUS[span.status], span.status_message or None if span.status == "error" else None),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(found: Context, *, is_remote: bool) -> SpanContext:
    return SpanContext(found.trace_id, found.span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))


@cache
def _resource(service: str) -> Resource:
    return Resource({"service.name": service, "service.version": __version__, "service.namespace": "plano"})


_SCOPE: Final = InstrumentationScope("plano_extproc", __version__)
_KINDS: Final = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_STATUS: Final = {"unset": StatusCode.UNSET, "ok": StatusCode.OK, "error": StatusCode.ERROR}
