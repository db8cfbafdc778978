"""Pools: the same model at several providers, or several times at one, with weights and priorities.

A bare model id means the pool of every entry with that id; `provider/model` means the entries of
that provider; the own name of an entry means that entry alone. Aliases lead to whichever their target means. Members of
the lowest priority number come first; among them chance decides by weight, or a key does, which always gives the same
order for the same members. A member of weight 0 is never chosen first while another can be.
"""

import hashlib
import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import groupby

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.routing.directory import Choice
from plano_extproc.routing.ranking import later_by


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An entry in a pool. `label` is its name, numbered where several entries have the same, and is what cools down."""

    provider: ModelProvider
    label: str

    def choice(self, reason: str) -> Choice:
        """Return this member as what serves a request."""
        return Choice(self.provider, self.provider.model_id, reason)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Members that serve the same model."""

    members: tuple[Member, ...]

    def by_chance(self, draw: float, cooling: Container[str] = ()) -> tuple[Member, ...]:
        """Return all members in a weighted random order that one `draw`, in [0, 1), decides."""
        return self._ordered(lambda group: _drawn(group, draw), cooling)

    def by_key(self, key: str, cooling: Container[str] = ()) -> tuple[Member, ...]:
        """Return all members in the order of a key, such as a session.

        The share of keys that a member is first for is that of its weight, and a member that comes or goes moves only
        the keys that are its own.
        """
        return self._ordered(lambda group: sorted(group, key=lambda one: _distance(one, key)), cooling)

    def _ordered(
        self, order: Callable[[Sequence[Member]], Sequence[Member]], cooling: Container[str]
    ) -> tuple[Member, ...]:
        by_priority = sorted(self.members, key=lambda one: one.provider.priority)
        groups = groupby(by_priority, key=lambda one: one.provider.priority)
        ordered = [member for _, group in groups for member in order(tuple(group))]
        return later_by(ordered, lambda one: one.label in cooling)


class Pools:
    """The pools of one configuration; a name that leads to one entry only has none."""

    def __init__(self, config: Config) -> None:
        counts: dict[str, int] = {}
        self._labels: dict[int, str] = {}
        self._own: set[str] = set()
        grouped: dict[str, list[Member]] = {}
        for entry in config.model_providers:
            counts[entry.name] = count = counts.get(entry.name, 0) + 1
            label = self._labels[id(entry)] = entry.name if count == 1 else f"{entry.name}#{count}"
            if entry.is_wildcard:
                continue
            keys = {entry.model, f"{entry.provider}/{entry.model_id}", entry.model_id}
            if entry.name not in keys:
                self._own.add(entry.name)
            for key in keys:
                grouped.setdefault(key, []).append(Member(entry, label))
        self._pools = {key: Pool(tuple(members)) for key, members in grouped.items() if len(members) > 1}
        self._aliases = {name: alias.target for name, alias in config.model_aliases.items()}
        # The loaded configuration owns the entries, so their identities stay what they are.
        self._config = config

    def __bool__(self) -> bool:
        """Whether there is any pool."""
        return bool(self._pools)

    def find(self, name: str | None) -> Pool | None:
        """Return the pool that a requested name means, or None."""
        seen: set[str] = set()
        while name in self._aliases and name not in seen:
            seen.add(name)
            name = self._aliases[name]
        return None if name is None or name in self._own else self._pools.get(name)

    @property
    def has_any(self) -> bool:
        """Whether there is a pool at all."""
        return bool(self._pools)

    def is_own(self, name: str) -> bool:
        """Whether a name is an entry's own, which no model and no pool is called by."""
        return name in self._own

    def label(self, entry: ModelProvider) -> str:
        """Return what an entry of this configuration is called where it cools down."""
        return self._labels.get(id(entry), entry.name)


def _drawn(group: Sequence[Member], draw: float) -> list[Member]:
    left = [member for member in group if member.provider.weight]
    ordered: list[Member] = []
    while left:
        total = sum(member.provider.weight for member in left)
        point = draw * total
        for index, member in enumerate(left):
            weight = member.provider.weight
            if point < weight or index == len(left) - 1:
                # Where the draw fell within this member's share is again evenly spread, so it decides what follows.
                draw = min(max(point / weight, 0.0), math.nextafter(1.0, 0.0))
                ordered.append(left.pop(index))
                break
            point -= weight
    return [*ordered, *(member for member in group if not member.provider.weight)]


def _distance(member: Member, key: str) -> tuple[bool, float]:
    """Return a member's distance from a key: weighted rendezvous hashing, the shortest is first."""
    digest = hashlib.blake2b(f"{member.label}\x1f{key}".encode(), digest_size=8).digest()
    spot = (int.from_bytes(digest) + 1) / (2**64 + 2)
    weight = member.provider.weight
    return weight == 0, -math.log(spot) / max(weight, 1)
