"""One worker process: a gRPC server on its sockets, the configuration of the moment, and a life from start to drain."""

import asyncio
import gc
import logging
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from plano_extproc import sockets
from plano_extproc._pb import external_processor_pb2 as _described  # noqa: F401  reflection reads its descriptors
from plano_extproc.config import Loaded, environment, load
from plano_extproc.gateway import Gateway, Ports, gateway
from plano_extproc.providers.authorizers import Authorizers
from plano_extproc.providers.chatgpt import ChatGptToken
from plano_extproc.routing.intent.encoder import EncoderMissing
from plano_extproc.server import control, service
from plano_extproc.server.background import Background
from plano_extproc.server.feeds import Feeds
from plano_extproc.server.governors import Governors
from plano_extproc.server.housekeeping import Housekeeping
from plano_extproc.server.outgoing import Outgoing
from plano_extproc.server.refresher import Refresher, home_of, issuer_of, store_of
from plano_extproc.server.tracers import Tracers
from plano_extproc.signals import Conversations, Mode
from plano_extproc.stores.contract import StoreError
from plano_extproc.stores.kept import KeptStores
from plano_extproc.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_NOTICE_SECONDS = 1.5
"""How long a draining worker goes on serving, so that Envoy's health checks (every 0.5 s) see it go first."""

_YOUNG_OBJECTS = 10_000
"""Objects that are new when the garbage collector looks for cycles among them."""

_MESSAGE_HEADROOM = 1 << 20
"""gRPC's limits are on messages, ours on bodies; headers and framing need some room beside a body."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run a worker. `listen` are gRPC addresses: `unix:PATH` or `HOST:PORT`.

    `egress` is where Envoy takes the worker's own requests; None is a socket beside the first of `listen`.
    `parent` is the process with which the worker ends; None is whose child it is.
    """

    config: Path
    listen: tuple[str, ...]
    generation: int = 1
    drain_seconds: float = 30.0
    egress: str | None = None
    parent: int | None = None


