"""Spans to an OpenTelemetry collector, over gRPC or HTTP, in the clear or with TLS.

A URL with a path is HTTP, one without is gRPC. Certificates beside the system's are named by OpenTelemetry's own
variables, such as OTEL_EXPORTER_OTLP_CERTIFICATE.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from plano_extproc.telemetry.encoding import export_of
from plano_extproc.telemetry.envoys import Ended

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

    def export(self, spans: Sequence[Ended]) -> bool:
        """Send spans; return whether they have arrived."""
        if self._exporter is None:
            self._exporter = self._made()
        return self._exporter.export(spans) is SpanExportResult.SUCCESS  # type: ignore[arg-type]  # `_made` takes ours

    def close(self) -> None:
        """Let the connection go."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def _made(self) -> SpanExporter:
        """Return OpenTelemetry's exporter, but for its encoder, in the place of which ours is."""
        # Each of them imports much; only the one that is used is loaded.
        parts = urlsplit(self._url)
        encode = partial(export_of, with_messages=self._with_messages)
        if parts.path not in ("", "/"):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
            from requests import Session

            class Trusting(Session):
                """Holds OpenTelemetry's own variable for the certificates above those of `requests`."""

                def merge_environment_settings(self, *asked: Any, **named: Any) -> Any:
                    found = super().merge_environment_settings(*asked, **named)
                    return {**found, "verify": self.verify} if isinstance(self.verify, str) else found

            class OverHttp(HttpExporter):
                """Takes our spans as they are."""

                def export(self, spans: Any) -> SpanExportResult:
                    sent = self._client.export(encode(spans))
                    return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE

            session = Trusting()
            return OverHttp(endpoint=self._url, headers=self._headers, timeout=_SECONDS, session=session)
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        class OverGrpc(GrpcExporter):
            """Takes our spans as they are."""

            def _initialize_channel_and_stub(self) -> None:
                self._stub = _Service
                super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]  # theirs

            def _translate_data(self, data: Any) -> Any:
                return encode(data)

        return OverGrpc(endpoint=self._url, insecure=parts.scheme == "http", headers=self._headers, timeout=_SECONDS)


class _Service:
    """The collector's service, which takes exports as bytes."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.Export = channel.unary_unary(_EXPORT, None, None)


_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
