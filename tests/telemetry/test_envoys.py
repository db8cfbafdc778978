from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Told

from plano_extproc.telemetry.envoys import EnvoySpan, hand_over


def export(*spans: Told) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def told(**more: object) -> Told:
    span = Told(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        name="POST /v1",
        kind=Told.SPAN_KIND_SERVER,
        start_time_unix_nano=10,
        end_time_unix_nano=30,
    )
    span.attributes.add(key="http.status_code").value.string_value = "200"
    for name, value in more.items():
        setattr(span, name, value)
    return span


def test_a_span_of_envoys_goes_on_as_it_is() -> None:
    found: list[EnvoySpan] = []
    count = hand_over(export(told(), told(kind=3, parent_span_id=b"p" * 8)), found.append)

    assert count == 2
    assert [span.service for span in found] == ["plano(inbound)", "plano(outbound)"]
    assert [span.told for span in found] == [told(), told(kind=3, parent_span_id=b"p" * 8)]


def test_what_is_no_export_or_no_span_is_left_out() -> None:
    found: list[EnvoySpan] = []

    assert hand_over(b"\xff\xff\xff", found.append) == 0
    assert hand_over(export(told(trace_id=b"short")), found.append) == 0
    assert found == []


def test_a_probe_is_left_out_with_what_is_below_it() -> None:
    found: list[EnvoySpan] = []
    below = told(parent_span_id=b"s" * 8, span_id=b"c" * 8)
    other = told(trace_id=b"o" * 16)

    assert hand_over(export(below, told(name="GET /readyz"), other), found.append) == 1
