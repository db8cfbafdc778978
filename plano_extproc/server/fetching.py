"""Reads a source of prices or latencies over HTTP."""

from typing import Final

import aiohttp

from plano_extproc.routing.feeds import bound
from plano_extproc.routing.prices import UnreadableFeed

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5)


async def fetched(url: str) -> bytes:
    """Return what is there. Raises `UnreadableFeed`, and what a connection raises."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
            session.get(url, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status != 200:
                raise UnreadableFeed(f"answered with status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                bound(len(body))
            return bytes(body)
    except aiohttp.ClientError as error:
        raise UnreadableFeed(str(error) or type(error).__name__) from None
