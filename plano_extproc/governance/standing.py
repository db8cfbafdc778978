"""Who is revoked and who is suspended: one small document that all workers read.

It is one value under one key, so that a look at it costs one read however large the store is, and every change of it is
one swap. Whoever changes it also drops the suspensions that are over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from plano_extproc.errors import GatewayError
from plano_extproc.governance.errors import AgentRevoked, AgentSuspended

KEY: Final = "plano:governance:standing"
EVERY_TENANT: Final = "*"


@dataclass(frozen=True, slots=True)
class Revocation:
    """An agent that may do nothing any more. `at` is in seconds since 1970, `reason` is for people."""

    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Suspension:
    """An agent that may do nothing until a time, both in seconds since 1970."""

    at: float
    until: float
    reason: str = ""


Who = tuple[str, str]
"""A tenant, or `EVERY_TENANT`, and the id of an agent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of all agents; an agent that is not named in it may act."""

    revoked: Mapping[Who, Revocation] = field(default_factory=dict)
    suspended: Mapping[Who, Suspension] = field(default_factory=dict)

    @classmethod
    def read(cls, value: bytes | None) -> "Standing":
        """Read what `write` wrote; nothing is an empty standing. Raises ValueError for anything else."""
        if value is None:
            return cls()
        try:
            told: Any = orjson.loads(value)
            return cls(
                {(one["tenant"], one["agent"]): Revocation(one["at"], one["reason"]) for one in told["revoked"]},
                {
                    (one["tenant"], one["agent"]): Suspension(one["at"], one["until"], one["reason"])
                    for one in told["suspended"]
                },
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("the standing of agents cannot be read") from error

    def write(self) -> bytes:
        """Return it as bytes."""
        return orjson.dumps(
            {
                "revoked": [
                    {"tenant": tenant, "agent": agent, "at": one.at, "reason": one.reason}
                    for (tenant, agent), one in self.revoked.items()
                ],
                "suspended": [
                    {"tenant": tenant, "agent": agent, "at": one.at, "until": one.until, "reason": one.reason}
                    for (tenant, agent), one in self.suspended.items()
                ],
            }
        )

    def refusal(self, agent: str, tenant: str, now: float) -> GatewayError | None:
        """Return why an agent may not act for a tenant; None where it may."""
        if not self.revoked and not self.suspended:
            return None
        if self.revocation(agent, tenant) is not None:
            return AgentRevoked(agent)
        suspension = self.suspension(agent, tenant, now)
        return AgentSuspended(agent, suspension.until - now) if suspension else None

    def revocation(self, agent: str, tenant: str) -> Revocation | None:
        """Return the revocation that an agent is under."""
        return self.revoked.get((EVERY_TENANT, agent)) or self.revoked.get((tenant, agent))

    def suspension(self, agent: str, tenant: str, now: float) -> Suspension | None:
        """Return the suspension that an agent is under."""
        found = self.suspended.get((tenant, agent))
        return found if found and found.until > now else None

    def with_revoked(self, agent: str, tenant: str, now: float, reason: str = "") -> "Standing":
        """Return the standing in which an agent is revoked; when it first was stays known."""
        revocation = self.revoked.get((tenant, agent)) or Revocation(now, reason)
        return replace(self._tidied(now), revoked={**self.revoked, (tenant, agent): revocation})

    def with_suspended(self, agent: str, tenant: str, now: float, until: float, reason: str = "") -> "Standing":
        """Return the standing in which an agent is suspended."""
        tidied = self._tidied(now)
        return replace(tidied, suspended={**tidied.suspended, (tenant, agent): Suspension(now, until, reason)})

    def restored(self, agent: str, tenant: str, now: float) -> "Standing":
        """Return the standing in which an agent may act again; `EVERY_TENANT` restores it for each."""

        def is_meant(who: Who) -> bool:
            return who[1] == agent and tenant in (EVERY_TENANT, who[0])

        tidied = self._tidied(now)
        return Standing(
            {who: one for who, one in self.revoked.items() if not is_meant(who)},
            {who: one for who, one in tidied.suspended.items() if not is_meant(who)},
        )

    def _tidied(self, now: float) -> "Standing":
        return replace(self, suspended={who: one for who, one in self.suspended.items() if one.until > now})
