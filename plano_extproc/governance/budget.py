"""The error budget of an agent: how many errors it made lately, and whether that is too many.

Errors are counted in parts of the window, so that the value in the store stays small however many there are. The part
in which the window begins counts whole: no window of that length ever holds more errors than the budget unnoticed.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

import orjson

from plano_extproc.config.governance import ErrorBudget

ErrorKind = Literal["server_error", "timeout", "guard_block", "low_confidence", "forbidden_action"]

_PARTS: Final = 20
_MOST_COUNTED: Final = 1_000_000
PREFIX: Final = "plano:governance:errors:"


@dataclass(frozen=True, slots=True)
class Spending:
    """What became of one more error. `until` is when the window ends that is full; None where there is room left."""

    value: bytes
    made: int
    until: float | None


def key(tenant: str, agent: str) -> str:
    """Return where the errors of an agent are counted."""
    return f"{PREFIX}{quote(tenant, safe='')}:{quote(agent, safe='')}"


def spend(budget: ErrorBudget, value: bytes | None, now: float) -> Spending:
    """Return the count after one more error, from what the store held before; `now` in seconds since 1970."""
    width = budget.per / _PARTS
    slot = int(now / width)
    counts = {at: count for at, count in _counts(value) if slot - _PARTS <= at <= slot}
    counts[slot] = min(counts.get(slot, 0) + 1, _MOST_COUNTED)
    made = sum(counts.values())
    until = None
    if made >= max(1, budget.errors):
        until = (min(counts) + _PARTS + 1) * width
    return Spending(orjson.dumps(sorted(counts.items())), made, until)


def made(budget: ErrorBudget, value: bytes | None, now: float) -> int:
    """Return how many errors count at the moment."""
    slot = int(now / (budget.per / _PARTS))
    return sum(count for at, count in _counts(value) if slot - _PARTS <= at <= slot)


def _counts(value: bytes | None) -> list[tuple[int, int]]:
    if value is None:
        return []
    try:
        told: Any = orjson.loads(value)
        return [(int(at), int(count)) for at, count in told]
    except (ValueError, TypeError):
        # A value that nobody here wrote: the count begins anew.
        return []
