"""Serving the console until Ctrl-C or SIGTERM."""

import contextlib
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import uvicorn

from planoai import interrupt, ports
from planoai import state as states
from planoai.collector import pricing, process
from planoai.console.app import app
from planoai.console.watch import Watch
from planoai.home import Home

USUAL_PORT = 9093
VARIABLE = "PLANO_CONSOLE_PORT"


@dataclass(frozen=True, slots=True)
class Page:
    """Where a console is."""

    port: int
    token: str

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{ports.LOOPBACK}:{self.port}/?token={self.token}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listening: Callable[[], None], watch: Watch) -> None:
        super().__init__(config)
        self._listening = listening
        self._watch = watch

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._watch.is_over = True  # a page listens for ever
        await super().shutdown(sockets)


def serve(home: Home, environ: Mapping[str, str], port: int | None, listening: Callable[[Page], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. `listening` is told the page's address once it can be opened."""
    interrupt.on_terminate()  # so that a collector of its own ends with it
    page = Page(ports.choose(environ, VARIABLE, USUAL_PORT, (), option=port), secrets.token_urlsafe(18))
    state = states.load(home)
    collector = process.ensure(home, environ, port=state.trace_port if state is not None else None)
    watch = Watch(home, collector.client, pricing.source(None, None, None, environ), environ)
    config = uvicorn.Config(
        app(watch, page.token, environ),
        host=ports.LOOPBACK,
        port=page.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):  # which ends it like SIGTERM
            _Server(config, lambda: listening(page), watch).run()
    finally:
        if collector.is_new:
            process.stop(home, collector.client)
