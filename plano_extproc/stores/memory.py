"""Shared by nobody: the store of a single worker, of tests, and of what need not outlast a process."""

import bisect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from plano_extproc.limits.claims import Charge, Claim, Slots, Sum, Taken
from plano_extproc.stores.contract import SCANNED, StoreError

_SWEEP_EVERY = 1024
"""Writes between two looks for what has expired."""


@dataclass(slots=True)
class _Entry:
    value: bytes
    expires: float | None


class MemoryStore:
    """Keeps at most `most` entries, and as many slots, and `most_bytes` of values; the oldest go first."""

    def __init__(
        self, *, most: int = 100_000, most_bytes: int | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._slots: dict[str, dict[int, tuple[int, float]]] = {}
        self._writes = 0

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        return self._value(key)

    async def many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values."""
        return [self._value(key) for key in keys]

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep a value."""
        self._put(key, value, ttl)

    async def put(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values."""
        for key, value in values.items():
            self._put(key, value, ttl)

    async def renew(self, keys: Sequence[str], ttl: float) -> None:
        """Let values live on."""
        for key in keys:
            if self._value(key) is not None:
                self._entries[key].expires = self._now() + ttl

    async def delete(self, key: str) -> bool:
        """Forget a value."""
        there = self._value(key) is not None
        self._drop(key)
        return there

    async def swap(self, key: str, old: bytes | None, new: bytes | None, ttl: float | None = None) -> bool:
        """Replace exactly `old`."""
        if self._value(key) != old:
            return False
        if new is None:
            self._drop(key)
        else:
            self._put(key, new, ttl)
        return True

    async def add(self, sums: Sequence[Sum]) -> list[int]:
        """Add to counters."""
        try:
            before = [int(self._value(one.key) or 0) for one in sums]
        except ValueError:
            raise StoreError("a value that is no counter cannot be added to") from None
        assert len(before) == len(sums)
        return [self._add(one) for one in sums]

    async def scan(self, prefix: str, *, first: str = "", limit: int = SCANNED) -> list[tuple[str, bytes]]:
        """Return entries in order."""
        keys = sorted(key for key in self._entries if key.startswith(prefix) and key >= first)
        found = ((key, self._value(key)) for key in keys)
        return [(key, value) for key, value in found if value is not None][:limit]

    async def take(self, claims: Sequence[Claim]) -> Taken:
        """Grant all claims or none."""
        before = tuple(self._held(claim.key, claim.since) for claim in claims)
        pairs = zip(claims, before, strict=True)
        is_granted = all(claim.fits(sum(count for _, count in slots)) for claim, slots in pairs)
        if is_granted:
            for claim in claims:
                self._charge(claim.key, claim.slot, claim.amount, claim.ttl)
        return Taken(is_granted, before)

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Add to slots."""
        for one in charges:
            self._charge(one.key, one.slot, one.amount, one.ttl)

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._slots.clear()
        self._bytes = 0

    def _value(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None or (entry.expires is not None and entry.expires <= self._now()):
            return None
        return entry.value

    def _put(self, key: str, value: bytes, ttl: float | None) -> None:
        self._drop(key)
        self._entries[key] = _Entry(value, None if ttl is None else self._now() + ttl)
        self._bytes += len(key) + len(value)
        self._tidy()

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(key) + len(entry.value)

    def _add(self, one: Sum) -> int:
        value = self._value(one.key)
        total = int(value or 0) + one.amount
        if value is None:
            self._put(one.key, b"%d" % total, one.ttl)
        else:
            self._entries[one.key].value = b"%d" % total
            self._bytes += len(b"%d" % total) - len(value)
        return total

    def _held(self, key: str, since: int) -> Slots:
        slots = self._slots.get(key, {})
        kept = sorted(slots)
        return tuple((slot, slots[slot][0]) for slot in kept[bisect.bisect_left(kept, since) :])

    def _charge(self, key: str, slot: int, amount: int, ttl: float) -> None:
        slots = self._slots.setdefault(key, {})
        slots[slot] = (slots.get(slot, (0, 0.0))[0] + amount, self._now() + ttl)
        for old in [one for one, (_, expires) in slots.items() if expires <= self._now()]:
            del slots[old]
        self._tidy()

    def _tidy(self) -> None:
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            now = self._now()
            for key in [k for k, entry in self._entries.items() if entry.expires is not None and entry.expires <= now]:
                self._drop(key)
            for key in [k for k, slots in self._slots.items() if all(ends <= now for _, ends in slots.values())]:
                del self._slots[key]
        while len(self._entries) > self._most or (self._most_bytes is not None and self._bytes > self._most_bytes):
            self._drop(next(iter(self._entries)))
        while len(self._slots) > self._most:
            del self._slots[next(iter(self._slots))]
