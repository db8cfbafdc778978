"""What a limit asks of the store that counts, and what it is told.

A count is kept in slots, each a stretch of time; which slots count against a bound is the window's business
(`plano_extproc.limits.windows`). The store only adds numbers up, and does so for several claims at once or for none.
"""

from dataclasses import dataclass

Slots = tuple[tuple[int, int], ...]
"""Slots and what each holds, oldest first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Take `amount` where what the slots from `since` on hold leaves room for it under `bound`.

    It is counted in `slot`, which is kept for `ttl` seconds. No two claims that are made together have one key.
    """

    key: str
    slot: int
    since: int
    amount: int
    bound: int
    ttl: float

    def fits(self, held: int) -> bool:
        """Return whether there is room beside what is held."""
        return held + self.amount <= self.bound


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of claims made together: all were granted or none. `before` is what each claim's slots held."""

    is_granted: bool
    before: tuple[Slots, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """Add an amount to a slot, below zero to give back, whatever bound there is."""

    key: str
    slot: int
    amount: int
    ttl: float


@dataclass(frozen=True, slots=True)
class Sum:
    """Add an amount to a counter. A counter that is made by this lives for `ttl` seconds, for ever where it is None."""

    key: str
    amount: int
    ttl: float | None = None
