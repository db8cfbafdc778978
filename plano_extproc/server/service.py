"""The ext_proc service: one coroutine for each stream, one answer for each message, in order."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import grpc
from grpc.aio import EOF  # type: ignore[attr-defined]  # the stubs lack it

from plano_extproc import headers
from plano_extproc.gateway import Attempt, Exchange, Gateway, Passing, Ports
from plano_extproc.gateway.actions import Continue, Reply
from plano_extproc.gateway.events import RequestHeaders
from plano_extproc.gateway.tries.message import tries
from plano_extproc.gateway.work import Cut
from plano_extproc.server import wire
from plano_extproc.telemetry import figures

_MOVING_SECONDS = 0.3
"""How long the next message of an answer may take that is to be broken off."""

_TOLD_SECONDS = 1.0
"""How long an answer may go on whose client was told that it is broken off."""

_LISTENER, _ATTEMPT = ("listener",), ("attempt",)
_SAID = ("x-plano-", "traceparent")

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
        ports, exchange, position = self._gateway().ports, None, _LISTENER
        try:
            exchange = self._begin(context)
            if isinstance(exchange, Attempt):
                position = _ATTEMPT
            ports.metrics.change(figures.STREAMS_OPEN, position, 1)
            if isinstance(exchange, Attempt):
                await _try(exchange, context, ports)
                return
            while not exchange.is_done:
                raw = await (context.read() if exchange.cut is None else _next(exchange.cut, context))
                if raw is EOF:
                    break
                begun = ports.clock()
                kind, event = wire.event(raw)
                action = exchange.handle(event)
                if not isinstance(action, (Continue, Reply)):
                    action = await action
                answer = wire.answer(kind, action)
                ports.metrics.observe(figures.PHASE, (*position, kind), ports.clock() - begun)
                await context.write(answer)
        finally:
            self.open_exchanges -= 1
            if exchange is not None:
                ports.metrics.change(figures.STREAMS_OPEN, position, -1)
                exchange.closed()

    def _begin(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> Exchange | Attempt | Passing:
        metadata = context.invocation_metadata() or ()
        said = {name: str(value) for name, value in metadata if name.startswith(_SAID)}
        listener = unquote(said.get(headers.LISTENER, ""))
        if headers.ATTEMPT in said:
            return Attempt(self._gateway(), listener, said[headers.PATH], tries(said))
        generation = said.get(headers.GENERATION)
        number = int(generation) if generation else None
        parent = said.get("traceparent")
        if headers.PASSED in said:
            return Passing(self._gateway(), listener, parent)
        return Exchange(self._gateway(), listener, number, parent, reads_usage=headers.USAGE in said)

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """Return the gRPC handler. Messages stay bytes here: `wire` parses what it needs."""
        process = grpc.stream_stream_rpc_method_handler(self.process)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: process})


async def _next(cut: Cut, context: grpc.aio.ServicerContext[bytes, bytes]) -> Any:
    """Return Envoy's next message; an answer that is to be broken off, and says nothing, ends here.

    One that moves tells the client of it with its next message, so that is waited for a moment. Then it may still end
    by itself; what goes on is ended, so that nobody works for it any more.
    """
    reading = asyncio.ensure_future(context.read())
    cutting = asyncio.ensure_future(cut.event.wait())
    try:
        await asyncio.wait((reading, cutting), return_when=asyncio.FIRST_COMPLETED)
        if cut.is_told():
            now = asyncio.get_running_loop().time()
            cut.ends = cut.ends or now + _TOLD_SECONDS
            await asyncio.wait((reading,), timeout=max(0.0, cut.ends - now))
            is_over = not reading.done() or (now >= cut.ends and reading.result() is not EOF)
        else:
            if not reading.done() and cut.holds():
                await asyncio.wait((reading,), timeout=_MOVING_SECONDS)
            is_over = not reading.done() and cut.holds()
        if is_over:
            # Envoy resets what it cannot have processed.
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the agent may not act any more")
        return await reading
    finally:
        cutting.cancel()


async def _try(attempt: Attempt, context: grpc.aio.ServicerContext[bytes, bytes], ports: Ports) -> None:
    """Answer about one try of a chain, of which a message may have no answer yet, or several."""
    while not attempt.is_done and (raw := await context.read()) is not EOF:
        begun = ports.clock()
        named, event = wire.event(raw)
        if isinstance(event, RequestHeaders):
            event.kept = wire.kept(raw)
        for kind, action in attempt.handle(event):
            await context.write(wire.answer(kind, action))
        ports.metrics.observe(figures.PHASE, (*_ATTEMPT, named), ports.clock() - begun)
