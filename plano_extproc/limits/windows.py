"""The times that limits are for: rolling windows for rates, calendar windows for money.

A rolling window is counted in slots of a twentieth of its length, and the slot in which it begins counts whole. So no
window of that length, whenever it begins, ever holds more than the limit, and what was taken comes back at most a
twentieth late. Fixed windows, and the estimate of a sliding window from two fixed ones, let nearly twice as much
through around a border.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from plano_extproc.limits.claims import Slots

_PARTS: Final = 20
SECONDS: Final[Mapping[str, int]] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Window(Protocol):
    """When what is counted stops counting. All times are in seconds since 1970."""

    def slot(self, now: float) -> int:
        """Return the slot of a moment."""

    def since(self, now: float) -> int:
        """Return the first slot that counts at a moment."""

    def ends(self, slot: int) -> float:
        """Return when a slot counts no more."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last so many seconds."""

    seconds: int

    def slot(self, now: float) -> int:
        """Return the slot of a moment."""
        return int(now * 1000) // self._width

    def since(self, now: float) -> int:
        """Return the slot in which the window that ends now began."""
        return self.slot(now) - _PARTS

    def ends(self, slot: int) -> float:
        """Return when a slot counts no more."""
        return (slot + _PARTS + 1) * self._width / 1000

    @property
    def _width(self) -> int:
        """Milliseconds in a slot."""
        return self.seconds * 1000 // _PARTS


@dataclass(frozen=True, slots=True)
class Calendar:
    """The current minute, hour, day, week or month in UTC. A week begins on Monday."""

    per: str

    def slot(self, now: float) -> int:
        """Return when the current one began."""
        return _begin(self.per, int(now) // 60)

    def since(self, now: float) -> int:
        """Return the same: nothing from before counts."""
        return self.slot(now)

    def ends(self, slot: int) -> float:
        """Return when the next one begins."""
        # From the first of a month, 31 days lead into the next one, whose beginning is looked for.
        return float(self.slot(slot + _LONGEST[self.per]))


def room_at(window: Window, slots: Slots, amount: int, bound: int) -> float | None:
    """Return when an amount fits beside what the slots hold; None where it never does."""
    if amount > bound:
        return None
    held = sum(count for _, count in slots)
    for slot, count in slots:
        held -= count
        if held + amount <= bound:
            return window.ends(slot)
    return None


def empty_at(window: Window, slots: Slots, now: float) -> float:
    """Return when nothing of what the slots hold counts any more."""
    return max((window.ends(slot) for slot, count in slots if count > 0), default=now)


@lru_cache(maxsize=256)
def _begin(per: str, minute: int) -> int:
    """Return when the window of a minute began; every one begins with a whole minute."""
    return int(_BEGINNINGS[per](datetime.fromtimestamp(minute * 60, UTC)).timestamp())


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


_LONGEST: Final[Mapping[str, int]] = {**SECONDS, "week": 7 * 86400, "month": 31 * 86400}
_BEGINNINGS: Final[Mapping[str, Callable[[datetime], datetime]]] = {
    "minute": lambda moment: moment.replace(second=0, microsecond=0),
    "hour": lambda moment: moment.replace(minute=0, second=0, microsecond=0),
    "day": _midnight,
    "week": lambda moment: _midnight(moment) - timedelta(days=moment.weekday()),
    "month": lambda moment: _midnight(moment).replace(day=1),
}
