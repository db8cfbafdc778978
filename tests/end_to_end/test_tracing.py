"""One request as one tree, from Envoy's first byte to the model, in every view of it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.cli.collecting import collector
from tests.console.stage import Stage, dev_model, stage
from tests.support.gateway import running_gateway, until
from tests.support.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]

Span = dict[str, Any]
WHOLE = 5
"""How many spans a request for a model has: two of Envoy's, the routing's, the session's and the model's."""


@pytest.fixture(scope="module")
def traced() -> Iterator[Stage]:
    with stage() as found:
        yield found


def spans_of(found: Stage, request_id: str) -> list[Span]:
    """Return the spans of the trace that a request is in; none while they have not all come."""
    said = found.gateway.cli("trace", "any", "--json").stdout
    traces = [trace["spans"] for trace in json.loads(said)["traces"]]
    found_ = (spans for spans in traces if any(attributes(span).get("request_id") == request_id for span in spans))
    return next((spans for spans in found_ if len(spans) >= WHOLE), [])


def attributes(span: Span) -> dict[str, str]:
    return {entry["key"]: next(iter(entry["value"].values()), "") for entry in span["attributes"]}


def test_a_request_is_one_tree_of_envoys_spans_and_ours(traced: Stage) -> None:
    traced.ask("Which trains go to Vienna?", **{"x-request-id": "tree-1"})
    spans = until(lambda: spans_of(traced, "tree-1"))
    by_id = {span["spanId"]: span for span in spans}
    roots = [span for span in spans if span["parentSpanId"] not in by_id]
    services = {span["service"] for span in spans}
    call = next(span for span in spans if span["service"] == "plano(llm)")

    assert [(root["service"], root["name"]) for root in roots] == [("plano(inbound)", "POST /v1/chat/completions")]
    assert services == {"plano(inbound)", "plano(outbound)", "plano(llm)", "plano(routing)"}
    assert attributes(call)["llm.usage.prompt_tokens"] == "6"
    assert attributes(call)["gen_ai.usage.input_tokens"] == "6"
    assert attributes(call)["plano.route.name"] == "travel"
    assert attributes(call)["signals.quality"] == "neutral"


def test_a_stream_whose_client_hangs_up_at_its_last_event_is_complete(traced: Stage) -> None:
    said = [{"role": "user", "content": "Hello"}]
    body = {"messages": said, "stream": True, "stream_options": {"include_usage": True}}
    url = f"{traced.gateway.url()}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers={"x-request-id": "left-1"}, timeout=60) as answer:
        assert any(line == "data: [DONE]" for line in answer.iter_lines())
    spans = until(lambda: spans_of(traced, "left-1"))
    call = attributes(next(span for span in spans if span["service"] == "plano(llm)"))

    assert "error.type" not in call
    assert int(call["llm.usage.completion_tokens"]) > 0
    assert int(call["llm.response_bytes"]) > 0
    assert float(call["llm.duration_ms"]) >= float(call["llm.time_to_first_token"]) > 0


def test_all_views_have_it(traced: Stage) -> None:
    origin, _, token = traced.console.partition("/?token=")
    traced.ask("Hello", **{"x-request-id": "views-1"})

    assert until(lambda: spans_of(traced, "views-1"))
    calls = json.loads(traced.gateway.cli("obs", "--json").stdout)["calls"]
    assert any(call["request_id"] == "views-1" for call in calls)
    traces = httpx.get(f"{origin}/api/traces", params={"token": token}, timeout=20).json()
    trace_id = next(call["trace_id"] for call in calls if call["request_id"] == "views-1")
    assert any(trace["trace_id"] == trace_id for trace in traces)
    assert len(httpx.get(f"{origin}/api/traces/{trace_id}", params={"token": token}, timeout=20).json()) >= 5


def test_a_caller_that_traces_has_our_spans_in_its_trace(traced: Stage) -> None:
    trace_id = "c" * 32
    traced.ask("Hello", traceparent=f"00-{trace_id}-{'d' * 16}-01", **{"x-request-id": "caller-1"})
    spans = until(lambda: spans_of(traced, "caller-1"))

    assert {span["traceId"] for span in spans} == {trace_id}


def test_a_caller_that_does_not_record_is_not_recorded(traced: Stage) -> None:
    traced.ask("Hello", traceparent=f"00-{'e' * 32}-{'f' * 16}-00", **{"x-request-id": "caller-2"})
    traced.ask("Hello", **{"x-request-id": "caller-3"})
    assert until(lambda: spans_of(traced, "caller-3"))

    assert spans_of(traced, "caller-2") == []


def test_no_secret_and_no_word_of_anybodys_is_in_a_span(traced: Stage) -> None:
    body = {"messages": [{"role": "user", "content": "a-very-private-word"}]}
    httpx.post(
        f"{traced.gateway.url()}/v1/chat/completions?key=sk-in-query",
        json=body,
        headers={"authorization": "Bearer sk-in-header", "x-request-id": "secret-1"},
        timeout=20,
    )
    spans = until(lambda: spans_of(traced, "secret-1"))
    said = json.dumps(spans)

    assert spans
    assert [
        word for word in ("sk-in-query", "sk-in-header", "a-very-private-word", "sk-very-secret") if word in said
    ] == []


def test_probes_are_not_traced(traced: Stage) -> None:
    for path in ("/readyz", "/healthz"):
        httpx.get(f"{traced.gateway.url()}{path}", timeout=20)
    traced.ask("Hello", **{"x-request-id": "probe-1"})
    assert until(lambda: spans_of(traced, "probe-1"))

    said = traced.gateway.cli("trace", "any", "--json").stdout
    assert "readyz" not in said
    assert "healthz" not in said


def test_the_share_of_requests_that_is_traced_is_the_configured_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    with collector() as (running, _), dev_model() as model:
        config = f"""
