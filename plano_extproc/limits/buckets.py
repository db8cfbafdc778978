"""A bucket: one amount of one thing in one window, for one subject. Rate limits and budgets are both buckets."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from plano_extproc.limits.claims import Charge, Claim
from plano_extproc.limits.windows import Window

Kind = Literal["requests", "tokens", "usd"]

NANOS = 1_000_000_000
"""Money is counted in billionths of a US dollar, so that one cheap token still counts."""

_SLACK = 5.0
"""Seconds that a slot is kept beyond its end, for clocks of machines that differ a little."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What may be taken. `key` is its name in the store, `words` says for people whose and which it is.

    `bound` counts requests, tokens, or `NANOS`.
    """

    key: str
    kind: Kind
    bound: int
    window: Window
    words: str

    def claim(self, amount: int, now: float) -> Claim:
        """Return what to ask the store."""
        slot = self.window.slot(now)
        return Claim(self.key, slot, self.window.since(now), amount, self.bound, self._ttl(slot, now))

    def charge(self, amount: int, slot: int, now: float) -> Charge | None:
        """Return what to tell the store; None where nothing changes, or the slot counts no more."""
        if amount == 0 or slot < self.window.since(now):
            return None
        return Charge(self.key, slot, amount, self._ttl(slot, now))

    def _ttl(self, slot: int, now: float) -> float:
        return self.window.ends(slot) - now + _SLACK


def key_of(*parts: str) -> str:
    """Return the key of a bucket. Parts are hashed: a header's value may be long, and may be a secret."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return f"plano:limit:{digest}"
