"""Circles of calls: an agent that calls the gateway, which asks the agent again.

A request that goes to an agent carries how many agents of a gateway it has come through. Agents that pass the header on
with their own requests are refused when there are too many; it is also kept in `tracestate`, which those pass on that
are traced by OpenTelemetry.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from plano_extproc import headers
from plano_extproc.errors import InvalidRequest

MOST: Final = 8
"""Agents that may call each other through gateways, one inside the other."""

_STATE: Final = "tracestate"
_ENTRY: Final = re.compile(rb"(?:^|,)\s*plano=h(\d{1,4})\s*(?=,|$)")


class Onward(Mapping[str, bytes]):
    """The headers of a client, as those are told who are asked for it: with one hop more.

    Raises `InvalidRequest` where there have been too many.
    """

    __slots__ = ("_client", "own")

    def __init__(self, client: Mapping[str, bytes]) -> None:
        hops = _hops(client) + 1
        if hops > MOST:
            raise InvalidRequest(
                f"this request has come through {MOST} agents, one calling the other; they may call in a circle",
                code="loop_detected",
            )
        self._client = client
        self.own = {headers.HOPS: b"%d" % hops}
        if "traceparent" in client:
            others = _ENTRY.sub(b"", client.get(_STATE, b"")).strip(b", ")
            self.own[_STATE] = b"plano=h%d" % hops + (b"," + others if others else b"")

    def __getitem__(self, name: str) -> bytes:
        return self.own[name] if name in self.own else self._client[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self._client if name not in self.own)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _hops(client: Mapping[str, bytes]) -> int:
    told = client.get(headers.HOPS, b"")
    traced = _ENTRY.search(client.get(_STATE, b""))
    return max(int(told) if told.isdigit() and len(told) < 5 else 0, int(traced[1]) if traced else 0)
