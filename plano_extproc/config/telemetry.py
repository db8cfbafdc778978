"""`tracing`: where spans go."""

from typing import Annotated, Literal
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
    capture_messages: bool = Field(False, description="Send prompts and answers too.")


class Tracing(Part):
    """Where spans go, and how many."""

    random_sampling: Annotated[Number, Field(ge=0, le=100)] = Field(0, description="Percent of requests traced.")
    trace_arch_internal: bool = Field(False, description="Trace internal calls.")
    opentracing_grpc_endpoint: Annotated[Url, AfterValidator(_collector)] | None = Field(
        None, description="OTLP collector over gRPC, such as http://localhost:4317; https too."
    )
    headers: Headers = Field({}, repr=False, description="Headers sent to the collector.", json_schema_extra=SINCE_V0_5)
    span_attributes: SpanAttributes = Field(SpanAttributes(), description="What is added to spans.")
    exporters: tuple[PostHog, ...] = Field((), description="Other places that events go to.")
