"""Asking a collector. A collector that does not answer is an error, never an empty answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import orjson

from planoai.collector import SERVICE
from planoai.collector.spans import Span

_SECONDS = 60.0
"""For all that a collector may hold, on a busy machine."""

_KNOCK_SECONDS = 2.0
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1))

Trace = list[Span]


class Unreachable(Exception):
    """Nothing answers there."""


class Foreign(Exception):
    """Something answers that is no collector of ours."""


@dataclass(frozen=True, slots=True)
class Client:
    """One collector by its address."""

    host: str
    port: int

    def info(self) -> dict[str, Any]:
        """Return what it says of itself: pid, home, spans, dropped and others."""
        with self._channel() as channel:
            found: dict[str, Any] = orjson.loads(
                channel.unary_unary(f"/{SERVICE}/Info", bytes, bytes)(b"{}", timeout=_KNOCK_SECONDS)
            )
            return found

    def traces(self, *, after: int = 0, limit: int = 0, trace_id: str = "") -> list[Trace]:
        """Return the traces that changed after a sequence number, the one that changed last first.

        `limit` is the most of them, 0 all. With a `trace_id` it is that one alone.
        """
        asked = {"id": trace_id} if trace_id else {"after": after, "limit": limit}
        with self._channel() as channel:
            answers = channel.unary_stream(f"/{SERVICE}/GetTraces", bytes, bytes)(orjson.dumps(asked), timeout=_SECONDS)
            return [orjson.loads(answer)["spans"] for answer in answers]

    def follow(self) -> Iterator[Trace]:
        """Yield spans as they come, lot by lot, until the collector ends."""
        with self._channel() as channel:
            for answer in channel.unary_stream(f"/{SERVICE}/Follow", bytes, bytes)(b"{}"):
                yield orjson.loads(answer)["spans"]

    @contextmanager
    def _channel(self) -> Iterator[grpc.Channel]:
        with grpc.insecure_channel(f"{self.host}:{self.port}", options=_OPTIONS) as channel:
            try:
                yield channel
            except grpc.RpcError as error:
                code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
                if code is grpc.StatusCode.UNIMPLEMENTED:
                    raise Foreign(f"{self.host}:{self.port} answers, but is no collector of ours") from None
                details = error.details() if isinstance(error, grpc.Call) else str(error)
                raise Unreachable(f"no collector answers on {self.host}:{self.port}: {details}") from None
