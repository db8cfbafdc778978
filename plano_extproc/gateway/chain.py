"""A chain: several candidates for one request, of which Envoy tries the next where one fails.

The listener position chooses the candidates and their order. A candidate that comes first and speaks the caller's
dialect is served as on the bypass way, so a first try that succeeds costs no more than a request without a chain.
Every other try has an exchange of its own at the attempt position, which translates and pays for its candidate
(`gateway.attempt`). The two share nothing but what `encoded` says, so any worker may serve either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson

from plano_extproc import headers
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.routing import Choice

ATTEMPT_PREFIX = "attempt_"
"""Of the name of a provider's second cluster, which asks the sidecar once for each try."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to go on to the next candidate.

    `statuses` are those of an answer; no connection, a reset and a time-out always count. `first_byte` bounds each try,
    in seconds. `is_watched` asks for an exchange at every try, the first one too. `route` names Envoy's route, which
    has the pauses between tries.
    """

    statuses: tuple[int, ...]
    first_byte: float | None = None
    is_watched: bool = False
    route: str = headers.CHAIN_ROUTE


@dataclass(slots=True, eq=False)
class Chain:
    """Plans in the order in which they are tried, and what their requests and answers share."""

    plans: tuple[Plan, ...]
    request: dict[bool, Changes]
    response: tuple[dict[BodyMode | None, Changes], ...]
    is_first_served_here: bool

    def served(self, attempts: int) -> int:
        """Return the index of the plan that a number of attempts led to."""
        return min(max(attempts, 1), len(self.plans)) - 1


def chain(plans: tuple[Plan, ...], policy: Policy, label: Callable[[Choice], str]) -> Chain:
    """Work out everything about serving by `plans`, in this order, that does not depend on the body.

    `label` names the entry of a choice, uniquely in its configuration.
    """
    first = plans[0]
    is_first_served_here = first.way is Way.BYPASS and first.profile.fit is None and not policy.is_watched
    here = first.upstream.cluster if is_first_served_here else ATTEMPT_PREFIX + first.upstream.cluster
    clusters = (here, *(ATTEMPT_PREFIX + plan.upstream.cluster for plan in plans[1:]))
    more: list[tuple[str, bytes]] = [
        (headers.CLUSTER, policy.route.encode()),
        ("x-envoy-max-retries", b"%d" % (len(plans) - 1)),
        ("x-envoy-retriable-status-codes", ",".join(map(str, policy.statuses)).encode()),
    ]
    if policy.first_byte:
        more.append(("x-envoy-upstream-rq-per-try-timeout-ms", b"%d" % int(policy.first_byte * 1000)))
    names = {name for name, _ in more}
    request = {}
    for is_stream, changes in first.request.items():
        kept = [pair for pair in changes.set if pair[0] not in names] if is_first_served_here else []
        request[is_stream] = replace(
            changes,
            set=(*kept, *more),
            remove=changes.remove if is_first_served_here else headers.CREDENTIALS,
            metadata={**changes.metadata, "candidates": encoded(plans, policy.statuses, label), "way": "chain"},
            clusters=clusters,
            wire=None,
        )
    return Chain(plans, request, tuple(map(_response, plans, range(len(plans)))), is_first_served_here)


def _response(plan: Plan, index: int) -> dict[BodyMode | None, Changes]:
    if index == 0:
        return plan.response
    reason = f"{plan.choice.reason}; candidate {index + 1} after the others failed"
    answer = plan.response[None]
    changes = replace(
        answer,
        remove=(headers.LOST,),
        set=tuple((n, reason.encode("ascii", "replace") if n == headers.ROUTE_REASON else v) for n, v in answer.set),
        metadata={**({} if plan.choice.agent else {"model": plan.choice.name}), "reason": reason},
        wire=None,
    )
    return {mode: replace(changes, response_body=mode, wire=None) for mode in (None, *BodyMode)}


class Candidate(NamedTuple):
    """The name of an entry, its model, and the id of the agent that the entry stands for, if it does."""

    entry: str
    model: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class Tries:
    """A chain as its attempts know it.

    `candidates` are in the order of the tries; `number` counts from 1. `own` are headers of the client that
    an earlier try may have replaced, `query` is the client's.
    """

    candidates: tuple[Candidate, ...]
    statuses: frozenset[int]
    number: int
    own: Mapping[str, bytes]
    query: str = ""

    @property
    def current(self) -> Candidate:
        """Who serves this try."""
        return self.candidates[min(self.number, len(self.candidates)) - 1]

    @property
    def earlier(self) -> tuple[Candidate, ...]:
        """Those of the tries before it."""
        return self.candidates[: self.number - 1]

    def goes_on(self, status: int) -> bool:
        """Whether Envoy drops an answer of this status and tries the next candidate."""
        return self.number < len(self.candidates) and status in self.statuses


def encoded(plans: tuple[Plan, ...], statuses: tuple[int, ...], label: Callable[[Choice], str]) -> str:
    """Return who serves which try, and when the next one's turn is, as a header can carry it."""
    candidates = [(label(plan.choice), plan.choice.model, plan.choice.agent) for plan in plans]
    return quote(orjson.dumps([candidates, statuses]))


def own(ask: Ask, plans: tuple[Plan, ...]) -> str | None:
    """Return what attempts need of the client's request and may not find in it any more; None where that is nothing."""
    kept = {name: value for name in headers.OF_A_TRY if (value := ask.headers.get(name)) is not None}
    if ask.has_spare_credential and any(plan.upstream.is_passthrough for plan in plans):
        kept |= {name: value for name in headers.CREDENTIALS if (value := ask.headers.get(name)) is not None}
    if not kept and not ask.query:
        return None
    return quote(orjson.dumps([{name: value.decode("latin-1") for name, value in kept.items()}, ask.query]))


def tries(candidates: str, number: int, kept: str) -> Tries:
    """Return what `encoded` and `own` have written."""
    found, statuses = orjson.loads(unquote(candidates))
    sent, query = orjson.loads(unquote(kept)) if kept else ({}, "")
    return Tries(
        tuple(Candidate(*candidate) for candidate in found),
        frozenset(statuses),
        number,
        {name: value.encode("latin-1") for name, value in sent.items()},
        query,
    )
