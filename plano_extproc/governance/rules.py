"""The rules of one configuration: for each governed agent, its own beside those of its tier."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from plano_extproc.config import Config
from plano_extproc.config.governance import AgentLimit, ErrorBudget, Governance, GovernedAgent, Tier
from plano_extproc.config.policies import Client
from plano_extproc.errors import Forbidden
from plano_extproc.governance.actions import Actions

NO_TENANT = ""
"""The tenant of those who name none."""


@dataclass(frozen=True, slots=True)
class AgentRules:
    """What one agent may do. `client` is the id of the client whose key it calls models with."""

    id: str
    tier: int
    actions: Actions = field(repr=False)
    allowed_side_effects: tuple[str, ...] = ()
    confidence_threshold: float | None = None
    error_budget: ErrorBudget | None = None
    limits: tuple[AgentLimit, ...] = ()
    client: str | None = None


class Rulebook:
    """All rules. `is_empty` says that no agent is governed, and that nothing needs to be asked."""

    def __init__(self, governance: Governance | None) -> None:
        self.governance = governance or Governance()
        tiers = {tier.tier: tier for tier in self.governance.tiers}
        self.agents: Mapping[str, AgentRules] = {
            one.id: _rules(one, tiers.get(one.tier)) for one in self.governance.agents
        }
        self._callers = {rules.client: rules for rules in self.agents.values() if rules.client}
        self.is_empty = not self.agents

    @classmethod
    def of(cls, config: Config) -> "Rulebook":
        """Return the rules of a configuration."""
        return cls(config.governance)

    def serving(self, agent: str) -> AgentRules | None:
        """Return the rules of an agent that is about to serve; None for one that has none."""
        return self.agents.get(agent)

    def calling(self, client: Client | None) -> AgentRules | None:
        """Return the rules of the agent that calls a model: it is known by its key, and by nothing else."""
        return self._callers.get(client.id) if client is not None else None

    def tenant(self, headers: Mapping[str, bytes], client: Client | None) -> str:
        """Return the tenant of a request: the key's own, else what the header says.

        Raises `Forbidden` where a key that belongs to one tenant comes with the name of another.
        """
        named = ""
        if self.governance.tenant_header is not None:
            named = headers.get(self.governance.tenant_header, b"").decode("latin-1").strip()
        own = client.tenant if client is not None else None
        if own is None:
            return named[:_LONGEST] or NO_TENANT
        if named and named != own:
            raise Forbidden(f"the key belongs to tenant '{own}', not to '{named[:_LONGEST]}'", code="wrong_tenant")
        return own


def _rules(agent: GovernedAgent, tier: Tier | None) -> AgentRules:
    base = tier or Tier(tier=agent.tier)
    allowed = agent.allowed_side_effects or base.allowed_side_effects
    threshold = agent.confidence_threshold
    return AgentRules(
        agent.id,
        agent.tier,
        Actions(allowed, (*agent.forbidden_actions, *base.forbidden_actions)),
        allowed,
        base.confidence_threshold if threshold is None else threshold,
        agent.error_budget or base.error_budget,
        agent.limits or base.limits,
        agent.client,
    )


_LONGEST = 128
"""Letters of a tenant's name; it is part of keys."""
