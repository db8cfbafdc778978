"""A chain: several candidates for one request, of which Envoy tries the next where one fails.

The listener position chooses the candidates and their order, and serves the first as if it were the only one, so a
first try that succeeds costs no more than a request without a chain. Every other try has an exchange of its own at the
attempt position, which translates and pays for its candidate (`gateway.tries.attempt`); only a further try of an agent
that was the first sends the same request to the same cluster, and needs none. The two share nothing but what
`gateway.tries` says and, where the first try changes it, the body as the client sent it; so any worker may serve
either. Where more than the status decides on moving on, the first try has an attempt too, and a stream is watched until
its first token.
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
    said = encoded(plans, policy.statuses, policy.refusals, policy.is_watched, label)
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
        clusters=tuple(_cluster(plan, plans[0], is_here=is_here, is_first=not at) for at, plan in enumerate(plans)),
        wire=None,
    )


def _cluster(plan: Plan, first: Plan, *, is_here: bool, is_first: bool) -> str:
    """Return where a try goes. Only where it stays in a cluster does Envoy know which instances it has tried there."""
    is_same = is_first or (plan.choice.agent is not None and plan.choice.key == first.choice.key)
    return plan.upstream.cluster if is_here and is_same else headers.ATTEMPT_PREFIX + plan.upstream.cluster


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
            metadata={
                **({"agent": plan.choice.agent} if plan.choice.agent else {"model": plan.choice.name}),
                "reason": reason,
            },
            wire=None,
        )
        for mode, answer in plan.response.items()
    }
