"""The worker's own requests. What sends them is loaded at the first: most gateways only pass requests on.

The HTTP client takes a tenth of a worker's memory. It is loaded in a thread, so that other requests go on meanwhile.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from plano_extproc.flow import Callout, CalloutFailed, Reply

if TYPE_CHECKING:
    from plano_extproc.egress import Egress

_log = logging.getLogger(__name__)

MAX_REPLY_BYTES: Final = 32 << 20
"""What a service may answer to a request of the worker's own."""


class Outgoing:
    """Sends requests to Envoy's egress listener at `address` (`unix:PATH` or `HOST:PORT`); None has nowhere to send."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._egress: Egress | None = None

    async def send(self, callout: Callout) -> Reply:
        """Return the reply to a request. Raises `CalloutFailed` where none comes."""
        if self._address is None:
            _log.error("%s cannot be asked: no egress listener; see --egress of plano-extproc serve", callout.what)
            raise CalloutFailed("unreachable")
        if self._egress is None:
            loaded = await asyncio.to_thread(_loaded)
            # Another request may have been here meanwhile.
            self._egress = self._egress or loaded(self._address, max_bytes=MAX_REPLY_BYTES)
        return await self._egress.send(callout)

    async def close(self) -> None:
        """Close all connections."""
        if self._egress is not None:
            await self._egress.close()


def _loaded() -> "type[Egress]":
    from plano_extproc.egress import Egress

    return Egress
