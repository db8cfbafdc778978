"""A chain: several candidates for one request, of which Envoy tries the next where one fails.

The listener position chooses the candidates and their order, and serves the first as if it were the only one, so a
first try that succeeds costs no more than a request without a chain. Every other try has an exchange of its own at the
attempt position, which translates and pays for its candidate (`gateway.tries.attempt`); only a further try of an agent
that was the first sends the same request to the same cluster, and needs none. The two share nothing but what
`gateway.tries` says and, where the first try changes it, the body as the client sent it; so any worker may serve
either. Where more than the status decides on moving on, the first try has an attempt too, and a stream is watched until
its first token.

A chain may be hedged: Envoy then asks the next candidate beside one that is late, and takes the first answer. The tries
may end in any order, so all of them have attempts, which write on each answer whose it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from plano_extproc import headers
from plano_extproc.config.models import Refusal
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.tries.message import encoded
from plano_extproc.routing import Choice

PASSING = (408, 429)
"""Statuses below 500 that another candidate may not answer with."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to go on to the next candidate.

    No connection, a reset, a time-out and every status from 500 always count, and so do `statuses` below it; `refusals`
    are what an error with another status may say. Times are in seconds: `first_byte` bounds each try, `first_token`
    takes its place for streams, and `total` bounds all tries together. `route` names Envoy's route, which has the
    pauses between tries. `hedges` lets a late try run on beside the next one.
    """

    statuses: tuple[int, ...] = PASSING
    refusals: tuple[Refusal, ...] = ()
    first_byte: float | None = None
    first_token: float | None = None
    total: float | None = None
    route: str = headers.CHAIN_ROUTE
    hedges: bool = False

    @property
    def is_watched(self) -> bool:
        """Whether more than the status of an answer decides, so that every try needs an exchange, the first one too."""
        return bool(self.refusals or self.first_token)

    def late(self, *, is_stream: bool) -> float | None:
        """Return after how long the next candidate is asked beside a try; 0 is never, None that it is no such chain."""
        return (self.per_try(is_stream=is_stream) or 0.0) if self.hedges else None

    def per_try(self, *, is_stream: bool) -> float | None:
        """Return how long a try may take before its answer begins."""
        return self.first_token if is_stream and self.first_token else self.first_byte


@dataclass(slots=True, eq=False)
class Chain:
    """Plans in the order in which they are tried, and what their requests and answers share."""

    tries: tuple[Plan, ...]
    request: dict[bool, Changes] | None
    """For a first try that is served at the listener position; None where an attempt must see that one too."""
    attempts: dict[bool, Changes]
    """The same where all tries have attempts."""
    response: tuple[dict[BodyMode | None, Changes], ...]
    is_hedged: bool = False

    @property
    def first(self) -> Plan:
        """Who is tried first."""
        return self.tries[0]

    def served(self, attempts: int) -> int:
        """Return the index of the plan that a number of attempts led to."""
        return min(max(attempts, 1), len(self.tries)) - 1

    def before(self, attempts: int) -> tuple[Plan, ...]:
        """Return who was tried in vain, where a number of attempts were made."""
        return self.tries[: self.served(attempts)]

    def later(self, index: int) -> str:
        """Return what a reason says further where the plan of an index answered."""
        return _later(index, is_hedged=self.is_hedged)


Plans = Plan | Chain
"""Who serves a request: one, or several in the order in which they are tried."""


def chain(plans: tuple[Plan, ...], policy: Policy, label: Callable[[Choice], str]) -> Chain:
    """Work out everything about serving by `plans`, in this order, that does not depend on the body.

    `label` names the entry of a choice, uniquely in its configuration.
    """
    said = {
        is_stream: encoded(
            plans, policy.statuses, policy.refusals, policy.is_watched, label, policy.late(is_stream=is_stream)
        )
        for is_stream in plans[0].request
    }
    here, attempts = (
        {
            is_stream: _request(plans, policy, changes, said[is_stream], is_stream=is_stream, is_here=is_here)
            for is_stream, changes in plans[0].request.items()
        }
        for is_here in (True, False)
    )
    is_all_tried = policy.is_watched or policy.hedges
    response = tuple(
        plan.response if index == 0 and not is_all_tried else _response(plan, index, is_hedged=policy.hedges)
        for index, plan in enumerate(plans)
    )
    return Chain(plans, None if is_all_tried else here, attempts, response, policy.hedges)


def _request(
    plans: tuple[Plan, ...], policy: Policy, changes: Changes, said: str, *, is_stream: bool, is_here: bool
) -> Changes:
    more: list[tuple[str, bytes]] = [
        (headers.CLUSTER, policy.route.encode()),
        ("x-envoy-max-retries", b"%d" % (len(plans) - 1)),
        ("x-envoy-retriable-status-codes", ",".join(map(str, policy.statuses)).encode()),
    ]
    times = {
        "x-envoy-upstream-rq-per-try-timeout-ms": policy.per_try(is_stream=is_stream),
        "x-envoy-upstream-rq-timeout-ms": policy.total,
    }
    if policy.late(is_stream=is_stream):
        more.append(("x-envoy-hedge-on-per-try-timeout", b"true"))
    more += [(name, b"%d" % int(seconds * 1000)) for name, seconds in times.items() if seconds]
    names = {*times, *(name for name, _ in more)}
    kept = [pair for pair in changes.set if pair[0] not in names] if is_here else []
    return replace(
        changes,
        set=(*kept, *more),
        remove=changes.remove if is_here else headers.CREDENTIALS,
        metadata={**changes.metadata, "candidates": said, "way": "chain"},
        clusters=(headers.HEDGED,) * len(plans)
        if policy.hedges
        else tuple(_cluster(plan, plans[0], is_here=is_here, is_first=not at) for at, plan in enumerate(plans)),
        wire=None,
    )


def _cluster(plan: Plan, first: Plan, *, is_here: bool, is_first: bool) -> str:
    """Return where a try goes. Only where it stays in a cluster does Envoy know which instances it has tried there."""
    is_same = is_first or (plan.choice.agent is not None and plan.choice.key == first.choice.key)
    return plan.upstream.cluster if is_here and is_same else headers.ATTEMPT_PREFIX + plan.upstream.cluster


def _response(plan: Plan, index: int, *, is_hedged: bool) -> dict[BodyMode | None, Changes]:
    """Return what an answer's headers become that an attempt has read."""
    reason = f"{plan.choice.reason}{_later(index, is_hedged=is_hedged)}"
    told = reason.encode("ascii", "replace")
    return {
        mode: replace(
            answer,
            remove=(*_BETWEEN, *answer.remove) if is_hedged else (headers.LOST, *answer.remove),
            set=tuple((name, told if name == headers.ROUTE_REASON else value) for name, value in answer.set),
            metadata={
                **({"agent": plan.choice.agent} if plan.choice.agent else {"model": plan.choice.name}),
                "reason": reason,
            },
            wire=None,
        )
        for mode, answer in plan.response.items()
    }


def _later(index: int, *, is_hedged: bool) -> str:
    if not index:
        return ""
    return f"; candidate {index + 1} after the others {'failed or were late' if is_hedged else 'failed'}"


_BETWEEN = (headers.LOST, headers.ATTEMPT)
"""What an attempt tells the listener position by an answer's headers."""
