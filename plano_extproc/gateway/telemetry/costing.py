"""What an exchange costs, by the catalogue's prices."""

from typing import Final

from plano_extproc.limits.cost import catalogue_price, nanos
from plano_extproc.routing import Choice
from plano_extproc.translate.chat import Usage

_NANOS: Final = 1e-9


def cost(choice: Choice, usage: Usage) -> float | None:
    """Return US dollars; None where there is no price, and for an agent."""
    if choice.agent is not None:
        return None
    price = catalogue_price(choice.provider, choice.model)
    return nanos(price, usage) * _NANOS if price is not None else None
