"""Envoy's access log: one JSON object for each request, with nothing secret."""

from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Struct

from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.render.edge import LOGGED_FACTS
from tests.render.stand import Answer, Stand, changes

pytestmark = pytest.mark.envoy

_OF_FACTS = LOGGED_FACTS.values()


def test_a_request_to_a_provider_is_one_object_with_what_the_sidecar_says_about_it(stand: Stand) -> None:
    said = {
        "plano": {
            "model": "openai/gpt-4o",
            "route": "code",
            "reason": "asked for",
            "way": "bypass",
            "client_api": "openai.chat",
            "provider_api": "openai.chat",
        },
        "plano.facts": {
            "client": "team-a",
            "input_tokens": 12,
            "cost_usd": 0.00025,
            "guards": [{"guard": "pii", "verdict": "redact"}],
            "signals": ["interaction.satisfaction.success"],
        },
    }
    metadata = Struct()
    metadata.update(said)
    response = changes({"x-plano-cluster": "up", ":path": "/elsewhere"})
    stand.sidecar.script["request_body"] = lambda _headers, _body: Answer(
        request_body=pb.BodyResponse(response=response), dynamic_metadata=metadata
    )
    line = stand.logged(stand.post("/v1/chat/completions?api-key=secret", headers={"authorization": "Bearer secret"}))

    assert {key: line[key] for key in said["plano"]} == said["plano"]
    assert {key: line[key] for key in ("input_tokens", "cost_usd", "guards", "signals", "client_id")} == {
        "input_tokens": 12,
        "cost_usd": 0.00025,
        "guards": [{"guard": "pii", "verdict": "redact"}],
        "signals": ["interaction.satisfaction.success"],
        "client_id": "team-a",
    }
    shown = {key: value for key, value in line.items() if value is not None and key not in (*said["plano"], *_OF_FACTS)}
    assert shown == {
        "time": line["time"],
        "request_id": line["request_id"],
        "listener": "egress traffic",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/v1/chat/completions",
        "protocol": "HTTP/1.1",
        "status": 200,
        "flags": "-",
        "details": "via_upstream",
        "bytes_received": 13,
        "bytes_sent": 12,
        "duration_ms": line["duration_ms"],
        "first_byte_ms": line["first_byte_ms"],
        "cluster": "up",
        "upstream": f"127.0.0.1:{stand.provider.port}",
        "attempts": 1,
    }
    assert isinstance(line["duration_ms"], int)
    assert "secret" not in str(line)


def test_a_request_that_envoy_answers_is_logged_too(stand: Stand) -> None:
    line = stand.logged(stand.get("/nowhere?x=1"))

    assert (line["path"], line["status"], line["cluster"], line["model"]) == ("/nowhere", 404, None, None)


def test_probes_leave_no_line(stand: Stand) -> None:
    probes = [stand.get(path) for path in ("/healthz", "/readyz", "/healthz?x=1")]
    stand.logged(stand.get("/healthz/else"))

    written = Path(stand.topology.access_log).read_text()
    assert not any(probe.headers["x-request-id"] in written for probe in probes)


def test_a_failure_says_why_in_envoys_words(stand: Stand) -> None:
    stand.sidecar.decide("refuses")
    line = stand.logged(stand.post())

    assert (line["status"], line["attempts"]) == (503, 2)
    assert "Connection_refused" in str(line["details"])
    assert "UF" in str(line["flags"])
