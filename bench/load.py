"""A closed-loop load generator: every connection sends its next request when the last answer is complete.

`python -m bench.load` reads jobs from standard input, one JSON line each. A job opens its connections, warms
the path up, says that it is ready, waits for a line, runs, and writes its outcome.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Self, cast

import uvloop

from bench.http1 import Reader
from bench.payloads import DIALECTS, DialectName, Pace, request

STALLED_AFTER = 10.0
"""Seconds without a single complete answer after which a run is given up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to send where, how much of it, and how long: by count when `requests` is set, else by time."""

    port: int
    dialect: DialectName
    model: str
    connections: int
    seconds: float = 1.0
    requests: int = 0
    warmup_seconds: float = 0.2
    stream: Pace | None = None

    def line(self) -> str:
        """Return the job as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Self:
        """Read a job from its line."""
        fields = json.loads(line)
        pace = fields.pop("stream")
        return cls(**fields, stream=Pace(**pace) if pace else None)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Where the samples lie, in milliseconds."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Take them from samples in seconds; there must be at least one."""
        ordered = sorted(seconds)
        last = len(ordered) - 1
        return cls(*(ordered[round(last * share)] * 1000 for share in (0.5, 0.9, 0.99)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of a job measured: whole answers, and the time to the first byte of each."""

    requests: int
    seconds: float
    latency: Percentiles
    first_byte: Percentiles

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Self:
        """Read an outcome from JSON; a job that failed is an error."""
        if "error" in fields:
            raise BadAnswerError(fields["error"])
        latency = Percentiles(**fields["latency"])
        return cls(fields["requests"], fields["seconds"], latency, Percentiles(**fields["first_byte"]))


class BadAnswerError(Exception):
    """An answer that is not what the case must bring, or none at all."""


class _Run:
    """The shared end of all connections: the clock, the samples and the first error."""

    def __init__(self, job: Job, *, seconds: float, requests: int) -> None:
        self.latencies: list[float] = []
        self.first_bytes: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_send = requests or sys.maxsize
        self._ends = sys.float_info.max if requests else perf_counter() + seconds
        self._open = 0
        spoken = DIALECTS[job.dialect]
        self._expected = spoken.stream_ended if job.stream else spoken.answered

    def may_send(self, now: float) -> bool:
        """Tell whether one request more is wanted, and count it."""
        if now >= self._ends or not self._to_send:
            return False
        self._to_send -= 1
        self._open += 1
        return True

    def take(self, head: bytes, body: bytes, first_byte: float, latency: float) -> None:
        """Check and record one answer."""
        if not head.startswith(b"HTTP/1.1 200") or self._expected not in body:
            shown = (head + body[-400:]).decode(errors="replace")
            self.fail(f"expected 200 and {self._expected!r}, got:\n{shown}")
            return
        self._open -= 1
        self.latencies.append(latency)
        self.first_bytes.append(first_byte)

    def finish(self) -> None:
        """End the run once no answer is outstanding."""
        if not self._open and not self.done.done():
            self.done.set_result(None)

    def fail(self, reason: str) -> None:
        """End the run with an error; the first one counts."""
        if not self.done.done():
            self.done.set_exception(BadAnswerError(reason))


class _Connection(asyncio.Protocol):
    """One keep-alive connection that always has one request under way."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._reader = Reader()
        self._run: _Run | None = None
        self._sent = 0.0
        self._first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self, run: _Run) -> None:
        """Send the first request of a run."""
        self._run = run
        self._next(perf_counter())

    def _next(self, now: float) -> None:
        assert self._run
        if self._run.may_send(now):
            self._first = 0.0
            self._sent = perf_counter()
            self._transport.write(self._payload)
        else:
            self._run.finish()

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        if not self._first:
            self._first = now
        message = self._reader.feed(data)
        if message is not None and self._run:
            self._run.take(message.head, message.body, self._first - self._sent, now - self._sent)
            self._next(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run:
            self._run.fail(f"connection lost: {exc or 'closed by the peer'}")

    def close(self) -> None:
        self._run = None
        self._transport.close()


class _Player:
    """Opens a job's connections once, for its warm-up and its run."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._connections: list[_Connection] = []
        stream = job.stream
        # Paced streams that begin together stay together, and each would wait for all others at its start.
        self._apart = stream.events * stream.pace_ms / 1000 / job.connections if stream else 0.0

    async def warm_up(self) -> None:
        job = self._job
        payload = request(job.dialect, job.model, authority=f"127.0.0.1:{job.port}", stream=job.stream)
        loop = asyncio.get_running_loop()
        for _ in range(job.connections):
            _, connection = await loop.create_connection(lambda: _Connection(payload), "127.0.0.1", job.port)
            self._connections.append(connection)
        if job.warmup_seconds:
            await self._play(job.warmup_seconds, 0)

    async def run(self) -> Outcome:
        started = perf_counter()
        run = await self._play(self._job.seconds, self._job.requests)
        seconds = perf_counter() - started
        latency, first_byte = Percentiles.of(run.latencies), Percentiles.of(run.first_bytes)
        return Outcome(len(run.latencies), seconds, latency, first_byte)

    async def _play(self, seconds: float, requests: int) -> _Run:
        run = _Run(self._job, seconds=seconds, requests=requests)
        loop = asyncio.get_running_loop()
        starts = [
            loop.call_later(number * self._apart, connection.start, run)
            for number, connection in enumerate(self._connections)
        ]
        seen = 0
        while not run.done.done():
            await asyncio.wait((run.done,), timeout=STALLED_AFTER)
            if not run.done.done() and len(run.latencies) == seen:
                run.fail(f"no complete answer within {STALLED_AFTER:g} s")
            seen = len(run.latencies)
        for start in starts:
            start.cancel()
        run.done.result()
        return run

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


async def play(job: Job) -> Outcome:
    """Warm up and run a job at once."""
    player = _Player(job)
    try:
        await player.warm_up()
        return await player.run()
    finally:
        player.close()


def main() -> None:
    """Play the jobs of standard input, one after another."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in iter(sys.stdin.readline, ""):
            player = _Player(Job.of(line))
            try:
                runner.run(player.warm_up())
                print(json.dumps({"ready": True}), flush=True)
                if not sys.stdin.readline():
                    return
                answer = asdict(runner.run(player.run()))
            except (BadAnswerError, OSError) as error:
                answer = {"error": str(error)}
            finally:
                player.close()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
