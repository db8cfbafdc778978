"""What nobody waits for, but must not be lost: run to its end, also when the worker stops."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

_log = logging.getLogger(__name__)

_LONGEST: Final = 10.0
"""Seconds that a stop waits for what is under way."""


class Background:
    """The tasks of one worker that no exchange waits for."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin it; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("what was left to do after an exchange failed", exc_info=error)

    async def settle(self) -> None:
        """Wait for all that is under way, within reason."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_LONGEST)
            for task in left:
                task.cancel()
