"""One request through the demo's travel agents as one tree."""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from plano_extproc import resources
from planoai.demo.stand_in import stand_ins
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]

Span = dict[str, Any]
SERVICES = {"plano(inbound)", "plano(orchestrator)", "plano(agent)", "plano(outbound)"}


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("demo")
    text = resources.path("config/examples/demo.yaml").read_text(encoding="utf-8")
    names = ("PLANO_DEMO_PORT", "PLANO_DEMO_PLANNERS_PORT", "PLANO_DEMO_TRAVEL_PORT", "PLANO_DEMO_UNIFIED_PORT")
    with stand_ins({**os.environ, "PLANO_HOME": str(folder)}, folder) as urls:
        hosts = {f"{name}_HOST": url.removeprefix("http://") for name, url in urls.items()}
        ports = {name: str(free_port()) for name in names}
        environ = {**urls, **hosts, **ports, "PLANO_TRACE_PORT": str(free_port())}
        config = yaml.safe_dump(_filled(yaml.safe_load(text), environ))
        with running_gateway(config, environ=environ, home=folder / "h", options=("--with-tracing",)) as gateway:
            yield gateway


def _filled(value: Any, environ: dict[str, str]) -> Any:
    """Put the ports in, which the test must know before the gateway does."""
    if isinstance(value, dict):
        return {key: _filled(item, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environ) for item in value]
    for name, found in environ.items():
        if isinstance(value, str) and value.startswith(f"${{{name}:-") and name.endswith("_PORT"):
            return int(found)
    return value


def test_a_question_for_an_agent_is_one_tree_down_to_the_agent(travel: Gateway) -> None:
    body = {"messages": [{"role": "user", "content": "What's the weather in Paris?"}]}
    answer = httpx.post(
        f"{travel.url('travel')}/v1/chat/completions", json=body, headers={"x-request-id": "travel-1"}, timeout=60
    )
    spans = until(lambda: _trace(travel, "travel-1"))
    known = {span["spanId"] for span in spans}

    assert answer.status_code == 200
    assert [span["service"] for span in spans if span["parentSpanId"] not in known] == ["plano(inbound)"]
    (agent,) = (span for span in spans if span["service"] == "plano(agent)")
    assert agent["name"] == "weather_agent /v1/chat/completions"


def _trace(gateway: Gateway, request_id: str) -> list[Span]:
    """Return the spans of a request's trace; none while some are missing."""
    traces = [trace["spans"] for trace in json.loads(gateway.cli("trace", "any", "--json").stdout)["traces"]]
    spans = next((spans for spans in traces if any(_is_of(span, request_id) for span in spans)), [])
    return spans if {span["service"] for span in spans} >= SERVICES else []


def _is_of(span: Span, request_id: str) -> bool:
    return {"key": "request_id", "value": {"stringValue": request_id}} in span["attributes"]
