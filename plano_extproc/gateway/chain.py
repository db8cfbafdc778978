"""A chain: several candidates for one request, of which Envoy tries the next where one fails.

The listener position chooses the candidates and their order, and serves the first as if it were the only one, so a
first try that succeeds costs no more than a request without a chain. Every other try has an exchange of its own at the
attempt position, which translates and pays for its candidate (`gateway.attempt`). The two share nothing but what
`encoded` and `own` say and, where the first try changes it, the body as the client sent it; so any worker may serve
either. Where more than the status decides on moving on, the first try has an attempt too, and a stream is watched until
its first token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson

from plano_extproc import headers
from plano_extproc.config.models import Refusal
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.surface import surface
from plano_extproc.routing import Choice

_OF_A_TRY = frozenset(headers.OF_A_TRY)
_CACHE = frozenset((headers.CACHE,))
_CREDENTIALS = frozenset(headers.CREDENTIALS)
_NONE: frozenset[str] = frozenset()

_CHAT = "/v1/chat/completions"

PASSING = (408, 429)
"""Statuses below 500 that another candidate may not answer with."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to go on to the next candidate.

    No connection, a reset, a time-out and every status from 500 always count, and so do `statuses` below it; `refusals`
    are what an error with another status may say. Times are in seconds: `first_byte` bounds each try, `first_token`
    takes its place for streams, and `total` bounds all tries together. `route` names Envoy's route, which has the
    pauses between tries.
    """

    statuses: tuple[int, ...] = PASSING
    refusals: tuple[Refusal, ...] = ()
    first_byte: float | None = None
    first_token: float | None = None
    total: float | None = None
    route: str = headers.CHAIN_ROUTE

    @property
    def is_watched(self) -> bool:
        """Whether more than the status of an answer decides, so that every try needs an exchange, the first one too."""
        return bool(self.refusals or self.first_token)

    def per_try(self, *, is_stream: bool) -> float | None:
        """Return how long a try may take before its answer begins."""
        return self.first_token if is_stream and self.first_token else self.first_byte


@dataclass(slots=True, eq=False)
class Chain:
    """Plans in the order in which they are tried, and what their requests and answers share."""

    plans: tuple[Plan, ...]
    request: dict[bool, Changes] | None
    """For a first try that is served at the listener position; None where an attempt must see that one too."""
    attempts: dict[bool, Changes]
    """The same where all tries have attempts."""
    response: tuple[dict[BodyMode | None, Changes], ...]

    def served(self, attempts: int) -> int:
        """Return the index of the plan that a number of attempts led to."""
        return min(max(attempts, 1), len(self.plans)) - 1


def chain(plans: tuple[Plan, ...], policy: Policy, label: Callable[[Choice], str]) -> Chain:
    """Work out everything about serving by `plans`, in this order, that does not depend on the body.

    `label` names the entry of a choice, uniquely in its configuration.
    """
    said = encoded(plans, policy, label)
    here, attempts = (
        {
            is_stream: _request(plans, policy, changes, said, is_stream=is_stream, is_here=is_here)
            for is_stream, changes in plans[0].request.items()
        }
        for is_here in (True, False)
    )
    return Chain(plans, None if policy.is_watched else here, attempts, tuple(map(_response, plans, range(len(plans)))))


def _request(
    plans: tuple[Plan, ...], policy: Policy, changes: Changes, said: str, *, is_stream: bool, is_here: bool
) -> Changes:
    prefix = headers.ATTEMPT_PREFIX
    first = plans[0].upstream.cluster
    more: list[tuple[str, bytes]] = [
        (headers.CLUSTER, policy.route.encode()),
        ("x-envoy-max-retries", b"%d" % (len(plans) - 1)),
        ("x-envoy-retriable-status-codes", ",".join(map(str, policy.statuses)).encode()),
    ]
    times = {
        "x-envoy-upstream-rq-per-try-timeout-ms": policy.per_try(is_stream=is_stream),
        "x-envoy-upstream-rq-timeout-ms": policy.total,
    }
    more += [(name, b"%d" % int(seconds * 1000)) for name, seconds in times.items() if seconds]
    names = {*times, *(name for name, _ in more)}
    kept = [pair for pair in changes.set if pair[0] not in names] if is_here else []
    return replace(
        changes,
        set=(*kept, *more),
        remove=changes.remove if is_here else headers.CREDENTIALS,
        metadata={**changes.metadata, "candidates": said, "way": "chain"},
        clusters=(first if is_here else prefix + first, *(prefix + plan.upstream.cluster for plan in plans[1:])),
        wire=None,
    )


def _response(plan: Plan, index: int) -> dict[BodyMode | None, Changes]:
    if index == 0:
        return plan.response
    reason = f"{plan.choice.reason}; candidate {index + 1} after the others failed"
    told = reason.encode("ascii", "replace")
    return {
        mode: replace(
            answer,
            remove=(headers.LOST, *answer.remove),
            set=tuple((name, told if name == headers.ROUTE_REASON else value) for name, value in answer.set),
            metadata={**({} if plan.choice.agent else {"model": plan.choice.name}), "reason": reason},
            wire=None,
        )
        for mode, answer in plan.response.items()
    }


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
    is what the body is for, where that is not the client's path.
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


def encoded(plans: tuple[Plan, ...], policy: Policy, label: Callable[[Choice], str]) -> str:
    """Return who serves which try, and when the next one's turn is, as a header can carry it."""
    candidates = [(label(plan.choice), plan.choice.model, plan.choice.agent) for plan in plans]
    return quote(orjson.dumps([candidates, policy.statuses, policy.refusals, policy.is_watched]))


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
    found, statuses, refusals, is_watched = orjson.loads(unquote(said[headers.CANDIDATES]))
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
    )


def _before(number: int, said: Mapping[str, str]) -> Before:
    if number == 1 or said.get(headers.COUNTED) == str(number - 1):
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
