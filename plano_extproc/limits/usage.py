"""The record of what was used: requests, tokens and money, by client, model, agent and purpose.

Every figure is a counter in the shared store, for an hour and for a day, so that all workers add to one record and a
question about the last hours or the last months reads few of them. A worker adds up in memory, and tells the store now
and then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from plano_extproc.limits.buckets import NANOS
from plano_extproc.limits.claims import Sum

PREFIX: Final = "plano:usage:"

_HOUR, _DAY = 3600, 86400
_KEPT: Final[Mapping[str, tuple[int, float]]] = {"h": (_HOUR, 9.0 * _DAY), "d": (_DAY, 400.0 * _DAY)}
"""Lengths of time, and how long their figures are kept, in seconds."""

FINE_SECONDS: Final = 8 * _DAY
"""How far back a question is answered by the hour; beyond, by the day."""

REQUEST: Final = "request"
"""The purpose of what clients ask for themselves."""

_NONE = "-"


@dataclass(slots=True)
class Totals:
    """Figures of many exchanges. `input` is all that was read, `cached` the part of it that a provider's cache held.

    `requests` are those of clients, `calls` those of models on behalf of a request, such as a router's. `nanos` is
    money in billionths of a dollar; `unpriced` counts the requests and calls whose model has no known price.
    """

    requests: int = 0
    calls: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    nanos: int = 0
    unpriced: int = 0

    @property
    def usd(self) -> float:
        """Money in dollars."""
        return self.nanos / NANOS


@dataclass(frozen=True, slots=True)
class Who:
    """Whose figures they are; empty where there was none. A `purpose` is `REQUEST`, or who asked on behalf of one."""

    client: str = ""
    model: str = ""
    agent: str = ""
    purpose: str = REQUEST


class Tally:
    """Figures that the store has not been told yet."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, float]] = Counter()

    def add(self, who: Who, totals: Totals, now: float) -> None:
        """Count one exchange that ended at `now`, in seconds since 1970."""
        for letter, (length, kept) in _KEPT.items():
            head = f"{PREFIX}{letter}:{int(now) // length * length}:{_key(who)}"
            for field in _FIELDS:
                if count := getattr(totals, field):
                    self._counts[f"{head}:{field}", kept] += count

    def drain(self) -> tuple[Sum, ...]:
        """Return what is to be added, and forget it."""
        counts, self._counts = self._counts, Counter()
        return tuple(Sum(key, amount, kept) for (key, kept), amount in counts.items())

    def put_back(self, sums: Iterable[Sum]) -> None:
        """Remember what the store could not be told."""
        for one in sums:
            self._counts[one.key, one.ttl or 0.0] += one.amount


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch of time whose figures answer a question: `prefix` of their keys, `first` key among them."""

    prefix: str
    first: str
    since: float


def period(now: float, seconds: float) -> Period:
    """Return where the figures of the last so many seconds are; it begins with a whole hour or day."""
    letter = "h" if seconds <= FINE_SECONDS else "d"
    length = _KEPT[letter][0]
    begin = int(now - seconds) // length * length
    return Period(f"{PREFIX}{letter}:", f"{PREFIX}{letter}:{begin}:", begin)


def rows(entries: Iterable[tuple[str, bytes]]) -> Iterator[tuple[int, Who, str, int]]:
    """Yield time, whose, field and count of the store's entries; what is not ours to read is left out."""
    for key, value in entries:
        *parts, field = key.removeprefix(PREFIX).split(":")
        if len(parts) in (5, 6) and field in _FIELDS and parts[1].isdigit():
            who = Who(*("" if part == _NONE else unquote(part) for part in parts[2:]))
            yield int(parts[1]), who, field, int(value)


def by(entries: Iterable[tuple[str, bytes]], name: str, client: str | None = None) -> dict[str, Totals]:
    """Add figures up by `client`, `model`, `agent`, `purpose` or `day` (its date), of one client or of all."""
    found: dict[str, Totals] = {}
    for at, who, field, count in rows(entries):
        if client is not None and who.client != client:
            continue
        totals = found.setdefault(_date(at) if name == "day" else getattr(who, name), Totals())
        setattr(totals, field, getattr(totals, field) + count)
    return found


def _date(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _key(who: Who) -> str:
    # What clients ask for themselves is most: it needs no word.
    purpose = () if who.purpose == REQUEST else (who.purpose,)
    return ":".join(quote(part, safe="/@. ") or _NONE for part in (who.client, who.model, who.agent, *purpose))


_FIELDS: Final = frozenset(field.name for field in fields(Totals))
