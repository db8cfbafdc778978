"""The collector's process: `python -m planoai.collector.server --port N`.

    /opentelemetry.proto.collector.trace.v1.TraceService/Export   spans come in
    /plano.TraceQuery/GetTraces   {"after", "limit"} or {"id"} -> a stream of {"spans": [...]}, one message a trace,
                                  the latest first
    /plano.TraceQuery/Follow      {} -> a stream of {"spans": [...]}, as they come
    /plano.TraceQuery/Info        {} -> what this collector is and holds

It listens on loopback only, and shares its port with nobody. A follower that does not keep up misses spans, and is
told how many.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from planoai.collector import SERVICE
from planoai.collector.spans import Span, spans_of
from planoai.collector.store import Store

EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"

_LARGEST_EXPORT = 64 * 1024 * 1024
_MOST_WAITING = 1000
"""Lots of spans that a follower may be behind."""


class Collector:
    """The two services over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followers: dict[asyncio.Queue[list[Span]], int] = {}

    def handlers(self) -> tuple[Any, ...]:
        """Return what gRPC serves."""
        export = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        queries = {
            "GetTraces": grpc.unary_stream_rpc_method_handler(self._traces),
            "Follow": grpc.unary_stream_rpc_method_handler(self._follow),
            "Info": grpc.unary_unary_rpc_method_handler(self._info),
        }
        return (
            grpc.method_handlers_generic_handler(EXPORT, {"Export": export}),
            grpc.method_handlers_generic_handler(SERVICE, queries),
        )

    async def _export(
        self, request: ExportTraceServiceRequest, _context: grpc.aio.ServicerContext[object, object]
    ) -> ExportTraceServiceResponse:
        kept = self._store.add(spans_of(request))
        if kept:
            for queue in self._followers:
                if queue.full():
                    self._followers[queue] += len(kept)
                else:
                    queue.put_nowait(kept)
        return ExportTraceServiceResponse()

    async def _traces(self, request: bytes, _context: grpc.aio.ServicerContext[object, object]) -> AsyncIterator[bytes]:
        asked = orjson.loads(request or b"{}")
        if wanted := asked.get("id"):
            if found := self._store.trace(str(wanted)):
                yield orjson.dumps({"spans": found})
            return
        for spans in self._store.traces(after=int(asked.get("after", 0)), limit=int(asked.get("limit", 0))):
            yield orjson.dumps({"spans": spans})
            await asyncio.sleep(0)

    async def _follow(self, _request: bytes, context: grpc.aio.ServicerContext[object, object]) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[list[Span]] = asyncio.Queue(_MOST_WAITING)
        self._followers[queue] = 0
        await context.send_initial_metadata(())  # so that the caller knows from when on nothing is missed
        try:
            while True:
                spans = await queue.get()
                missed, self._followers[queue] = self._followers[queue], 0
                yield orjson.dumps({"spans": spans, "missed": missed})
        finally:
            del self._followers[queue]

    async def _info(self, _request: bytes, _context: grpc.aio.ServicerContext[object, object]) -> bytes:
        store = self._store
        return orjson.dumps(
            {
                "pid": os.getpid(),
                "home": os.environ.get("PLANO_HOME", ""),
                "received": store.received,
                "dropped": store.dropped,
                "spans": store.spans,
                "bytes": store.bytes,
                "sequence": store.sequence,
            }
        )


async def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when the port cannot be had."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _LARGEST_EXPORT)))
    server.add_generic_rpc_handlers(Collector(Store()).handlers())
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(str(error)) from None
    if not bound:
        raise OSError(f"{host}:{port} cannot be opened")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start()
    print(bound, flush=True)
    await stopping.wait()
    await server.stop(0.5)


def main() -> None:
    """Serve as told by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    try:
        asyncio.run(serve(asked.host, asked.port))
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
