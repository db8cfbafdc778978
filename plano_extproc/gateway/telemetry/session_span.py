"""What a span tells of a session: the attributes of Plano 0.4, so that its dashboards go on working."""

from collections.abc import Mapping

from plano_extproc.config.routing import RoutingBudget
from plano_extproc.gateway.routing.models import Chosen
from plano_extproc.routing.intent.route import plain


def attributes(chosen: Chosen, configured: RoutingBudget | None) -> Mapping[str, str | int | float | bool]:
    """Return what was decided for a session; nothing where a request belongs to none."""
    if chosen.identity is None:
        return {}
    decided, binding = chosen.session, chosen.session.binding
    found: dict[str, str | int | float | bool | None] = {
        "plano.session_id": chosen.identity.id,
        "plano.cache.warm": decided.is_pinned,
        "plano.cache.idle_ms": round(decided.idle * 1000, 3) if decided.idle is not None else None,
        "plano.routing.skipped": chosen.replayed,
        "plano.switch.decision": decided.outcome,
        "plano.switch.cost_in_usd": decided.cost_usd,
        "plano.switch.overhead_ceiling_in_usd": decided.ceiling_usd,
        "plano.switch.candidate_warm_tokens": decided.warm_tokens or None,
    }
    if configured is not None and configured.record_counterfactual and decided.candidate_route is not None:
        found["plano.switch.counterfactual_route"] = plain(decided.candidate_route)
    if binding is not None:
        found["plano.session.switches"] = binding.switches
        found["plano.session.total_cost_in_usd"] = binding.session_cost_usd or None
        if chosen.terms.budget is not None:
            found["plano.session.baseline_in_usd"] = binding.baseline_usd
            found["plano.session.switch_spend_in_usd"] = binding.switch_spend_usd
            found["plano.session.overhead_pct"] = _percent(binding.switch_spend_usd, binding.baseline_usd)
    return {name: value for name, value in found.items() if value is not None}


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 3) if whole else 0.0
