"""A collector of spans that costs next to nothing: it takes OTLP over gRPC and throws it away.

`python -m bench.null_collector` binds a free port of the loopback interface and says which.
"""

from typing import Final

import grpc
import uvloop

from bench.child import announce, until_input_closes

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_Context = grpc.aio.ServicerContext[bytes, bytes]


async def _export(_request: bytes, _context: _Context) -> bytes:
    return b""


async def serve() -> None:
    """Serve until standard input closes."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(_export)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce(port=port)
    await until_input_closes()
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve())
