"""Cool-down: an entry that fails several times in a row goes to the end of every order for a while.

Nothing is taken out: where all candidates are cooling, their order is as if none were. A provider that says when to
come back is believed at once, from its first refusal on. When the time is over the entry is tried again, and one more
failure is enough to cool it anew; one answer clears it, unless that was asked for before the entry was known to cool.
"""

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY_PREFIX: Final = "plano:cooldown:"
"""Of the keys in a store that workers share; the label of an entry follows."""

LONGEST: Final = 3600.0
"""Most seconds that a provider's own word is believed: a day's `retry-after` is more often a mistake than a plan."""

REMEMBERED: Final = 600.0
"""Seconds after which failures that led to nothing are forgotten: the time to live of a stored state."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When an entry cools down: after so many failures in a row, for so many seconds."""

    after: int
    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """What is known of an entry: its failures in a row, and the time (seconds since 1970) until which it cools."""

    failures: int = 0
    until: float = 0.0

    def is_cooling(self, now: float) -> bool:
        """Return whether the entry is to be tried last."""
        return now < self.until

    def failed(self, rule: Rule, now: float, retry_after: float | None = None) -> "State":
        """Return the state after one more failure; `retry_after` in seconds is the provider's own word."""
        failures = min(self.failures + 1, rule.after)
        if retry_after is not None:
            return State(failures, max(self.until, now + min(max(retry_after, 0.0), LONGEST)))
        return State(failures, max(self.until, now + rule.seconds) if failures >= rule.after else self.until)

    def merged(self, other: "State") -> "State":
        """Return what two workers know together: the longer cool-down, the more failures."""
        return State(max(self.failures, other.failures), max(self.until, other.until))

    def encoded(self) -> bytes:
        """Return the state as a store keeps it: `failures:until`, the time in milliseconds."""
        return b"%d:%d" % (self.failures, int(self.until * 1000))

    def time_to_live(self, now: float) -> float:
        """Return seconds for which a store needs it."""
        return max(self.until - now, 0.0) + REMEMBERED


FINE: Final = State()
"""Of an entry of which nothing bad is known."""


def decoded(data: bytes | None) -> State:
    """Return a stored state; what is absent or cannot be read is `FINE`."""
    failures, colon, until = (data or b"").partition(b":")
    if not (colon and failures.isdigit() and until.isdigit()):
        return FINE
    return State(int(failures), int(until) / 1000)


class Board:
    """What one worker knows of all entries. It has no clock and no store: it says what is new, and is told."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._states: dict[str, State] = {}
        self._heard: dict[str, float] = {}
        """When the latest of an entry's state became known here."""
        self._news: set[str] = set()

    def failed(self, label: str, now: float, retry_after: float | None = None) -> State:
        """Count a failure and return the state."""
        self._news.add(label)
        state = self._states[label] = self._states.get(label, FINE).failed(self._rule, now, retry_after)
        self._heard[label] = now
        return state

    def answered(self, label: str, now: float, waited: float = 0.0) -> bool:
        """Clear an entry that has answered after so many seconds; return whether there was anything to clear.

        While a provider refuses new requests, those that it has begun with go on to be answered.
        """
        state = self._states.get(label)
        if state is None or (state.is_cooling(now) and now - waited < self._heard[label]):
            return False
        del self._states[label]
        self._news.add(label)
        return True

    def news(self) -> frozenset[str]:
        """Return the labels of the entries of which the other workers do not know, and forget that they do not."""
        news, self._news = frozenset(self._news), set()
        return news

    def remind(self, news: frozenset[str]) -> None:
        """Take back news that could not be told."""
        self._news |= news

    def state(self, label: str) -> State:
        """Return what is known of an entry."""
        return self._states.get(label, FINE)

    def hear(self, told: Mapping[str, bytes], news: frozenset[str], now: float) -> None:
        """Take all that the store holds, by label. Of entries that are news, also since then, it does not know all.

        An entry that it does not hold is fine: another worker has seen it answer.
        """
        news |= self._news
        for label in told.keys() | self._states.keys():
            state = decoded(told.get(label))
            if label not in news:
                self.learn(label, told.get(label), now)
            elif label in self._states and state != FINE:
                self._merge(label, state, now)

    def learn(self, label: str, data: bytes | None, now: float) -> None:
        """Take what the store holds: None clears the entry, since another worker has seen it answer."""
        state = decoded(data)
        if state == FINE:
            self._states.pop(label, None)
        else:
            self._merge(label, state, now)

    def _merge(self, label: str, state: State, now: float) -> None:
        before = self._states.get(label, FINE)
        made = self._states[label] = before.merged(state)
        if made != before:
            self._heard[label] = now

    def cooling(self, now: float) -> frozenset[str]:
        """Return the labels of entries that are to be tried last."""
        if not self._states:
            return _NONE
        return frozenset([label for label, state in self._states.items() if state.is_cooling(now)])


_NONE: Final[frozenset[str]] = frozenset()


def counts(status: int, *, own_key: bool) -> bool:
    """Return whether a status speaks against the entry. A refused key does where it is ours, not the caller's own."""
    return status in (408, 429) or status >= 500 or (own_key and status in (401, 402, 403))


def retry_after(headers: Mapping[str, bytes], now: float) -> float | None:
    """Return in how many seconds a provider wants to be asked again; None where it does not say, or not readably."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is not None or given is None:
        return seconds
    try:
        return max(email.utils.parsedate_to_datetime(given.decode("latin-1")).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


def _number(given: bytes | None) -> float | None:
    try:
        value = float(given or b"")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
