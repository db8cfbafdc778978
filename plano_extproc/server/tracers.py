"""The tracers of a worker: one for each `tracing` that it was given, and the threads that send their spans."""

import asyncio
import random

import grpc

from plano_extproc.config import Config
from plano_extproc.config.telemetry import Tracing
from plano_extproc.telemetry import envoys
from plano_extproc.telemetry.exporter import Exporter, sinks_of
from plano_extproc.telemetry.metrics import Metrics
from plano_extproc.telemetry.tracing import Tracer


class Tracers:
    """Gives each configuration its tracer. A reload that leaves `tracing` alone keeps threads and queues."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tracing: Tracing | None = None
        self._exporter: Exporter | None = None
        self._tracer: Tracer | None = None
        self._old: list[Exporter] = []

    def of(self, config: Config) -> Tracer:
        """Return the tracer of a configuration."""
        if self._tracer is None or config.tracing != self._tracing:
            if self._exporter is not None:
                # Exchanges that began with it still end their spans with it.
                self._old.append(self._exporter)
            self._tracing = config.tracing
            self._exporter = Exporter(sinks_of(config.tracing), self._metrics)
            # An id must differ from others and need not be hard to guess; the system's generator takes a call for each.
            self._tracer = Tracer(config.tracing, self._exporter.put, random.getrandbits)
        return self._tracer

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """Return the gRPC handler that takes Envoy's spans."""
        export = grpc.unary_unary_rpc_method_handler(self._export)
        return grpc.method_handlers_generic_handler(envoys.SERVICE, {envoys.METHOD: export})

    async def _export(self, request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        if self._exporter is not None:
            envoys.hand_over(request, self._exporter.put)
        return envoys.ANSWER

    async def close(self) -> None:
        """Send what waits, within reason."""
        exporters = [*self._old, *([self._exporter] if self._exporter is not None else ())]
        await asyncio.gather(*(asyncio.to_thread(exporter.close) for exporter in exporters))