version: v0.5.0
listeners: [{{type: model, name: llm, port: {free_port()}}}]
model_providers: [{{model: openai/dev-model, access_key: x, default: true, base_url: "{model}/v1"}}]
tracing: {{random_sampling: 20, opentracing_grpc_endpoint: "{running.endpoint}"}}
"""
        with running_gateway(config, environ={}, home=tmp_path_factory.mktemp("h")) as gateway:
            for _ in range(300):
                body = {"messages": [{"role": "user", "content": "Hello"}]}
                assert httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=20).status_code == 200
            traces = settled(running.client.traces)

        # 60 on average; 5 standard deviations are 35.
        assert 25 <= len(traces) <= 95


def settled(told: Callable[[], list[list[Span]]]) -> list[list[Span]]:
    """Return the traces once none has come for five seconds, and all of them are whole."""
    seen: list[list[Span]] = []
    since = time.monotonic()

    def is_over() -> bool:
        nonlocal seen, since
        if (now := told()) != seen:
            seen, since = now, time.monotonic()
        return bool(seen) and {len(trace) for trace in seen} == {WHOLE} and time.monotonic() - since > 5

    assert until(is_over, seconds=100), [len(trace) for trace in seen]
    return seen


def test_none_of_many_is_lost(traced: Stage) -> None:
    count = 300
    with httpx.Client(timeout=20) as client:
        for number in range(count):
            body = {"messages": [{"role": "user", "content": f"Hello {number}"}]}
            answer = client.post(
                f"{traced.gateway.url()}/v1/chat/completions", json=body, headers={"x-request-id": f"many-{number}"}
            )
            assert answer.status_code == 200

    def all_there() -> bool:
        said = json.loads(traced.gateway.cli("obs", "--json").stdout)["calls"]
        return {f"many-{number}" for number in range(count)} <= {call["request_id"] for call in said}

    assert until(all_there, seconds=60)


def test_a_collector_that_is_gone_costs_requests_nothing_but_is_counted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    port = free_port()
    config = f"""
version: v0.5.0
listeners: [{{type: model, name: llm, port: {port}}}]
model_providers: [{{model: openai/gpt-4o, access_key: x, default: true, base_url: "http://127.0.0.1:{free_port()}/v1"}}]
tracing: {{random_sampling: 100, opentracing_grpc_endpoint: "http://127.0.0.1:{free_port()}"}}
"""
    home = tmp_path_factory.mktemp("h")
    with running_gateway(config, environ={}, home=home) as gateway:
        for _ in range(20):
            body = {"messages": [{"role": "user", "content": "Hello"}]}
            assert httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=20).status_code == 503

        def dropped() -> bool:
            figures = httpx.get(f"http://127.0.0.1:{gateway.status()['ports']['metrics']}/metrics", timeout=20).text
            return any(line.startswith("plano_spans_dropped_total") for line in figures.splitlines())

        assert until(dropped, seconds=60)
