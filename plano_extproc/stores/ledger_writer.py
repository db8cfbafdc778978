"""Writing the ledger off the path of requests: a thread takes what came, and adds it in one transaction.

`put` leaves an entry to the thread, which writes at the latest a twentieth of a second later: `kill -9` loses no more
than that. `committed` waits until an entry is written. Entries that cannot be written are kept and tried again; beyond
`MOST_WAITING` they are given up and counted.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from plano_extproc.governance.errors import LedgerUnavailable
from plano_extproc.governance.ledger import Entry
from plano_extproc.stores.contract import StoreError
from plano_extproc.stores.ledger import Ledger

_log = logging.getLogger(__name__)

MOST_WAITING: Final = 20_000
_DELAY: Final = 0.05
"""Seconds that entries are gathered for one transaction."""

_PAUSE: Final = 0.25
"""Seconds until a ledger that failed is tried again."""

_AT_ONCE: Final = 1000

_Waiter = Callable[[bool], None]


class LedgerWriter:
    """One worker's way to the ledger. `failures` counts writes that failed, `lost` entries that were given up."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        """Write to what `open_ledger` opens, in the thread and again after it broke; it may raise `StoreError`."""
        self._open = open_ledger
        self._ledger: Ledger | None = None
        self._waiting: deque[tuple[Entry, _Waiter | None]] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._is_away = False
        self.failures = 0
        self.lost = 0
        self.written = 0
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def is_away(self) -> bool:
        """Whether the last write failed, so that nothing more should be done that needs one."""
        return self._is_away

    def put(self, entry: Entry) -> None:
        """Have an entry written soon. Never waits, never raises."""
        self._add(entry, None)

    async def committed(self, entry: Entry) -> None:
        """Have an entry written; return when it is. Raises `LedgerUnavailable` where that fails."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[bool] = loop.create_future()

        def tell(is_written: bool) -> None:
            loop.call_soon_threadsafe(_resolve, written, is_written)

        self._add(entry, tell)
        self._hurry.set()
        if not await written:
            raise LedgerUnavailable

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._stopping.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join()
        if self._waiting:
            _log.error("%d entries of the ledger are lost: it cannot be written", len(self._waiting))

    def _add(self, entry: Entry, waiter: _Waiter | None) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                given_up = self._waiting.popleft()[1]
                self.lost += 1
                if given_up is not None:
                    given_up(False)
            self._waiting.append((entry, waiter))
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._stopping.is_set():
                self._hurry.wait(_DELAY)
            self._hurry.clear()
            self._wake.clear()
            is_stopping = self._stopping.is_set()
            if not self._write_all() and not is_stopping:
                self._stopping.wait(_PAUSE)
                self._wake.set()
            if is_stopping:
                break
        if self._ledger is not None:
            self._ledger.close()

    def _write_all(self) -> bool:
        while self._waiting:
            with self._lock:
                some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            try:
                if self._ledger is None:
                    self._ledger = self._open()
                self._ledger.append([entry for entry, _ in some])
            except StoreError as error:
                self._failed(error, some)
                return False
            self._is_away = False
            self.written += len(some)
            for _, waiter in some:
                if waiter is not None:
                    waiter(True)
        self._is_away = False
        return True

    def _failed(self, error: StoreError, some: list[tuple[Entry, _Waiter | None]]) -> None:
        self.failures += 1
        self._is_away = True
        # The first, and then every tenfold: a ledger that is away must not fill the log.
        if str(self.failures).strip("0") == "1":
            _log.error("%s (failure %d)", error, self.failures)
        # Those who wait are told, and go; what they did is still written when it can be.
        with self._lock:
            self._waiting.extendleft((entry, None) for entry, _ in reversed(some))
        for _, waiter in some:
            if waiter is not None:
                waiter(False)


def _resolve(written: asyncio.Future[bool], is_written: bool) -> None:
    if not written.done():
        written.set_result(is_written)
