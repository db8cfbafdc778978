"""Asks the configured sources of prices and latencies, off the path of requests: the rim around `routing.feeds`."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from plano_extproc.config.routing import MetricsSource
from plano_extproc.routing import latencies
from plano_extproc.routing.feeds import LARGEST, Feed, bound
from plano_extproc.routing.prices import Prices, UnreadableFeed

_log = logging.getLogger(__name__)


class Feeds:
    """The sources of one configuration. Nobody waits for them: `tick` starts what is due and returns at once."""

    def __init__(
        self,
        sources: tuple[MetricsSource, ...],
        *,
        before: "Feeds | None" = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Begin with what is known from `before`, the sources of the last configuration."""
        self._now = now
        known: tuple[Feed, ...] = before.feeds if before else ()
        self.feeds: tuple[Feed, ...] = tuple(
            next((one for one in known if one.source == source), Feed(source)) for source in sources
        )
        self.errors: Counter[str] = before.errors if before else Counter()
        """Failures since the start, by the name of the feed."""
        self.prices = Prices()
        self._latencies: Mapping[str, float] | None = None
        self._running: dict[int, asyncio.Task[None]] = {}
        self._take()

    def latency(self, model: str) -> float | None:
        """Return seconds that a configured source says of a model; None where it, or the source, says nothing."""
        return None if self._latencies is None else latencies.figure(self._latencies, model)

    @property
    def has_latencies(self) -> bool:
        """Return whether a configured source has answered: its figures then count, and no others."""
        return self._latencies is not None

    def ages(self) -> dict[str, float | None]:
        """Return how old the data of each source are, in seconds; None where it has never answered."""
        now = self._now()
        return {feed.name: feed.age(now) for feed in self.feeds}

    def tick(self) -> None:
        """Start asking every source that is due. Call it from a running event loop, about once a second."""
        now = self._now()
        for index, feed in enumerate(self.feeds):
            task = self._running.get(index)
            if feed.is_due(now) and (task is None or task.done()):
                self._running[index] = asyncio.create_task(self._ask(index, feed))

    async def close(self) -> None:
        """Stop what is under way."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _ask(self, index: int, feed: Feed) -> None:
        try:
            body = await (asyncio.to_thread(_file, feed.where) if feed.is_file else _fetched(feed.where))
            # A catalogue has megabytes, and requests do not wait for it.
            table: Mapping[str, Any] = await asyncio.to_thread(feed.parsed, body)
        except (UnreadableFeed, OSError, TimeoutError, ValueError) as error:
            self.errors[feed.name] += 1
            said = str(error) or type(error).__name__
            self._keep(index, feed.failed(said, self._now()))
            kept = "the last good data stay" if feed.table is not None else "there are no data yet"
            _log.warning("the source %s cannot be used: %s; %s", feed.name, said, kept)
        else:
            self._keep(index, feed.succeeded(table, self._now()))
            _log.info("the source %s gave %d figures", feed.name, len(table))

    def _keep(self, index: int, feed: Feed) -> None:
        self.feeds = (*self.feeds[:index], feed, *self.feeds[index + 1 :])
        self._take()

    def _take(self) -> None:
        tables = {feed.source.type: feed.table for feed in self.feeds}
        self.prices = Prices(tables.get("cost"))
        self._latencies = tables.get("latency")


def _file(path: str) -> bytes:
    with Path(path).open("rb") as file:
        body = file.read(LARGEST + 1)
    bound(len(body))
    return body


async def _fetched(url: str) -> bytes:
    # The HTTP client takes a tenth of a worker's memory, which one without such sources does not need.
    fetched = await asyncio.to_thread(_loaded)
    return await fetched(url)


def _loaded() -> Callable[[str], Awaitable[bytes]]:
    from plano_extproc.server.fetching import fetched

    return fetched
