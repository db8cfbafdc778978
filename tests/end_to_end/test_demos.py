"""The demos' own files with their sample servers, all of them real."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from plano_extproc import resources
from tests.support.clients import anthropic_client
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port

SERVERS = {
    "PLANO_DEMO_MODEL": "plano_agents.dev_model",
    "PLANO_DEMO_WEATHER": "plano_agents.travel.weather_agent",
    "PLANO_DEMO_FLIGHTS": "plano_agents.travel.flight_agent",
    "PLANO_DEMO_MEMORY": "plano_agents.memory_filter",
    "PLANO_DEMO_RULES": "plano_agents.mcp_filter",
    "PLANO_DEMO_PLATFORM": "plano_agents.unified",
}
MIXED = "What is the weather in Rome tomorrow, and which flights go from Paris to Rome?"


@contextmanager
def server(module: str) -> Iterator[str]:
    """Run a sample, and yield its URL."""
    process = subprocess.Popen([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, module
        yield found.group()
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with ExitStack() as running:
        yield {name: running.enter_context(server(module)) for name, module in SERVERS.items()}


@contextmanager
def demo(
    name: str,
    urls: dict[str, str],
    home: Path,
    *,
    environ: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[Gateway]:
    """Run a demo's file on free ports."""
    ports = {f"PLANO_DEMO_{kind}PORT": str(free_port()) for kind in ("", "TRAVEL_", "UNIFIED_")}
    host = urls["PLANO_DEMO_PLATFORM"].removeprefix("http://")
    known = {**urls, **ports, "PLANO_DEMO_PLATFORM_HOST": host}
    text = resources.path(f"config/examples/{name}.yaml").read_text()
    for variable, value in known.items():
        text = re.sub(rf"\$\{{{variable}(:-[^}}]*)?\}}", value, text)
    if "type: model" not in text:
        text = text.replace("listeners:\n", f"listeners:\n  - {{type: model, name: models, port: {free_port()}}}\n", 1)
    with running_gateway(text, environ=environ or {}, home=home, workers=1, options=options) as running:
        yield running


def ask(gateway: Gateway, listener: str, text: str, user: str = "") -> httpx.Response:
    body = {"messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{gateway.url(listener)}/v1/chat/completions", json=body, headers={"x-user": user}, timeout=30)


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def test_the_travel_demo(urls: dict[str, str], tmp_path: Path) -> None:
    with demo("demo_travel", urls, tmp_path) as gateway:
        answer = ask(gateway, "travel", MIXED, "mo")
        with anthropic_client(gateway.url("travel")) as client:
            heard = client.messages.create(
                model="any", max_tokens=500, messages=[{"role": "user", "content": "Will it rain in Tokyo tomorrow?"}]
            )

    assert said(answer).startswith("Weather in Rome")
    assert "Flights from Paris (CDG) to Rome (FCO)" in said(answer)
    assert answer.headers["x-plano-agent"] == "weather_agent,flight_agent"
    assert heard.content[0].text.startswith("Weather in Tokyo")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "served_by", "words"),
    [
        ("Fetch CUSTOMER fields", "fetch_application_fields", "CUSTOMER.ID"),
        ("Explain FUNDS.TRANSFER validation rules", "consultant_agent", "TRANSACTION.TYPE"),
        ("Hello", "general_chat_agent", "General"),
        ("I want to create a version API", "version_api_creator_agent", "Creator"),
    ],
)
def test_the_unified_demo(unified: Gateway, text: str, served_by: str, words: str) -> None:
    answer = ask(unified, "platform", text)

    assert words in said(answer)
    assert served_by in (answer.headers.get("x-plano-agent"), answer.headers.get("x-plano-route"))


@pytest.fixture(scope="module")
def unified(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with demo("demo_unified", urls, tmp_path_factory.mktemp("unified_demo")) as running:
        yield running
