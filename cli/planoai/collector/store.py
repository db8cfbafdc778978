"""The latest spans, whole traces, in bounded memory.

What is full loses its oldest trace; what was lost is counted. Spans are kept as bytes, which take a fifth of what
dictionaries take.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import orjson

from planoai.collector.spans import Span

MOST_BYTES = 256 * 1024 * 1024
MOST_SPANS = 200_000
MOST_SPANS_OF_A_TRACE = 5_000

_OVERHEAD = 300
"""Bytes that Python adds to a span."""


@dataclass(slots=True)
class _Trace:
    spans: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    changed: int = 0


class Store:
    """Spans by trace, the trace that changed last at the end. For one thread."""

    def __init__(
        self,
        *,
        most_bytes: int = MOST_BYTES,
        most_spans: int = MOST_SPANS,
        most_of_a_trace: int = MOST_SPANS_OF_A_TRACE,
    ) -> None:
        self._most_bytes = most_bytes
        self._most_spans = most_spans
        self._most_of_a_trace = most_of_a_trace
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self.sequence = 0
        self.received = 0
        self.dropped = 0
        self.spans = 0
        self.bytes = 0

    def add(self, spans: Iterable[Span]) -> list[Span]:
        """Keep spans; return those that were new."""
        self.sequence += 1
        kept = []
        for span in spans:
            self.received += 1
            if self._keep(span):
                kept.append(span)
        self._make_room()
        return kept

    def _keep(self, span: Span) -> bool:
        trace = self._traces.setdefault(span["traceId"], _Trace())
        self._traces.move_to_end(span["traceId"])
        if span["spanId"] in trace.spans:
            return False
        if len(trace.spans) >= self._most_of_a_trace:
            self.dropped += 1
            return False
        content = orjson.dumps(span)
        trace.spans[span["spanId"]] = content
        trace.changed = self.sequence
        size = len(content) + _OVERHEAD
        trace.size += size
        self.bytes += size
        self.spans += 1
        return True

    def _make_room(self) -> None:
        while len(self._traces) > 1 and (self.bytes > self._most_bytes or self.spans > self._most_spans):
            _, trace = self._traces.popitem(last=False)
            self.bytes -= trace.size
            self.spans -= len(trace.spans)
            self.dropped += len(trace.spans)

    def traces(self, *, after: int = 0, limit: int = 0) -> Iterator[list[Span]]:
        """Yield traces, the one that changed last first; only those that changed after a sequence number.

        `limit` is the most of them, 0 all.
        """
        for trace in list(islice(reversed(self._traces.values()), limit or None)):
            if trace.changed <= after:
                return
            yield _spans(trace)

    def trace(self, trace_id: str) -> list[Span] | None:
        """Return one trace by its id."""
        found = self._traces.get(trace_id)
        return _spans(found) if found is not None else None


def _spans(trace: _Trace) -> list[Span]:
    return [orjson.loads(content) for content in trace.spans.values()]
