"""Sends spans away, by a thread of its own: a bounded queue, batches, and a count of what was lost.

The request path only appends to the queue. A collector that is slow or gone fills it, what comes then is dropped and
counted, and nothing waits.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from plano_extproc.config.telemetry import Tracing
from plano_extproc.telemetry.envoys import Ended
from plano_extproc.telemetry.otlp import OtlpSink
from plano_extproc.telemetry.posthog import PostHogSink

_log = logging.getLogger(__name__)

QUEUED: Final = 8192
"""Spans that wait; at 1 to 2 KB each some 16 MB."""

_BATCH: Final = 512
_PAUSE: Final = 0.2
"""Seconds between two looks at the queue: what is shown live is shown within a second."""

_LONGEST_PAUSE: Final = 10.0


class Sink(Protocol):
    """A place that spans go to."""

    name: str

    def export(self, spans: Sequence[Ended]) -> bool:
        """Send spans; return whether they have arrived. Blocks, but no longer than some seconds."""

    def close(self) -> None:
        """Let connections go."""


class Lost(Protocol):
    """Where it is counted what became of spans; called from the exporter's thread."""

    def spans_exported(self, sink: str, count: int) -> None:
        """Count spans that arrived."""

    def spans_dropped(self, sink: str, count: int) -> None:
        """Count spans that were lost."""


class Exporter:
    """One queue and one thread for each sink, so that none waits for another."""

    def __init__(self, sinks: Sequence[Sink], counts: Lost, *, queued: int = QUEUED) -> None:
        self._queues = [_Queue(sink, counts, queued) for sink in sinks]

    def put(self, span: Ended) -> None:
        """Take a span that has ended."""
        for queue in self._queues:
            queue.put(span)

    def close(self, seconds: float = 2.0) -> None:
        """Send what waits, as far as that is possible within so many seconds."""
        for queue in self._queues:
            queue.stop()
        for queue in self._queues:
            queue.join(seconds)


def sinks_of(tracing: Tracing) -> list[Sink]:
    """Return the places that a configuration names."""
    if not tracing.is_on:
        return []
    found: list[Sink] = []
    if tracing.opentracing_grpc_endpoint:
        found.append(
            OtlpSink(tracing.opentracing_grpc_endpoint, tracing.headers, with_messages=tracing.capture_messages)
        )
    for exporter in tracing.exporters:
        if exporter.type == "posthog":
            found.append(PostHogSink(exporter))
        else:
            found.append(OtlpSink(exporter.url, exporter.headers, with_messages=tracing.capture_messages))
    return found


class _Queue:
    def __init__(self, sink: Sink, counts: Lost, most: int) -> None:
        self._sink = sink
        self._counts = counts
        self._most = most
        self._spans: deque[Ended] = deque()
        self._full = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, span: Ended) -> None:
        if len(self._spans) >= self._most:
            self._full += 1
            return
        self._spans.append(span)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"spans to {self._sink.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)
        self._drop(len(self._spans) + self._take_full())
        self._spans.clear()
        self._sink.close()

    def _run(self) -> None:
        pause = _PAUSE
        while not self._stopping.wait(pause):
            pause = self._drain(pause)
        self._drain(pause)

    def _drain(self, pause: float) -> float:
        """Send what waits; return how long to pause: longer after each failure."""
        self._drop(self._take_full())
        while self._spans:
            batch = [self._spans.popleft() for _ in range(min(_BATCH, len(self._spans)))]
            if not self._sent(batch):
                self._drop(len(batch))
                if pause == _PAUSE:
                    _log.warning("spans cannot be sent to %s; they are dropped and counted", self._sink.name)
                return min(pause * 2, _LONGEST_PAUSE)
            self._counts.spans_exported(self._sink.name, len(batch))
        return _PAUSE

    def _sent(self, batch: Sequence[Ended]) -> bool:
        try:
            return self._sink.export(batch)
        except Exception:  # noqa: BLE001 - a library's, of any kind
            # Whatever a library makes of a broken collector, the thread lives on and the loss is counted.
            _log.exception("sending spans to %s failed", self._sink.name)
            return False

    def _take_full(self) -> int:
        lost, self._full = self._full, 0
        return lost

    def _drop(self, count: int) -> None:
        if count:
            self._counts.spans_dropped(self._sink.name, count)
