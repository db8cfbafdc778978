"""What it costs to be seen: signals, signals in answers, traces, as processor time of a worker for each exchange.

    python -m bench.seen [--rounds N] [--seconds S] [--stream] [--only NAME …]

One gateway for each way, all through Envoy with one worker; the conversations are those of `bench.mix`. Ways are
measured in turn, A B C A B C, and what is told is the median of the ratios that they have within each round.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, cast

import psutil
import uvloop

from bench.gateway import Gateway
from bench.http1 import Reader
from bench.mix import TALKS, endless
from bench.processes import Child, cpu_seconds, python

_CONNECTIONS: Final = 16
_TRACED: Final = "tracing: {{random_sampling: {share}, opentracing_grpc_endpoint: 'http://127.0.0.1:{collector}'}}\n"

WAYS: Final[dict[str, str]] = {
    "unseen": "overrides: {{disable_signals: true}}\n",
    "signals": "",
    "signals in answers": "overrides: {{signals_on_answer: true}}\n",
    "traced": _TRACED.replace("{share}", "100"),
    "traced, 10 %": _TRACED.replace("{share}", "10"),
}
"""What each adds to the bench's configuration. The second is the default, and what the others are compared with."""

DEFAULT: Final = "signals"


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time of one exchange, in microseconds."""

    worker: float
    envoy: float


class _Client(asyncio.Protocol):
    """One connection that has always one request under way."""

    def __init__(self, talks: Iterator[list[bytes]], until: float) -> None:
        self._talks = talks
        self._until = until
        self._left: list[bytes] = []
        self._reader = Reader()
        self.answered = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        if not self._left:
            self._left = next(self._talks)[::-1]
        self._transport.write(self._left.pop())

    def data_received(self, data: bytes) -> None:
        answer = self._reader.feed(data)
        if answer is None:
            return
        if not answer.head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError((answer.head + answer.body[:400]).decode(errors="replace")))
            self._transport.close()
            return
        self.answered += 1
        if perf_counter() < self._until:
            self._send()
            return
        self.done.set_result(None)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"connection lost: {exc or 'closed by the peer'}"))


async def _play(port: int, talks: Iterator[list[bytes]], seconds: float) -> int:
    """Return how many exchanges there were."""
    loop, until = asyncio.get_running_loop(), perf_counter() + seconds
    clients = [
        (await loop.create_connection(lambda: _Client(talks, until), "127.0.0.1", port))[1] for _ in range(_CONNECTIONS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return sum(client.answered for client in clients)


class Stage:
    """A gateway for each way, a provider and a collector. Use it as a context manager; nothing is left running."""

    def __init__(self, folder: Path, ways: list[str], *, is_stream: bool) -> None:
        self._stack = ExitStack()
        self._talks = endless([make() for make in TALKS.values()], is_stream=is_stream)
        self._gateways: dict[str, tuple[Gateway, list[psutil.Process], list[psutil.Process]]] = {}
        try:
            provider = self._stack.enter_context(Child(python("bench.provider"), folder / "provider.log", speaks=True))
            collector = self._stack.enter_context(
                Child(python("bench.null_collector"), folder / "collector.log", speaks=True)
            )
            provider_port, collector_port = int(provider.hear()["port"]), int(collector.hear()["port"])
            for number, way in enumerate(ways):
                home = folder / f"{number}"
                home.mkdir()
                more = WAYS[way].format(collector=collector_port)
                made = Gateway(home, provider_port=provider_port, workers=1, envoy_threads=1, more=more)
                gateway = self._stack.enter_context(made)
                self._gateways[way] = gateway, gateway.workers, gateway.envoy
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cost(self, way: str, seconds: float) -> Cost:
        """Play conversations for so long, and return what one exchange cost."""
        gateway, workers, envoy = self._gateways[way]
        before = cpu_seconds(workers), cpu_seconds(envoy)
        exchanges = uvloop.run(_play(gateway.port, self._talks, seconds))
        after = cpu_seconds(workers), cpu_seconds(envoy)
        worker, rest = ((then - now) * 1e6 / exchanges for now, then in zip(before, after, strict=True))
        return Cost(worker, rest)


def measure(ways: list[str], *, rounds: int, seconds: float, is_stream: bool) -> dict[str, list[Cost]]:
    """Return what an exchange cost in each way and round."""
    found: dict[str, list[Cost]] = {way: [] for way in ways}
    with (
        tempfile.TemporaryDirectory(prefix="plano-bench-") as folder,
        Stage(Path(folder), ways, is_stream=is_stream) as stage,
    ):
        for way in ways:
            stage.cost(way, seconds)
        for _ in range(rounds):
            for way in ways:
                found[way].append(stage.cost(way, seconds))
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each way in each round [1]")
    parser.add_argument("--stream", action="store_true", help="ask for streams")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS), metavar="NAME")
    chosen = parser.parse_args()
    ways = [way for way in WAYS if way in chosen.only]
    found = measure(ways, rounds=chosen.rounds, seconds=chosen.seconds, is_stream=chosen.stream)
    base = found.get(DEFAULT) or found[ways[0]]
    print(f"{'microseconds an exchange':26}{'worker':>9}{'ratio':>8}{'Envoy':>9}{'ratio':>8}")
    for way, costs in found.items():
        pairs = list(zip(costs, base, strict=True))
        worker, envoy = (statistics.median(getattr(one, part) for one in costs) for part in ("worker", "envoy"))
        more = statistics.median(one.worker / other.worker for one, other in pairs)
        envoys = statistics.median(one.envoy / other.envoy for one, other in pairs)
        print(f"{way:26}{worker:9.0f}{more:8.3f}{envoy:9.0f}{envoys:8.3f}")


if __name__ == "__main__":
    main()
