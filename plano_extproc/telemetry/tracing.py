"""Which requests are traced, and as part of which trace.

A request that belongs to a trace is recorded if its trace is; one that begins a trace is recorded with the configured
probability. Envoy decides where it traces itself, and tells by the `traceparent` of its call to the sidecar.
"""

from collections.abc import Callable, Mapping

from plano_extproc.config.telemetry import SpanAttributes, Tracing
from plano_extproc.telemetry.spans import NO_SPAN, AnySpan, Context, NoSpan, Span, SpanKind, Value


class Tracer:
    """Begins spans. `bits` returns a random number of so many bits, `put` takes a span that has ended."""

    def __init__(self, tracing: Tracing, put: Callable[[Span], None], bits: Callable[[int], int]) -> None:
        self.is_on = tracing.is_on
        self.captures_messages = tracing.capture_messages or any(
            exporter.type == "posthog" and exporter.capture_messages for exporter in tracing.exporters
        )
        self.tells_snippets = tracing.capture_messages
        self.user_header = next(
            (exporter.distinct_id_header for exporter in tracing.exporters if exporter.type == "posthog"), None
        )
        self._custom = tracing.span_attributes
        self._below = int(tracing.random_sampling / 100 * (1 << 63))
        self._put = put
        self._bits = bits

    def begin(self, kind: SpanKind, traceparent: str | bytes | None, start_ns: int) -> AnySpan:
        """Begin the first span of ours in a request, below the one that `traceparent` names if it names one."""
        if not self.is_on:
            return NO_SPAN
        if isinstance(traceparent, bytes):
            traceparent = traceparent.decode("latin-1")
        parent = Context.parse(traceparent) if traceparent else None
        if parent is None:
            trace_id = self._bits(128) or 1
            # Other samplers decide by the lower bits too, so that a share of a trace is never half of it.
            if trace_id & ((1 << 63) - 1) >= self._below:
                return NO_SPAN
        elif parent.is_sampled:
            trace_id = parent.trace_id
        else:
            return NoSpan(str(parent))
        context = Context(trace_id, self._new_id(), True)
        return Span(kind, context, parent, start_ns, self._put, self._new_id, self._custom.static)

    def custom(self, headers: Mapping[str, bytes]) -> dict[str, Value]:
        """Return the attributes that the configuration takes from a request; the static ones every span has."""
        return custom_attributes(self._custom, headers) if self._custom.header_prefixes else {}

    def _new_id(self) -> int:
        return self._bits(64) or 1


def custom_attributes(custom: SpanAttributes, headers: Mapping[str, bytes]) -> dict[str, Value]:
    """Return attributes from headers by their prefixes: the first prefix counts, dashes become dots."""
    found: dict[str, Value] = dict(custom.static)
    prefixes = tuple(prefix.lower() for prefix in custom.header_prefixes)
    if not prefixes:
        return found
    for name, value in headers.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        key = name[len(prefix) :].lstrip("-").replace("-", ".") if prefix is not None else ""
        if key:
            found[key] = value.decode("utf-8", "replace").strip()
    return found
