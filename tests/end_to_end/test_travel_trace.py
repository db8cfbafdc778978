"""One request through the travel demo, as one tree in all three views."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console

from planoai.collector.board import board
from planoai.collector.client import Client
from tests.end_to_end.test_demos import MIXED, ask, demo, urls
from tests.support.gateway import Gateway, until
from tests.support.ports import free_port

__all__ = ["urls"]

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]

AGENTS = {"weather_agent", "flight_agent"}
SERVICES = {"plano(inbound)", "plano(outbound)", "plano(orchestrator)", "plano(agent)", "plano(filter)"}


@pytest.fixture(scope="module")
def travel(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ports = {"PLANO_TRACE_PORT": str(free_port()), "PLANO_CONSOLE_PORT": str(free_port())}
    home = tmp_path_factory.mktemp("travel") / "home"
    with demo("demo_travel", urls, home, environ=ports, options=("--console",)) as running:
        yield running


def attribute(span: dict[str, Any], name: str) -> str:
    found = (next(iter(entry["value"].values()), "") for entry in span["attributes"] if entry["key"] == name)
    return str(next(found, ""))


def roots(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {span["spanId"] for span in spans}
    return [span for span in spans if span["parentSpanId"] not in ids]


def is_whole(spans: list[dict[str, Any]]) -> bool:
    agents = {attribute(span, "agent_id") for span in spans}
    return len(roots(spans)) == 1 and {span["service"] for span in spans} >= SERVICES and agents >= AGENTS


def test_one_request_is_one_tree_in_trace_obs_and_console(travel: Gateway) -> None:
    collector = Client("127.0.0.1", travel.status()["ports"]["trace"])
    console = "".join(travel.cli("console").stdout.split())
    origin, _, token = console[console.index("http://") :].partition("/?token=")
    answer = ask(travel, "travel", MIXED, "mo")
    answered = time.monotonic()
    request_id = answer.headers["x-request-id"]
    found: dict[str, list[dict[str, Any]]] = {}

    def arrived() -> bool:
        traces = (trace for trace in collector.traces() if any(attribute(s, "request_id") == request_id for s in trace))
        found["collected"] = next(traces, [])
        return is_whole(found["collected"])

    assert until(arrived, seconds=60), found
    print(f"whole after {time.monotonic() - answered:.2f} s")
    trace_id = found["collected"][0]["traceId"]
    assert {span["traceId"] for span in found["collected"]} == {trace_id}

    (told,) = json.loads(travel.cli("trace", trace_id, "--json").stdout)["traces"]
    assert is_whole(told["spans"])

    snapshot = json.loads(travel.cli("obs", "--json").stdout)
    (call,) = [call for call in snapshot["calls"] if call["trace_id"] == trace_id]
    assert (call["request_id"], call["agents"], call["status"]) == (request_id, "weather_agent,flight_agent", 200)
    assert set(snapshot["agents"]) == AGENTS
    drawn = Console(file=io.StringIO(), width=160)
    drawn.print(board(snapshot, "here"))
    assert isinstance(drawn.file, io.StringIO)
    assert "weather_agent,flight_agent" in drawn.file.getvalue()

    listed = httpx.get(f"{origin}/api/traces", params={"token": token}, timeout=20).json()
    assert [trace for trace in listed if trace["trace_id"] == trace_id]

    def both() -> tuple[set[str], set[str]]:
        shown = httpx.get(f"{origin}/api/traces/{trace_id}", params={"token": token}, timeout=20).json()
        (told,) = json.loads(travel.cli("trace", trace_id, "--json").stdout)["traces"]
        return {span["spanId"] for span in shown}, {span["spanId"] for span in told["spans"]}

    # One more span may come between two looks.
    assert until(lambda: len(set(map(frozenset, both()))) == 1)


def test_the_console_tells_of_it_as_it_comes(travel: Gateway) -> None:
    console = "".join(travel.cli("console").stdout.split())
    origin, _, token = console[console.index("http://") :].partition("/?token=")
    with httpx.stream("GET", f"{origin}/api/events", params={"token": token}, timeout=60) as events:
        request_id = ask(travel, "travel", MIXED, "mo").headers["x-request-id"]
        told = next(line for line in events.iter_lines() if line.startswith("data: ") and request_id in line)

    (seen,) = [one for one in json.loads(told.removeprefix("data: ")) if one["request_id"] == request_id]
    assert seen["listener"] == "travel"
