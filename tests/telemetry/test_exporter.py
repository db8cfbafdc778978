import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from plano_extproc.config.telemetry import Tracing
from plano_extproc.telemetry.exporter import Exporter, sinks_of
from plano_extproc.telemetry.metrics import Metrics
from plano_extproc.telemetry.spans import LLM, PREVIEW, ROUTING, Context, Span
from tests.support.serving import Quiet, serving


def span(number: int = 1, attributes: Mapping[str, str | int] | None = None) -> Span:
    parent = Context(7, 99, True)
    made = Span(LLM, Context(7, number, True), parent, 1_000, lambda _: None, lambda: 5, attributes or {})
    made.update({PREVIEW: "secret words", "llm.model": "gpt-4o"})
    made.event("signal.x", 1_500, {"signal.confidence": 1.0})
    made.fail("refused")
    made.end(2_000)
    return made


class Collector(service_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.requests: list[service.ExportTraceServiceRequest] = []
        self.headers: dict[str, str] = {}

    def Export(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        self.headers = {str(key): str(value) for key, value in context.invocation_metadata()}
        self.requests.append(request)
        return service.ExportTraceServiceResponse()


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    server, found = grpc.server(ThreadPoolExecutor(2)), Collector()
    service_grpc.add_TraceServiceServicer_to_server(found, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield found, f"http://127.0.0.1:{port}"
    server.stop(None)


class Web(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []


class _Handler(Quiet):
    server: Web

    def answer(self) -> None:
        self.server.got.append((self.path, self.sent(), self.body()))
        self.reply(200, b"")


@pytest.fixture
def web() -> Iterator[tuple[Web, str]]:
    with serving(Web()) as server:
        yield server, f"http://127.0.0.1:{server.server_port}"


def tracing(**fields: object) -> Tracing:
    return Tracing.model_validate({"random_sampling": 100, **fields})


def send(config: Tracing, spans: Sequence[Span], metrics: Metrics) -> None:
    exporter = Exporter(sinks_of(config), metrics)
    for each in spans:
        exporter.put(each)
    exporter.close(60)


def test_spans_arrive_over_grpc_with_headers(collector: tuple[Collector, str]) -> None:
    found, url = collector
    other = Span(ROUTING, Context(7, 2, True), None, 1, lambda _: None, lambda: 5, {})
    other.end(2)
    send(tracing(opentracing_grpc_endpoint=url, headers={"x-team": "a"}), [span(), other], Metrics())

    (request,) = found.requests
    services = {
        attribute.value.string_value: part.scope_spans[0].spans
        for part in request.resource_spans
        for attribute in part.resource.attributes
        if attribute.key == "service.name"
    }
    assert set(services) == {"plano(llm)", "plano(routing)"}
    (sent,) = services["plano(llm)"]
    attributes = {entry.key: entry.value for entry in sent.attributes}
    assert attributes["gen_ai.response.model"].string_value == "gpt-4o"
    assert PREVIEW not in attributes
    assert (sent.name, sent.status.message, sent.events[0].name) == ("llm", "refused", "signal.x")
    assert int.from_bytes(sent.parent_span_id) == 99
    assert found.headers["x-team"] == "a"


def test_spans_arrive_over_http(web: tuple[Web, str]) -> None:
    server, url = web
    send(
        tracing(exporters=[{"type": "otlp", "url": f"{url}/v1/traces", "headers": {"x-key": "k"}}]), [span()], Metrics()
    )

    ((path, headers, body),) = server.got
    assert (path, headers["x-key"]) == ("/v1/traces", "k")
    request = service.ExportTraceServiceRequest.FromString(body)
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "llm"


@pytest.mark.parametrize("captures", [False, True])
def test_posthog_gets_events_of_models(web: tuple[Web, str], captures: bool) -> None:
    server, url = web
    exporter = {"type": "posthog", "url": url, "api_key": "phc_1", "capture_messages": captures}
    tool = Span(ROUTING, Context(7, 2, True), None, 1, lambda _: None, lambda: 5, {})
    tool.end(2)
    send(
        tracing(exporters=[exporter]),
        [span(1, {"plano.distinct_id": "anna", "http.status_code": 502}), tool],
        Metrics(),
    )

    ((path, _, body),) = server.got
    sent = json.loads(body)
    (event,) = sent["batch"]
    about = event["properties"]
    assert (path, sent["api_key"]) == ("/batch/", "phc_1")
    assert (event["event"], event["distinct_id"]) == ("$ai_generation", "anna")
    assert (about["$ai_model"], about["$ai_is_error"], about["$ai_http_status"]) == ("gpt-4o", True, 502)
    assert about["$ai_latency"] == pytest.approx(1e-6)
    assert ("$ai_input" in about) is captures
    assert ("secret words" in body.decode()) is captures


def test_what_a_dead_collector_loses_is_counted() -> None:
    metrics = Metrics()
    dead = "http://127.0.0.1:9"
    exporter = Exporter(sinks_of(tracing(opentracing_grpc_endpoint=dead)), metrics, queued=10)
    for number in range(1, 101):
        exporter.put(span(number))
    exporter.close(60)

    lines = metrics.exposition().decode().splitlines()
    assert f'plano_spans_dropped_total{{sink="{dead}"}} 100.0' in lines


def test_eight_thousand_spans_all_arrive_below_the_limit(collector: tuple[Collector, str]) -> None:
    found, url = collector
    send(tracing(opentracing_grpc_endpoint=url), [span(number) for number in range(1, 8001)], Metrics())

    got = [s for r in found.requests for part in r.resource_spans for scope in part.scope_spans for s in scope.spans]
    assert len(got) == 8000


def test_nothing_is_sent_where_tracing_is_off() -> None:
    assert sinks_of(Tracing.model_validate({"opentracing_grpc_endpoint": "http://c:1"})) == []
