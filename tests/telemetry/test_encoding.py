from collections.abc import Mapping

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from plano_extproc.telemetry.encoding import export_of
from plano_extproc.telemetry.envoys import Ended, EnvoySpan
from plano_extproc.telemetry.spans import AGENT, LLM, PREVIEW, Context, Span, SpanKind, Value


def span(attributes: Mapping[str, Value] | None = None, kind: SpanKind = LLM, parent: Context | None = None) -> Span:
    made = Span(kind, Context(7, 1 << 63, True), parent, 1_000, lambda _: None, lambda: 5, attributes or {})
    made.end(2_000)
    return made


def sent(*spans: Ended, with_messages: bool = False) -> list[trace_pb2.Span]:
    request = ExportTraceServiceRequest.FromString(export_of(spans, with_messages=with_messages))
    return [each for part in request.resource_spans for scope in part.scope_spans for each in scope.spans]


def attributes(found: trace_pb2.Span) -> dict[str, object]:
    values = ((entry.key, entry.value, entry.value.WhichOneof("value")) for entry in found.attributes)
    return {key: getattr(value, name) for key, value, name in values if name}


@pytest.mark.parametrize(
    "value",
    ["", "text", "Grüße, 東京", "x" * 127, "x" * 128, "x" * 5000, True, False, 0, 1, 127, 128, 300, 1 << 40, -1,
     0.0, 1.5, -2.25, 1e300],
)  # fmt: skip
def test_every_value_arrives_as_it_is(value: Value) -> None:
    for _ in range(2):
        found = attributes(sent(span({"a.b": value}))[0])["a.b"]

        assert found == value
        assert type(found) is type(value)


def test_values_that_python_takes_for_equal_are_told_apart() -> None:
    found = [attributes(each)["n"] for each in sent(*(span({"n": value}) for value in (1, True, 1.0, 1)))]

    assert [type(value) for value in found] == [int, bool, float, int]


def test_all_of_a_span_arrives() -> None:
    made = span({}, AGENT, Context(7, 99, True))
    made.name = "weather ☂ /v1/chat/completions"
    made.event("signal.x", 1_500, {"signal.confidence": 1.0, "signal.type": "x"})
    made.event("bare", 1_600)
    made.fail("refused")

    (found,) = sent(made)
    assert (int.from_bytes(found.trace_id), int.from_bytes(found.span_id), int.from_bytes(found.parent_span_id)) == (
        7,
        1 << 63,
        99,
    )
    assert (found.name, found.kind, found.flags) == (made.name, trace_pb2.Span.SPAN_KIND_CLIENT, 1)
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (1_000, 2_000)
    assert [(event.name, event.time_unix_nano, len(event.attributes)) for event in found.events] == [
        ("signal.x", 1_500, 2),
        ("bare", 1_600, 0),
    ]
    assert (found.status.code, found.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, "refused")


def test_a_span_without_parent_and_status_has_none() -> None:
    (found,) = sent(span({}, SpanKind("inbound", "plano(inbound)", "server")))

    assert found.parent_span_id == b""
    assert not found.HasField("status")
    assert found.kind == trace_pb2.Span.SPAN_KIND_SERVER


def test_the_names_of_opentelemetry_stand_beside_ours_unless_somebody_has_set_them() -> None:
    plain = attributes(sent(span({"llm.model": "m", "llm.temperature": 0.5}))[0])
    own = attributes(sent(span({"llm.model": "m", "gen_ai.response.model": "own"}))[0])

    assert plain == {
        "llm.model": "m",
        "gen_ai.response.model": "m",
        "llm.temperature": 0.5,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.operation.name": "chat",
    }
    assert own["gen_ai.response.model"] == "own"


@pytest.mark.parametrize("with_messages", [False, True])
def test_words_of_users_leave_only_where_they_may(with_messages: bool) -> None:
    found = attributes(sent(span({PREVIEW: "secret"}), with_messages=with_messages)[0])

    assert (PREVIEW in found) is with_messages


def test_more_values_than_are_remembered_arrive() -> None:
    found = [attributes(each)["n"] for each in sent(*(span({"n": f"{number}"}) for number in range(10_000)))]

    assert found == [f"{number}" for number in range(10_000)]


def test_spans_are_told_by_their_services_and_envoys_go_on_as_they_are() -> None:
    told = trace_pb2.Span(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        name="POST /v1",
        kind=trace_pb2.Span.SPAN_KIND_CLIENT,
        end_time_unix_nano=30,
    )
    told.attributes.add(key="http.method").value.string_value = "POST"
    request = ExportTraceServiceRequest.FromString(export_of([EnvoySpan(told), span()], with_messages=False))

    services = {
        entry.value.string_value: part.scope_spans[0]
        for part in request.resource_spans
        for entry in part.resource.attributes
        if entry.key == "service.name"
    }
    assert set(services) == {"plano(outbound)", "plano(llm)"}
    assert services["plano(outbound)"].spans[0] == told
    assert services["plano(llm)"].scope.name == "plano_extproc"
