"""A span as the collector keeps and shows it: a dictionary in the JSON form of OTLP, with the service beside it."""

from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

Span = dict[str, Any]

_STATUS = {0: "unset", 1: "ok", 2: "error"}
_KINDS = {0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Span]:
    """Yield the spans of an export; one without usable ids is left out."""
    for part in request.resource_spans:
        resource = [_attribute(entry) for entry in part.resource.attributes]
        service = next((text(entry) for entry in resource if entry["key"] == "service.name"), "unknown")
        others = [entry for entry in resource if entry["key"] != "service.name"]
        for scope in part.scope_spans:
            for span in scope.spans:
                if len(span.trace_id) == 16 and len(span.span_id) == 8:
                    yield _span(span, service, others)


def _span(span: trace_pb2.Span, service: str, resource: list[dict[str, Any]]) -> Span:
    attributes = [_attribute(entry) for entry in span.attributes]
    override = next((text(entry) for entry in attributes if entry["key"] == "service.name.override"), "")
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": _KINDS.get(span.kind, "unspecified"),
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "service": override or service,
        "attributes": attributes,
        "status": {"code": _STATUS.get(span.status.code, "unset"), "message": span.status.message},
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_unix_nano),
                "attributes": [_attribute(entry) for entry in event.attributes],
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "attributes": [_attribute(entry) for entry in link.attributes],
            }
            for link in span.links
        ],
        "resource": resource,
    }


def _attribute(entry: KeyValue) -> dict[str, Any]:
    return {"key": entry.key, "value": _value(entry.value)}


def _value(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": value.double_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "array_value":
            return {"arrayValue": {"values": [_value(item) for item in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": [_attribute(item) for item in value.kvlist_value.values]}}
        case "bytes_value":
            return {"bytesValue": value.bytes_value.hex()}
    return {}


def plain(value: dict[str, Any]) -> Any:
    """Return a value as Python has it."""
    match value:
        case {"intValue": number}:
            return int(number)
        case {"arrayValue": {"values": values}}:
            return [plain(item) for item in values]
        case {"kvlistValue": {"values": values}}:
            return {item["key"]: plain(item["value"]) for item in values}
    return next(iter(value.values()), None)


def text(attribute: dict[str, Any]) -> str:
    """Return an attribute's value as it is compared and shown."""
    value = plain(attribute["value"])
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def attributes_of(span: Span) -> dict[str, Any]:
    """Return a span's attributes by name."""
    return {entry["key"]: plain(entry["value"]) for entry in span["attributes"]}


def start(span: Span) -> int:
    """Return when a span began, in nanoseconds since 1970."""
    return int(span["startTimeUnixNano"])


def end(span: Span) -> int:
    """Return when it ended."""
    return int(span["endTimeUnixNano"])


def milliseconds(spans: Iterable[Span]) -> float:
    """Return how long spans took together, from the first beginning to the last end."""
    found = list(spans)
    return (max(map(end, found)) - min(map(start, found))) / 1e6 if found else 0.0
