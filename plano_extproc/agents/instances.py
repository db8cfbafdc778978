"""Which of several: variants of an agent by weight, and instances, the same for a conversation from turn to turn.

The choice is a hash of the conversation's key and the name of what may be chosen (weighted rendezvous hashing): each
gets its share of conversations, and when a weight changes or a variant goes, only those move that have to.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from plano_extproc.agents.agent import Agent
from plano_extproc.services import Upstream

T = TypeVar("T")

_LARGEST: Final = 2.0**64


def choose(options: Iterable[tuple[str, int, T]], key: bytes) -> T:
    """Return one of (name, weight, value). Of weight 0 are only taken where there is nothing else."""
    listed = list(options)
    assert listed, "something to choose from"
    return max(listed, key=lambda option: (_score(option[0], option[1], key), option[1]))[2]


def _score(name: str, weight: int, key: bytes) -> float:
    if weight <= 0:
        return 0.0
    digest = hashlib.blake2b(name.encode() + b"\0" + key, digest_size=8).digest()
    share = (int.from_bytes(digest) + 0.5) / _LARGEST
    return weight / -math.log(share)


def variant(variants: Sequence[Agent], key: bytes) -> Agent:
    """Return the variant of an agent that serves this conversation."""
    return choose(((one.id, one.weight, one) for one in variants), key)


def upstream(agent: Agent, key: bytes) -> Upstream:
    """Return the upstream that serves this conversation, a share of them as large as its share of the hosts.

    Within one upstream it is Envoy that chooses, among the hosts that are well.
    """
    if len(agent.upstreams) == 1:
        return agent.upstreams[0]
    return choose(((one.cluster, len(one.hosts), one) for one in agent.upstreams), key)


def upstreams(agent: Agent, key: bytes) -> list[Upstream]:
    """Return all of an agent's upstreams, in the order in which they are tried for this conversation."""
    first = upstream(agent, key)
    return [first, *(one for one in agent.upstreams if one is not first)]


def groups(agents: Iterable[Agent]) -> list[list[Agent]]:
    """Return the agents with their variants: those with the same description, in declared order."""
    found: dict[str, list[Agent]] = {}
    for one in agents:
        # Without a word to match, agents are not variants: they only have nothing said of them.
        words = " ".join(one.description.split())
        found.setdefault(words or f"\0{one.id}", []).append(one)
    return list(found.values())