class Worker:
    """Serves until SIGTERM or SIGINT, then drains. SIGHUP reads the configuration file anew."""

    def __init__(self, settings: Settings) -> None:
        """Load the configuration; raises `control.ConfigurationError` with every problem in it."""
        self._settings = settings
        store = store_of(os.environ)
        try:
            refresher = Refresher(store, issuer_of(os.environ))
        except ValueError as error:
            raise control.ConfigurationError(str(error)) from None
        metrics = Metrics()
        authorizers = Authorizers(ChatGptToken(store))
        self._background = Background()
        self._tracers = Tracers(metrics)
        self._conversations: dict[Mode, Conversations] = {}
        self._governors = Governors(home_of(os.environ), metrics)
        self._stores = KeptStores(home_of(os.environ), new_id=lambda: secrets.token_hex(24), now=time.time)
        self._outgoing = Outgoing(settings.egress or sockets.egress(settings.listen))
        self._ports = Ports(
            clock=time.perf_counter,
            now=time.time,
            metrics=metrics,
            exposition=metrics.exposition,
            authorizer=authorizers,
            random=random.random,
            send=self._outgoing.send,
            background=self._background.start,
            governor=self._governors.of,
            conversations=self._stores.conversations,
            answers=self._stores.answers,
            memories=self._stores.state,
            new_id=lambda: secrets.token_hex(24),
            store=self._stores.shared,
            tracer=self._tracers.of,
            signals=self._signals,
            later=_later,
            bindings=self._stores.bindings,
        )
        self._feeds = Feeds(())
        self._housekeeping = Housekeeping(metrics, authorizers, refresher, lambda: self._gateway, lambda: self._feeds)
        self._gateway = self._build(_load_file(settings.config), settings.generation)
        self._processor = service.ExternalProcessor(lambda: self._gateway)
        self._stopping = asyncio.Event()

    def _signals(self, mode: Mode) -> Conversations:
        """Return what reads conversations, whose memory outlives a configuration."""
        if mode not in self._conversations:
            self._conversations[mode] = Conversations(mode)
        return self._conversations[mode]

    def run(self) -> None:
        """Serve until told to stop."""
        gc.collect()
        # What is loaded by now lives as long as the process: the collector need not walk it for each request.
        gc.freeze()
        # What requests leave behind goes by its counts. At Python's usual 700 objects the collector looks at young ones
        # for every other request, and finds them all in use.
        gc.set_threshold(_YOUNG_OBJECTS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        limit = self._gateway.config.overrides.max_answer_bytes + _MESSAGE_HEADROOM
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                # One address, one worker: Envoy balances over workers, the kernel must not.
                ("grpc.so_reuseport", 0),
            )
        )
        # First, since gRPC asks one handler after the other for each stream.
        server.add_generic_rpc_handlers((self._processor.handler(), self._tracers.handler()))
        alive = health.aio.HealthServicer()  # type: ignore[attr-defined]  # it exists where grpc.aio does
        health_pb2_grpc.add_HealthServicer_to_server(alive, server)
        if all(address.startswith("unix:") for address in self._settings.listen):
            server.add_generic_rpc_handlers((control.Control(self.reload_text).handler(),))
        names = (service.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        for address in self._settings.listen:
            _bind(server, address)
        await self._governors.look()
        looking = asyncio.get_running_loop().create_task(self._governors.run())
        # Before anyone hears that it serves, and may send one.
        self._handle_signals()
        await server.start()
        await alive.set("", health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving on %s, generation %d", ", ".join(self._settings.listen), self._gateway.generation)
        await self._housekeeping.run(self._stopping, self._settings.parent)
        await alive.enter_graceful_shutdown()
        await asyncio.sleep(_NOTICE_SECONDS)
        _log.info("draining %d exchanges", self._processor.open_exchanges)
        await server.stop(self._settings.drain_seconds)
        await self._feeds.close()
        await self._background.settle()
        await self._tracers.close()
        looking.cancel()
        await self._governors.close()
        await self._housekeeping.settle()
        await self._stores.close()
        await self._outgoing.close()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_file)

    def reload_text(self, text: str, name: str, environ: Mapping[str, str], generation: int) -> int:
        """Swap to a configuration given as text; `environ` is laid over this process's own environment."""
        os.environ.update(environ)
        self._swap(self._build(load(text, environ=os.environ, name=name), generation))
        _log.info("serving generation %d", generation)
        return generation

    def _reload_file(self) -> None:
        try:
            self._swap(self._build(_load_file(self._settings.config), self._gateway.generation))
        except control.ConfigurationError as error:
            _log.error("the configuration is not reloaded, the old one stays:\n%s", error)
            return
        _log.info("reloaded %s", self._settings.config)

    def _swap(self, new: Gateway) -> None:
        old, self._gateway = self._gateway, new
        # What it has not told the store yet. Exchanges that are under way tell it themselves when they end.
        self._background.start(old.tick())

    def _build(self, loaded: Loaded, generation: int) -> Gateway:
        if loaded.config is None:
            raise control.ConfigurationError("\n".join(str(problem) for problem in loaded.errors))
        try:
            feeds = Feeds(loaded.config.model_metrics_sources, before=self._feeds)
            made = gateway(loaded.config, generation=generation, ports=replace(self._ports, feeds=feeds))
        except (StoreError, EncoderMissing) as error:
            raise control.ConfigurationError(str(error)) from None
        self._feeds = feeds
        return made


def _later(doing: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(doing)


def _load_file(path: Path) -> Loaded:
    return load(path, environ=environment(path, os.environ))


def _bind(server: grpc.aio.Server, address: str) -> None:
    if address.startswith("unix:"):
        path = Path(address.removeprefix("unix:"))
        # A socket file of a worker that was killed would make the bind fail.
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            server.add_insecure_port(f"unix:{path}")
        finally:
            os.umask(before)
        return
    server.add_insecure_port(address)
