"""The yardstick: the smallest `grpc.aio` ext_proc server that Envoy accepts.

It reads each message and writes a constant answer, without parsing anything. What it costs is the floor of
any ext_proc server on this transport. `python -m bench.null_sidecar SOCKET MESSAGES` serves exchanges of
that many messages.
"""

import argparse
from collections.abc import Awaitable, Callable

import grpc
import uvloop

from bench.child import announce, until_input_closes

# A ProcessingRequest is written in the order of its field numbers, so its first byte tells which message it
# is. An answer of the same kind with nothing in it means: go on, change nothing.
_ANSWERS: dict[int, bytes] = {
    0x12: b"\x0a\x00",  # request_headers = 2 -> request_headers = 1
    0x1A: b"\x12\x00",  # response_headers = 3 -> response_headers = 2
    0x22: b"\x1a\x00",  # request_body = 4 -> request_body = 3
}

_Context = grpc.aio.ServicerContext[bytes, bytes]


def process(messages: int) -> Callable[[object, _Context], Awaitable[None]]:
    """Return the handler of an exchange that has exactly this many messages."""

    async def handle(_requests: object, context: _Context) -> None:
        for _ in range(messages):
            message = await context.read()
            if not isinstance(message, bytes):
                return
            await context.write(_ANSWERS[message[0]])

    return handle


async def serve(path: str, messages: int) -> None:
    """Serve on a Unix socket until standard input closes."""
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(process(messages))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Process": handler}),))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    announce(socket=path)
    await until_input_closes()
    await server.stop(None)


_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket")
    parser.add_argument("messages", type=int)
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.socket, chosen.messages))
