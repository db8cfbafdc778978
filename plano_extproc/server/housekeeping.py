"""What a worker does once a second, off the path of requests."""

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from plano_extproc.gateway import Gateway
from plano_extproc.providers.authorizers import Authorizers
from plano_extproc.server.feeds import Feeds
from plano_extproc.server.refresher import Refresher
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import Metrics
from plano_extproc.telemetry.process import Process

_log = logging.getLogger(__name__)

_PERIOD: Final = 1.0

_KEYS_KEPT: Final = 60.0
"""Seconds until keys that come from elsewhere are looked for again; temporary ones live for an hour."""

_COUNTED_AT_ONCE: Final = 100
"""Figures counted before requests get their turn again: some 0.3 ms."""


class Housekeeping:
    """Counts figures, renews credentials, and watches over the parent process."""

    def __init__(
        self,
        metrics: Metrics,
        authorizers: Authorizers,
        refresher: Refresher,
        gateway: Callable[[], Gateway],
        feeds: Callable[[], Feeds],
    ) -> None:
        """Keep house for the gateway and the feeds of the moment."""
        self._metrics = metrics
        self._authorizers = authorizers
        self._refresher = refresher
        self._gateway = gateway
        self._feeds = feeds
        self._errors: Counter[str] = Counter()
        self._search: asyncio.Task[None] | None = None
        self._search_due = 0.0
        self._cooling: frozenset[str] = frozenset()
        self._process = Process()

    async def run(self, stopping: asyncio.Event, parent: int | None = None) -> None:
        """Keep house until told to stop, or the parent dies: a worker without its supervisor would never be stopped.

        `parent` is its process id, which may have ended before this begins; None is who is the parent now.
        """
        parent = parent or os.getppid()
        while not stopping.is_set():
            self._renew()
            self._feed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _PERIOD)
            await self._count()
            await self._gateway().tick()
            self._tell_cooling()
            self._process.tick(time.monotonic())
            if os.getppid() != parent:
                _log.warning("the parent process is gone; stopping")
                return

    async def settle(self) -> None:
        """Finish what was begun. A renewal is waited for: its answer is the only copy of the new login."""
        await self._refresher.settle()
        await self._gateway().tick()
        self._metrics.flush()

    def _tell_cooling(self) -> None:
        """Say who is set aside, and count who is newly so."""
        cooling = self._gateway().candidates.board.cooling(time.time())
        for label in cooling - self._cooling:
            self._metrics.count(figures.COOLDOWNS, (label,))
        for label in cooling ^ self._cooling:
            figures.COOLING.labels(label).set(label in cooling)
        self._cooling = cooling

    def _feed(self) -> None:
        """Ask the sources that are due, and count what became of those before."""
        feeds = self._feeds()
        feeds.tick()
        for name, age in feeds.ages().items():
            if age is not None:
                figures.FEED_AGE.labels(name).set(age)
        for name, times in (feeds.errors - self._errors).items():
            self._metrics.count(figures.FEED_ERRORS, (name,), times)
        self._errors = feeds.errors.copy()

    def _renew(self) -> None:
        config = self._gateway().config
        if any(entry.provider == "chatgpt" for entry in config.model_providers):
            self._refresher.tick()
        if (self._search is None or self._search.done()) and time.monotonic() >= self._search_due:
            self._search_due = time.monotonic() + _KEYS_KEPT
            self._search = asyncio.create_task(asyncio.to_thread(self._authorizers.refresh, config))

    async def _count(self) -> None:
        left = True
        while left:
            left = self._metrics.flush(_COUNTED_AT_ONCE)
            await asyncio.sleep(0)
