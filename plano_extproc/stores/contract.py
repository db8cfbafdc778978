"""What every store can do. All backends pass one suite of tests, `tests/stores/test_contract.py`.

Keys are text, values are bytes, a time to live is in seconds and None means for ever. A counter's value is its decimal
digits. Slots (`take`, `charge`) are a space of keys of their own. Each operation happens whole or not at all, whoever
else is at work. A store that cannot answer raises `StoreError`, soon.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from plano_extproc.limits.claims import Charge, Claim, Sum, Taken

SCANNED: Final = 1000
"""Entries that one `scan` returns unless told otherwise."""


class StoreError(Exception):
    """The store is away, too slow, or broken. The message says which store and why; it holds no credential."""


class SharedStore(Protocol):
    """Small shared state. Methods may be called concurrently, from one event loop."""

    async def get(self, key: str) -> bytes | None:
        """Return a value, None where there is none."""

    async def many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, in their order."""

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep a value in place of what was there."""

    async def put(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep several values in place of what was there, all at once."""

    async def renew(self, keys: Sequence[str], ttl: float) -> None:
        """Let values live for `ttl` seconds from now; what is not there stays away."""

    async def delete(self, key: str) -> bool:
        """Forget a value; return whether there was one."""

    async def swap(self, key: str, old: bytes | None, new: bytes | None, ttl: float | None = None) -> bool:
        """Put `new` in place of exactly `old`; None is the absence of a value. Return whether it was done."""

    async def add(self, sums: Sequence[Sum]) -> list[int]:
        """Add to counters, all at once; return their totals. An absent counter is 0, and its time begins with this."""

    async def scan(self, prefix: str, *, first: str = "", limit: int = SCANNED) -> list[tuple[str, bytes]]:
        """Return at most `limit` entries whose keys begin with `prefix`, from the key `first` on, in order of keys."""

    async def take(self, claims: Sequence[Claim]) -> Taken:
        """Grant all claims or none."""

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Add to slots, whatever their bounds."""

    async def close(self) -> None:
        """Let go of what is held. Nothing may be asked afterwards."""
