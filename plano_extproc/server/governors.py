"""What governs agents in one worker, from one configuration to the next: stores stay open where they stay the same."""

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Final

from plano_extproc.config import Config
from plano_extproc.config.governance import Governance
from plano_extproc.governance import Entry, Rulebook
from plano_extproc.limits.buckets import NANOS
from plano_extproc.stores.board import PERIOD, Board
from plano_extproc.stores.governing import governance_store, open_ledger
from plano_extproc.stores.governor import Governor
from plano_extproc.stores.ledger_writer import LedgerWriter
from plano_extproc.telemetry.metrics import Metrics

_FIRST_LOOK_SECONDS: Final = 2.0
"""How long a worker waits for its first look before it serves all the same."""


class Governors:
    """Makes a governor for each configuration, and keeps the standing that all of them see up to date."""

    def __init__(self, home: Path, metrics: Metrics) -> None:
        """`home` is the PLANO_HOME."""
        self._home = home
        self._metrics = metrics
        self._failures: dict[str, int] = {}
        self._boards: dict[tuple[str, bool], Board] = {}
        self._writers: dict[str, LedgerWriter] = {}

    def of(self, config: Config) -> Governor | None:
        """Return what governs the agents of a configuration; None where it governs none."""
        book = Rulebook.of(config)
        if book.is_empty:
            return None
        return Governor(book, self._board(book.governance), self._writer(book.governance), count=self._count)

    async def look(self) -> None:
        """Look once at the standing of agents, before anyone is served."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                await asyncio.gather(*(board.look() for board in self._boards.values()))

    async def run(self) -> None:
        """Look several times a second, until cancelled."""
        while True:
            await asyncio.sleep(PERIOD)
            await asyncio.gather(*(board.look() for board in list(self._boards.values())))
            self._count_failures()

    async def close(self) -> None:
        """Write what is left, and close the stores."""
        for writer in self._writers.values():
            await asyncio.to_thread(writer.close)
        for board in self._boards.values():
            await board.store.close()

    def _count(self, entry: Entry) -> None:
        self._metrics.governed(
            entry.agent,
            entry.action,
            entry.decision,
            prompt=entry.input_tokens,
            completion=entry.output_tokens,
            dollars=(entry.nanos or 0) / NANOS,
        )

    def _count_failures(self) -> None:
        found = {
            "store": sum(board.failures for board in self._boards.values()),
            "ledger": sum(writer.failures for writer in self._writers.values()),
        }
        for what, failures in found.items():
            if (more := failures - self._failures.get(what, 0)) > 0:
                self._metrics.governance_failed(what, more)
        self._failures = found

    def _board(self, governance: Governance) -> Board:
        key = governance.store.get_secret_value(), governance.on_store_error == "open"
        if key not in self._boards:
            self._boards[key] = Board(governance_store(governance, self._home), is_open=key[1])
        return self._boards[key]

    def _writer(self, governance: Governance) -> LedgerWriter:
        ledger = governance.ledger
        key = f"{ledger.mode} {ledger.connection_string.get_secret_value() if ledger.connection_string else ''}"
        if key not in self._writers:
            self._writers[key] = LedgerWriter(partial(open_ledger, governance, self._home))
        return self._writers[key]
