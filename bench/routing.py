"""What it costs a worker to choose a model: by name, by a route, and in a session.

    python -m bench.routing [--count N]

What is timed is the listener position from a request's headers to the decision on its body, in processor time, without
Envoy and without protobuf. The best of several runs counts.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import orjson
import yaml

from bench.payloads import request
from plano_extproc.config import load
from plano_extproc.gateway import Exchange, Gateway, Ports, gateway
from plano_extproc.gateway.events import RequestBody, RequestHeaders
from plano_extproc.stores import SqliteStore
from plano_extproc.telemetry.metrics import Metrics

_RUNS: Final = 5
_BASE: Final = """
version: v0.5.0
listeners: [{type: model, name: m, port: 12000}]
model_providers:
  - {model: openai/small, access_key: k, default: true}
  - {model: openai/large, access_key: k}
"""
_HELD_OUT: Final = Path(__file__).parent / "intents" / "held_out.yaml"
_HEADERS: Final = {
    ":method": b"POST",
    ":path": b"/v1/chat/completions",
    "content-type": b"application/json",
    **{f"x-header-{number}": b"value" for number in range(20)},
}
"""As many as clients and Envoy send."""


def _routes() -> str:
    """Return the fifteen routes of the bench of intents as preferences."""
    routes = yaml.safe_load(_HELD_OUT.read_text())["routes"]
    told = [
        {
            "name": route["name"],
            "description": f"{route['description']}, e.g. " + ", ".join(f'"{one}"' for one in route["examples"]),
            "models": ["openai/large"],
        }
        for route in routes
    ]
    return yaml.safe_dump({"routing_preferences": told})


def _same(body: bytes, _: int) -> bytes:
    return body


def _other(body: bytes, number: int) -> bytes:
    said = orjson.loads(body)
    said["messages"][-1]["content"] += f" {number}"
    return orjson.dumps(said)


def cases() -> dict[str, tuple[str, dict[str, bytes], Callable[[bytes, int], bytes]]]:
    """Return configuration, further headers, and what becomes of the body for each request, by the name of the case."""
    routes = _BASE + _routes()
    budget = f"{routes}routing: {{routing_budget: {{max_switch_spend_pct: 20}}}}\n"
    session = {"x-model-affinity": b"s"}
    return {
        "by name": (_BASE, {}, _same),
        "15 routes, each text another": (routes, {}, _other),
        "15 routes, the same text again": (routes, {}, _same),
        "a session that keeps its model": (routes, session, _same),
        "a session with a budget": (budget, session, _same),
        "an implicit session, no routes": (f"{_BASE}prompt_caching: {{enabled: true}}\n", {}, _same),
    }


async def measure(text: str, headers: dict[str, bytes], vary: Callable[[bytes, int], bytes], count: int) -> float:
    """Return microseconds for one decision."""
    loaded = load(text, environ={})
    assert loaded.config is not None, loaded.problems
    body = request("openai", "openai/large").partition(b"\r\n\r\n")[2]
    bodies = [vary(body, number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "sessions.sqlite")
        ports = Ports(
            clock=time.perf_counter,
            now=time.time,
            metrics=Metrics(),
            exposition=lambda: b"",
            random=random.random,
            bindings=lambda _: store,
        )
        best = float("inf")
        for _ in range(_RUNS):
            # A new one for each run: what the last one has remembered must not help.
            made = gateway(loaded.config, generation=1, ports=ports)
            await _decide(made, headers, body)
            begun = time.process_time()
            for one in bodies:
                await _decide(made, headers, one)
            best = min(best, (time.process_time() - begun) / count)
        await store.close()
    return best * 1e6


async def _decide(made: Gateway, headers: dict[str, bytes], body: bytes) -> None:
    exchange = Exchange(made, "m")
    exchange.handle(RequestHeaders({**_HEADERS, **headers}, end_of_stream=False))
    action = exchange.handle(RequestBody(body, end_of_stream=True))
    if isinstance(action, Awaitable):
        await action


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000, help="decisions in a run [1000]")
    count: int = parser.parse_args().count
    base = 0.0
    for name, (text, headers, vary) in cases().items():
        found = asyncio.run(measure(text, headers, vary, count))
        base = base or found
        print(f"{name:34}{found:8.0f} µs {found / base:6.1f} x")


if __name__ == "__main__":
    main()
