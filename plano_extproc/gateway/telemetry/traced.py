"""A request's headers, once it belongs to a trace."""

from collections.abc import Mapping
from typing import Final

from plano_extproc.gateway.ask import held
from plano_extproc.telemetry.spans import AnySpan

TRACEPARENT: Final = "traceparent"


class Traced(dict[str, bytes]):
    """The headers with the `traceparent` of its span in place of the client's. `is_recorded` says that a span is made.

    Held as a dictionary, since what traces looks at many headers, each of which is a search in Envoy's message.
    """

    __slots__ = ("is_recorded",)

    def __init__(self, sent: Mapping[str, bytes], span: AnySpan) -> None:
        super().__init__(held(sent))
        self[TRACEPARENT] = span.traceparent.encode()
        self.is_recorded = span.is_recording


def is_recorded(sent: Mapping[str, bytes]) -> bool:
    """Whether a request is traced, and its trace recorded."""
    return isinstance(sent, Traced) and sent.is_recorded
