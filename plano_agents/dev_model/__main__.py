"""Run the development model: `python -m plano_agents.dev_model [--host 127.0.0.1] [--port 0]`."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn

from plano_agents.dev_model.app import app


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    options = _parser().parse_args(arguments)
    try:
        listening = _bind(options.host, options.port)
    except OSError as problem:
        print(f"cannot listen on {options.host}:{options.port}: {problem.strerror or problem}", file=sys.stderr)
        return 1
    with listening:
        port = listening.getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"development model (a stand-in, not a language model) on http://{host}:{port}", flush=True)
        asyncio.run(_serve(listening, options.pace))
    return 0


async def _serve(listening: socket.socket, pace: float) -> None:
    config = uvicorn.Config(
        app(pace=pace),
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plano_agents.dev_model",
        description="A deterministic development stand-in for a language model. Needs no key and no network.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes any free one")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds to pause between two events of a stream")
    return parser


if __name__ == "__main__":
    sys.exit(main())
