"""Which agents answer, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plano_extproc.agents.agent import Agent
from plano_extproc.agents.instances import groups, variant
from plano_extproc.flow import Flow


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a router is told of an agent."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Routed:
    """What a router says: names in the order in which they are to run, none where nothing fits, and why."""

    names: tuple[str, ...]
    reason: str


Router = Callable[[tuple[Candidate, ...]], Flow[Routed]]
"""Asks a router, local or a model, about the conversation in hand."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The agents of one exchange, at least one. `is_default` says that no agent was matched."""

    agents: tuple[Agent, ...]
    reason: str
    is_default: bool = False


def select(agents: Sequence[Agent], router: Router, key: bytes, *, most: int) -> Flow[Selection]:
    """Choose among a listener's agents; `key` is what a conversation has in common, `most` the longest chain.

    One agent needs no router. Names are taken in the router's order; repeated and unknown ones are passed over, and
    what is over the limit is cut. Where nothing is left, the default agent answers, and without one the first.
    """
    found = groups(agents)
    assert found, "a listener with agents"
    if len(found) == 1:
        only = variant(found[0], key)
        return Selection((only,), _among(found[0], only, "only agent"))
    # A default that has variants is named by the first of them, as all groups are.
    candidates = tuple(Candidate(group[0].id, group[0].description) for group in found)
    routed = yield from router(candidates)
    by_name = {one.id: group for group in found for one in group}
    chosen: dict[str, list[Agent]] = {}
    for name in routed.names:
        if name in by_name:
            chosen.setdefault(by_name[name][0].id, by_name[name])
    taken = tuple(variant(group, key) for group in list(chosen.values())[:most])
    if taken:
        cut = f"; the first {most} of {len(chosen)}" if len(chosen) > most else ""
        return Selection(taken, routed.reason + cut)
    default = next((group for group in found if any(one.is_default for one in group)), found[0])
    return Selection((variant(default, key),), routed.reason, is_default=True)


def _among(group: Sequence[Agent], chosen: Agent, otherwise: str) -> str:
    return f"variant {chosen.id} of {len(group)}" if len(group) > 1 else otherwise
