"""Spans sent to a real collector by the gateway's own exporter."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from plano_extproc.config.telemetry import Tracing
from plano_extproc.telemetry.exporter import Exporter, sinks_of
from plano_extproc.telemetry.metrics import Metrics
from plano_extproc.telemetry.spans import AGENT, LLM, ROUTING, Span, Value
from plano_extproc.telemetry.tracing import Tracer
from planoai.collector import process
from planoai.collector.process import Running
from planoai.home import Home
from tests.support.ports import free_port


@contextmanager
def collector() -> Iterator[tuple[Running, Home]]:
    """Run a collector on a free port, in a home of its own."""
    with TemporaryDirectory(prefix="plano-", ignore_cleanup_errors=True) as folder:
        place = Home(Path(folder) / "home")
        environ = {**os.environ, "PLANO_TRACE_PORT": str(free_port())}
        found = process.ensure(place, environ)
        try:
            yield found, place
        finally:
            process.stop(place, found.client)


def send(endpoint: str, count: int = 1, attributes: Mapping[str, Value] | None = None) -> list[str]:
    """Send the spans of some requests, three each, and return the ids of their traces, oldest first."""
    tracing = Tracing.model_validate({"random_sampling": 100, "opentracing_grpc_endpoint": endpoint})
    metrics = Metrics()
    exporter = Exporter(sinks_of(tracing), metrics, queued=1_000_000)
    bits = lambda number: int.from_bytes(os.urandom(number // 8))  # noqa: E731
    tracer = Tracer(tracing, exporter.put, bits)
    ids = []
    for number in range(count):
        at = 1_700_000_000_000_000_000 + number * 1_000_000_000
        root = tracer.begin(AGENT, None, at)
        assert isinstance(root, Span)
        root.name = "weather /v1/chat/completions"
        root.update({"agent_id": "weather", "http.status_code": 200})
        routing = root.child(ROUTING, at + 1_000_000)
        routing.update({"routing.determination_ms": 3})
        routing.end(at + 4_000_000)
        call = root.child(LLM, at + 5_000_000)
        call.update(
            {
                "llm.model": "gpt-4o",
                "llm.provider": "openai",
                "llm.usage.prompt_tokens": 1000,
                "llm.usage.completion_tokens": 500,
                "llm.duration_ms": 50,
                "llm.time_to_first_token": 20,
                "plano.route.name": "weather",
                "http.status_code": 200,
                "request_id": f"r{number}",
                **(attributes or {}),
            }
        )
        call.event("signal.interaction.satisfaction.gratitude", at + 50_000_000, {"signal.confidence": 1.0})
        call.end(at + 55_000_000)
        root.end(at + 60_000_000)
        ids.append(f"{root.context.trace_id:032x}")
    exporter.close(60)
    return ids
