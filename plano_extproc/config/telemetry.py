"""`tracing`: where spans go."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from plano_extproc.config.values import SINCE_V0_5, HeaderName, Headers, Number, Part, Text, Url, refusal


def _collector(value: str) -> str:
    url = urlsplit(value)
    if url.path not in ("", "/") or url.query:
        raise refusal("has a path", "write scheme, host and port only, such as http://localhost:4317")
    return value.rstrip("/")


class SpanAttributes(Part):
    """What is added to spans."""

    header_prefixes: tuple[Text, ...] = Field((), description="Request headers with these prefixes become attributes.")
    static: dict[str, str] = Field({}, description="Attributes of every span.")


class PostHog(Part):
    """Sends events to PostHog."""

    type: Literal["posthog"] = Field(description="The kind of exporter.")
    url: Url = Field(description="Where PostHog is.")
    api_key: SecretStr = Field(description="The project's key.")
    distinct_id_header: HeaderName | None = Field(None, description="Header that tells users apart.")
    capture_messages: bool = Field(False, description="Send the beginning of the user's message too.")


class Otlp(Part):
    """Sends spans to an OpenTelemetry collector, beside the one that `opentracing_grpc_endpoint` names."""

    type: Literal["otlp"] = Field(description="The kind of exporter.", json_schema_extra=SINCE_V0_5)
    url: Url = Field(description="OTLP over HTTP where it has a path, such as /v1/traces, else OTLP over gRPC.")
    headers: Headers = Field({}, repr=False, description="Headers sent to the collector.")


Exporter = Annotated[PostHog | Otlp, Field(discriminator="type")]


class Tracing(Part):
    """Where spans go, and how many."""

    random_sampling: Annotated[Number, Field(ge=0, le=100)] = Field(0, description="Percent of requests traced.")
    trace_arch_internal: bool = Field(False, description="Trace internal calls.")
    opentracing_grpc_endpoint: Annotated[Url, AfterValidator(_collector)] | None = Field(
        None, description="OTLP collector over gRPC, such as http://localhost:4317; https too."
    )
    headers: Headers = Field({}, repr=False, description="Headers sent to the collector.", json_schema_extra=SINCE_V0_5)
    span_attributes: SpanAttributes = Field(SpanAttributes(), description="What is added to spans.")
    exporters: tuple[Exporter, ...] = Field((), description="Other places that events go to.")
    capture_messages: bool = Field(
        False,
        description="Put the beginning of the user's message and words that signals were found in into spans.",
        json_schema_extra=SINCE_V0_5,
    )

    @property
    def is_on(self) -> bool:
        """Whether any request is traced."""
        return self.random_sampling > 0 and (self.opentracing_grpc_endpoint is not None or bool(self.exporters))


COLLECTOR: Final = "PLANO_TRACE_ENDPOINT"
"""Variable by which `planoai up --with-tracing` tells where its collector is."""

_USUAL_COLLECTOR: Final = "http://localhost:4317"


def effective(tracing: Tracing, environ: Mapping[str, str], *, is_configured: bool) -> Tracing:
    """Return what holds in an environment; `is_configured` says that the file has a `tracing` block.

    A collector that was started with the gateway gets every request unless the file names a share. Without one,
    `OTEL_TRACING_GRPC_ENDPOINT` stands in for an endpoint that the file leaves out, else it is the usual port.
    """
    started = environ.get(COLLECTOR)
    if started:
        return tracing.model_copy(
            update={"opentracing_grpc_endpoint": started, "random_sampling": tracing.random_sampling or 100}
        )
    if not is_configured or tracing.opentracing_grpc_endpoint:
        return tracing
    usual = environ.get("OTEL_TRACING_GRPC_ENDPOINT") or _USUAL_COLLECTOR
    return tracing.model_copy(update={"opentracing_grpc_endpoint": usual})
