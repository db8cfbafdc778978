"""What the listener position tells the attempts of a chain, by way of Envoy: who serves which try, and when to go on.

It is written into dynamic metadata, and comes back with the stream of each attempt, beside what Envoy itself knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson

from plano_extproc import headers
from plano_extproc.config.models import Refusal
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.surface import surface
from plano_extproc.routing import Choice

_OF_A_TRY = frozenset(headers.OF_A_TRY)
_CACHE = frozenset((headers.CACHE,))
_CREDENTIALS = frozenset(headers.CREDENTIALS)
_NONE: frozenset[str] = frozenset()

_CHAT = "/v1/chat/completions"


class Candidate(NamedTuple):
    """The name of an entry, its model, and the id of the agent that the entry stands for, if it does."""

    entry: str
    model: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class Before:
    """What became of the try before, as far as it is known.

    `is_counted` says that it was an attempt's, which has counted it. Else its `status` is 0 where it had no answer;
    `retry_after` is the header of that name.
    """

    is_counted: bool = True
    status: int = 0
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Tries:
    """A chain as its attempts know it.

    `candidates` are in the order of the tries; `number` counts from 1. `own` are headers of the client that an earlier
    try may have replaced, `query` is the client's. `is_watched` says that an answer is held until it has begun. `path`
    is what the body is for, where that is not the client's path. `late` is after how many seconds Envoy asks the next
    candidate beside this one, 0 for never, and None where the chain is not hedged; `begun` is when this try began, in
    seconds since 1970.
    """

    candidates: tuple[Candidate, ...]
    statuses: frozenset[int]
    refusals: frozenset[Refusal]
    number: int
    own: Mapping[str, bytes]
    query: str = ""
    before: Before = Before()
    is_watched: bool = False
    path: str | None = None
    late: float | None = None
    begun: float | None = None

    @property
    def is_hedged(self) -> bool:
        """Whether other tries may run beside this one."""
        return self.late is not None

    @property
    def current(self) -> Candidate:
        """Who serves this try."""
        return self.candidates[min(self.number, len(self.candidates)) - 1]

    @property
    def earlier(self) -> tuple[Candidate, ...]:
        """Those of the tries before it."""
        return self.candidates[: self.number - 1]

    @property
    def is_last(self) -> bool:
        """Whether nobody is left to try."""
        return self.number >= len(self.candidates)

    @property
    def counted(self) -> Mapping[str, str]:
        """What tells the next attempt that this try needs no counting any more."""
        return {"counted": str(self.number)}

    def goes_on(self, status: int) -> bool:
        """Whether Envoy drops an answer of this status and tries the next candidate."""
        return not self.is_last and (status >= 500 or status in self.statuses)


def encoded(
    plans: tuple[Plan, ...],
    statuses: tuple[int, ...],
    refusals: tuple[Refusal, ...],
    is_watched: bool,
    label: Callable[[Choice], str],
    late: float | None,
) -> str:
    """Return who serves which try, and when the next one's turn is, as a header can carry it."""
    candidates = [(label(plan.choice), plan.choice.model, plan.choice.agent) for plan in plans]
    return quote(orjson.dumps([candidates, statuses, refusals, is_watched, late]))


def own(ask: Ask, tried: tuple[Plan, ...]) -> str | None:
    """Return what attempts need of the client's request and may not find in it any more; None where that is nothing.

    `tried` are the plans of those tries that have an attempt.
    """
    wanted = _OF_A_TRY if any(plan.way is Way.BYPASS for plan in tried) else _NONE
    if ask.has_spare_credential and any(plan.upstream.is_passthrough for plan in tried):
        wanted |= _CREDENTIALS
    if any(plan.takes_marks for plan in tried):
        wanted |= _CACHE
    # One look at all that are there: asking for one that is not reads them all.
    kept = {name: ask.headers[name] for name in ask.headers if name in wanted} if wanted else {}
    path = _path(ask)
    if not kept and not ask.query and path is None:
        return None
    return quote(orjson.dumps([{name: value.decode("latin-1") for name, value in kept.items()}, ask.query, path]))


def _path(ask: Ask) -> str | None:
    """Return the path of what is sent on, where the client asked for something else and it was put into chat."""
    path = ask.headers.get(":path", b"").decode("latin-1").partition("?")[0]
    return None if ask.surface.api != "openai.chat" or surface(path) in (ask.surface, None) else _CHAT


def tries(said: Mapping[str, str]) -> Tries:
    """Return a chain as what Envoy says with an attempt's stream tells it: what `encoded` and `own` have written."""
    found, statuses, refusals, is_watched, late = orjson.loads(unquote(said[headers.CANDIDATES]))
    kept = said.get(headers.OWN)
    sent, query, path = orjson.loads(unquote(kept)) if kept else ({}, "", None)
    number = int(said[headers.ATTEMPT])
    return Tries(
        tuple(Candidate(*candidate) for candidate in found),
        frozenset(statuses),
        frozenset(refusals),
        number,
        {name: value.encode("latin-1") for name, value in sent.items()},
        query,
        _before(number, said),
        is_watched,
        path,
        late,
        _seconds(said.get(headers.BEGUN, "")),
    )


def _seconds(said: str) -> float | None:
    """Return a time as Envoy writes it, None where it says none."""
    try:
        return float(said)
    except ValueError:
        return None


def _before(number: int, said: Mapping[str, str]) -> Before:
    if number == 1 or headers.BEGUN in said or said.get(headers.COUNTED) == str(number - 1):
        return Before()
    if number > 2:
        # What is said of a status is of the first try, the only one without an attempt.
        return Before(is_counted=False)
    status = said.get(headers.FAILED_STATUS, "")
    return Before(
        is_counted=False,
        status=int(status) if status.isdecimal() else 0,
        retry_after=said.get(headers.FAILED_RETRY_AFTER, ""),
    )
