"""What an exchange costs, by the catalogue's prices."""

from collections.abc import Callable
from functools import lru_cache

from plano_extproc.config import catalogue
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.models_catalogue import Price, model_of
from plano_extproc.limits.buckets import NANOS
from plano_extproc.translate.chat import Usage

Prices = Callable[[ModelProvider, str], Price | None]
"""From a provider entry and the provider's own id of a model to its price, None where it is not known."""

_NANOS_PER_TOKEN = NANOS // 1_000_000
"""Of a price of one dollar for a million tokens."""


def catalogue_price(entry: ModelProvider, model_id: str) -> Price | None:
    """Return the catalogue's price, also where `base_url` leads elsewhere: a budget had better count too much."""
    kind = catalogue.provider(entry.prefix)
    return _price(kind.id, model_id) if kind else None


@lru_cache(maxsize=4096)
def _price(provider_id: str, model_id: str) -> Price | None:
    found = model_of(provider_id, model_id)
    return found.price if found else None


def nanos(price: Price, usage: Usage) -> int:
    """Return what tokens cost in billionths of a dollar. A cached token without its own price costs a full one."""
    rates = price.rates(usage.prompt)
    dollars = (
        usage.input * rates.input
        + usage.cache_read * (rates.input if rates.cache_read is None else rates.cache_read)
        + usage.cache_write * (rates.input if rates.cache_write is None else rates.cache_write)
        + usage.output * (rates.output or 0)
    )
    return round(dollars * _NANOS_PER_TOKEN)
