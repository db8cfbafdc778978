"""What `planoai trace` and `planoai obs` print as JSON of a real gateway, name by name."""

import json
from typing import Any

import pytest

from tests.seen.stand import Seen
from tests.support.reply import Usage

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]


def run(seen: Seen, *arguments: str) -> Any:
    result = seen.gateway.cli(*arguments, "--port", str(seen.collector.port), "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_trace_has_the_peers_form_and_more(seen: Seen) -> None:
    seen.ask("commands-1", "Write a poem about autumn leaves", model="fast")
    trace_id = seen.spans("commands-1", least=5)[0]["span"]["traceId"]
    told = run(seen, "trace", trace_id[:8])
    (trace,) = told["traces"]
    values = {kind for span in trace["spans"] for entry in span["attributes"] for kind in entry["value"]}

    assert told.keys() == {"traces"}
    assert trace.keys() == {"trace_id", "spans"}
    assert trace["trace_id"] == trace_id
    for span in trace["spans"]:
        assert span.keys() == {
            *("traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano", "service"),
            *("attributes", "kind", "status", "events", "links", "resource"),
        }
        assert isinstance(span["startTimeUnixNano"], str)
        assert all(entry.keys() == {"key", "value"} for entry in span["attributes"])
    assert values == {"stringValue", "intValue", "doubleValue", "boolValue"}
    assert trace["spans"] == sorted(trace["spans"], key=lambda span: int(span["startTimeUnixNano"]))


def test_conditions_of_the_peers_names_find_traces(seen: Seen) -> None:
    seen.ask("commands-2", "Write a poem about autumn leaves", model="fast")
    trace_id = seen.spans("commands-2", least=5)[0]["span"]["traceId"]
    where = ("request_id=commands-2", "plano.route.name=poems", "llm.model=gpt-4o-mini", "http.status_code=200")
    found = run(seen, "trace", "any", "--list", *(word for one in where for word in ("--where", one)))

    assert found == {"trace_ids": [trace_id]}


def test_a_call_has_all_that_the_peer_shows_of_it(seen: Seen) -> None:
    seen.messages.say("def f(): ...", usage=Usage(input=10, output=30, cached=100, written=40, reasoning=0))
    headers = {"x-model-affinity": "commands"}
    seen.ask("commands-3", "Write a python function that sorts a list", model="fast", stream=True, headers=headers)
    seen.spans("commands-3", least=5)
    found = run(seen, "obs")
    (call,) = [one for one in found["calls"] if one["request_id"] == "commands-3"]

    told = {
        "model": "claude-sonnet-4-5",
        "provider": "anthropic",
        "requested": "fast",
        "session": "commands",
        "route": "code",
        "is_streaming": True,
        "status": 200,
        "prompt_tokens": 150,
        "completion_tokens": 30,
        "cached_tokens": 100,
        "cache_write_tokens": 40,
        "reasoning_tokens": 0,
        "strategy": "lexical",
        "quality": "neutral",
        "agents": "",
    }
    assert {key: call[key] for key in told} == told
    assert call["reason"].startswith("lexical 'code'")
    assert 0 < call["first_token_ms"] <= call["latency_ms"]
    assert 0 < call["cost"] < 0.01
    assert found.keys() == {"totals", "models", "routes", "agents", "calls"}
    assert found["totals"].keys() == {
        *("requests", "client_errors", "server_errors", "prompt_tokens", "completion_tokens", "cached_tokens"),
        *("cache_write_tokens", "cost", "tokens_per_second", "latency_ms", "first_token_ms", "sessions"),
    }
    assert found["totals"]["latency_ms"].keys() == {"p50", "p95", "p99"}
