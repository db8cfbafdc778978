"""What all sample servers share: a command with `--host` and `--port`, and a clean end on a signal."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser of a server's command line, for it to add its own options."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    made.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes any free one")
    return made


def main(options: argparse.Namespace, what: str, make: Callable[[], Starlette]) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    try:
        listening = _bind(options.host, options.port)
    except OSError as problem:
        print(f"cannot listen on {options.host}:{options.port}: {problem.strerror or problem}", file=sys.stderr)
        return 1
    with listening:
        port = listening.getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"{what} on http://{host}:{port}", flush=True)
        asyncio.run(_serve(listening, make))
    return 0


async def _serve(listening: socket.socket, make: Callable[[], Starlette]) -> None:
    config = uvicorn.Config(
        make(),
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    await _Server(config).serve([listening])


class _Server(uvicorn.Server):
    """Ends with status 0 on a signal; uvicorn's own handling raises the signal again after the shutdown."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except BaseException:
        listening.close()
        raise
    return listening
