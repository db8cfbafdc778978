"""The ext_proc service: one coroutine for each stream, one answer for each message, in order."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import grpc
from grpc.aio import EOF  # type: ignore[attr-defined]  # the stubs lack it

from plano_extproc import headers
from plano_extproc.gateway import Attempt, Exchange, Gateway, tries
from plano_extproc.gateway.actions import Continue, Reply
from plano_extproc.server import wire

_MOVING_SECONDS = 0.3
"""How long the next message of an answer may take that is to be broken off."""

METHOD = "Process"
SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


class ExternalProcessor:
    """Serves exchanges by the gateway of the moment; an exchange keeps the one that it began with."""

    def __init__(self, gateway: Callable[[], Gateway]) -> None:
        self._gateway = gateway
        self.open_exchanges = 0

    async def process(self, _requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """Answer Envoy until the exchange is done, or Envoy ends the stream.

        Envoy takes a stream that we end cleanly as leave to go on unprocessed, so nothing else ends one. An exception
        escapes to gRPC, which logs it and ends the stream with an error status: the request fails.
        """
        self.open_exchanges += 1
        exchange = None
        try:
            exchange = self._begin(context)
            if isinstance(exchange, Attempt):
                await _try(exchange, context)
                return
            while not exchange.is_done and (raw := await _next(exchange, context)) is not EOF:
                kind, event = wire.event(raw)
                action = exchange.handle(event)
                if not isinstance(action, (Continue, Reply)):
                    action = await action
                await context.write(wire.answer(kind, action))
        finally:
            self.open_exchanges -= 1
            if exchange is not None:
                exchange.closed()

    def _begin(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> Exchange | Attempt:
        said = {name: str(value) for name, value in context.invocation_metadata() or () if name.startswith("x-plano-")}
        listener = unquote(said.get(headers.LISTENER, ""))
        if headers.ATTEMPT in said:
            return Attempt(self._gateway(), listener, said[headers.PATH], tries(said))
        generation = said.get(headers.GENERATION)
        return Exchange(self._gateway(), listener, int(generation) if generation else None)

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """Return the gRPC handler. Messages stay bytes here: `wire` parses what it needs."""
        process = grpc.stream_stream_rpc_method_handler(self.process)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: process})


async def _next(exchange: Exchange, context: grpc.aio.ServicerContext[bytes, bytes]) -> Any:
    """Return Envoy's next message; an answer that is to be broken off, and says nothing, ends here.

    One that moves tells the client of it with its next message, so that is waited for a moment.
    """
    cut = exchange.cut
    if cut is None:
        return await context.read()
    reading = asyncio.ensure_future(context.read())
    cutting = asyncio.ensure_future(cut.event.wait())
    try:
        await asyncio.wait((reading, cutting), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done() and cut.holds():
            await asyncio.wait((reading,), timeout=_MOVING_SECONDS)
            if not reading.done():
                # Envoy resets what it cannot have processed.
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the agent may not act any more")
        return await reading
    finally:
        cutting.cancel()


async def _try(attempt: Attempt, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
    """Answer about one try of a chain, of which a message may have no answer yet, or several."""
    while not attempt.is_done and (raw := await context.read()) is not EOF:
        _, event = wire.event(raw)
        for kind, action in attempt.handle(event):
            await context.write(wire.answer(kind, action))
