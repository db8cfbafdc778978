"""What an exchange costs: its tokens, and its money by the catalogue's prices."""

from typing import Final

from plano_extproc.config.policies import Client
from plano_extproc.gateway.ports import Metrics
from plano_extproc.limits.cost import catalogue_price, nanos
from plano_extproc.routing import Choice
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split
from plano_extproc.translate.chat import Usage

_NANOS: Final = 1e-9


def cost(choice: Choice, usage: Usage) -> float | None:
    """Return US dollars; None where there is no price, and for an agent."""
    if choice.agent is not None:
        return None
    price = catalogue_price(choice.provider, choice.model)
    return nanos(price, usage) * _NANOS if price is not None else None


def count_tokens(metrics: Metrics, choice: Choice, usage: Usage, client: Client | None) -> None:
    """Count what a model used, for a client where it is known."""
    provider, model = split(choice.name)
    counts = (
        ("prompt", usage.prompt),
        ("completion", usage.output),
        ("cache_read", usage.cache_read),
        ("cache_write", usage.cache_write),
    )
    for kind, tokens in counts:
        if tokens:
            metrics.count(figures.LLM_TOKENS, (provider, model, kind), tokens)
    metrics.count(figures.PROMPT_CACHE, (provider, model, "hit" if usage.cache_read else "miss"))
    dollars = cost(choice, usage)
    if dollars:
        metrics.count(figures.SPENT, (provider, model, client.id if client is not None else ""), dollars)
