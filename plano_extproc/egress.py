"""The sidecar's own requests, through Envoy's egress listener: to services, and to providers that serve a model call.

Envoy holds the connections, checks certificates and retries what no service can have seen. A request here is bounded
in time and in what it may answer.
"""

import asyncio
from typing import Final

import aiohttp
from yarl import URL

from plano_extproc import headers
from plano_extproc.flow import Callout, CalloutFailed, Reply

_MOST_CONNECTIONS: Final = 512


class Egress:
    """Sends requests to Envoy at `address` (`unix:PATH` or `HOST:PORT`). Made and used within one event loop.

    `max_bytes` bounds an answer. Connections are kept and used again.
    """

    def __init__(self, address: str, *, max_bytes: int) -> None:
        self._address = address
        self.max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def send(self, callout: Callout) -> Reply:
        """Return the reply to a request. Raises `CalloutFailed` where none comes, in time and whole."""
        try:
            async with asyncio.timeout(callout.timeout):
                return await self._exchange(callout)
        except TimeoutError:
            raise CalloutFailed("timeout") from None
        except aiohttp.ClientConnectorError:
            raise CalloutFailed("unreachable") from None
        except aiohttp.ClientError:
            raise CalloutFailed("reset") from None

    async def _exchange(self, callout: Callout) -> Reply:
        sent = [(name, value.decode("latin-1")) for name, value in callout.headers]
        sent.append((headers.CLUSTER, callout.cluster))
        # What is asked as one path goes out as it is: aiohttp would quote it once more.
        host = "egress" if self._address.startswith("unix:") else self._address
        url = URL(f"http://{host}{callout.path}", encoded=True)
        async with self._open().request(
            callout.method, url, headers=sent, data=callout.body or None, allow_redirects=False
        ) as answer:
            body = await self._whole(answer)
            found = {name.lower(): value.encode("latin-1") for name, value in answer.headers.items()}
            if headers.EGRESS_FAILURE in found:
                raise CalloutFailed(_REASONS.get(found[headers.EGRESS_FAILURE], "unreachable"))
            return Reply(answer.status, found, body)

    async def _whole(self, answer: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        left = self.max_bytes
        async for part in answer.content.iter_any():
            left -= len(part)
            if left < 0:
                raise CalloutFailed("too_large")
            parts.append(part)
        return b"".join(parts)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_connector(self._address),
                timeout=aiohttp.ClientTimeout(total=None),
                # Nothing that one exchange is told may show in another.
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Content-Type"),
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _connector(address: str) -> aiohttp.BaseConnector:
    if address.startswith("unix:"):
        return aiohttp.UnixConnector(address.removeprefix("unix:"), limit=_MOST_CONNECTIONS, keepalive_timeout=30)
    return aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, keepalive_timeout=30)


_REASONS: Final = {b"UC": "reset", b"UR": "reset", b"UPE": "reset", b"UT": "timeout", b"SI": "timeout"}
"""Envoy's response flags; every other one means that no service was reached."""
