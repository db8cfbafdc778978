"""Prices: what models cost, from a catalogue of others, a file of your own, or the catalogue that ships.

Everything is in US dollars for a million tokens. A model is looked up as it is written, then without its provider.
Where no source is configured, or none has answered yet, prices are those of `config/models.yaml`; once a source has
answered, a model that it lacks has no price.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson
import yaml

from plano_extproc.config import catalogue
from plano_extproc.config.models_catalogue import Price, model_of
from plano_extproc.routing.ranking import usable
from plano_extproc.translate.chat import Usage

DEFAULT_DISCOUNT: Final = 0.1
"""Price of a cached token as a share of the full one, where a catalogue does not say it."""


class UnreadableFeed(ValueError):
    """A source answered what cannot be used. The words say why, for the log."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one model. None: not known, or not charged apart."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    def cached(self, discount: float = DEFAULT_DISCOUNT) -> float:
        """Return the price of tokens that are read from the provider's cache."""
        return self.input * discount if self.cache_read is None else self.cache_read

    def cost(self, usage: Usage, discount: float = DEFAULT_DISCOUNT) -> float:
        """Return dollars for one exchange."""
        write = self.input if self.cache_write is None else self.cache_write
        prompt = usage.input * self.input + usage.cache_read * self.cached(discount) + usage.cache_write * write
        return (prompt + usage.output * self.output) / 1_000_000


Table = Mapping[str, Rates]


@dataclass(frozen=True, slots=True)
class Prices:
    """What is known at the moment. `table` None means that no source has answered: the shipped catalogue counts."""

    table: Table | None = field(default=None, repr=False)

    def of(self, model: str, prompt_tokens: int = 0) -> Rates | None:
        """Return the prices of `provider/model` or a bare name; long prompts may cost more."""
        if self.table is None:
            return _shipped(model, prompt_tokens)
        return self.table.get(model) or self.table.get(model.partition("/")[2])

    def figure(self, model: str) -> float | None:
        """Return what "cheapest" compares: input and output price together."""
        rates = self.of(model)
        return None if rates is None else rates.input + rates.output


def _shipped(model: str, prompt_tokens: int) -> Rates | None:
    price = _shipped_price(model)
    if price is None:
        return None
    rates = price.rates(prompt_tokens)
    return None if rates.output is None else Rates(rates.input, rates.output, rates.cache_read, rates.cache_write)


@lru_cache(maxsize=1024)
def _shipped_price(model: str) -> Price | None:
    prefix, _, model_id = model.partition("/")
    kind = catalogue.provider(prefix)
    known = model_of(kind.id, model_id) if kind else None
    return known.price if known else None


def read(provider: str, body: bytes, aliases: Mapping[str, str]) -> Table:
    """Return the table in a source's answer. `aliases` maps keys of the source to models of the configuration.

    Raises `UnreadableFeed` for what is no catalogue, or one without a single price: the last good data must stay.
    """
    document = _document(provider, body)
    try:
        found = _READERS[provider](document)
    except (AttributeError, KeyError, TypeError) as error:
        raise UnreadableFeed(f"is no catalogue of the kind {provider}: {type(error).__name__}") from None
    if not found:
        raise UnreadableFeed(f"holds no price of the kind {provider}")
    # An alias takes the place of its key, and goes before a model that the source itself calls so.
    kept = {key: rates for key, rates in found.items() if key not in aliases}
    return {**kept, **{aliases[key]: rates for key, rates in found.items() if key in aliases}}


def _document(provider: str, body: bytes) -> Any:
    try:
        if provider == "file":
            # JSON is YAML, so one reader serves both.
            return yaml.safe_load(body)
        return orjson.loads(body)
    except (orjson.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        kind = "YAML or JSON" if provider == "file" else "JSON"
        raise UnreadableFeed(f"is no {kind}: {str(error).splitlines()[0]}") from None


def _models_dev(document: Any) -> dict[str, Rates]:
    full: dict[str, Rates] = {}
    bare: dict[str, Rates] = {}
    for provider, offer in document.items():
        for model, entry in (offer.get("models") or {}).items():
            cost = entry.get("cost") or {}
            rates = _rates(cost.get("input"), cost.get("output"), cost.get("cache_read"), cost.get("cache_write"))
            if rates is not None and not _is_free(rates):
                full[f"{provider}/{model}"] = rates
                bare.setdefault(model, rates)
    return {**bare, **full}


def _digitalocean(document: Any) -> dict[str, Rates]:
    found: dict[str, Rates] = {}
    for entry in document["data"]:
        pricing = entry.get("pricing") or {}
        cached = pricing.get("cache_read_input_price_per_million", pricing.get("input_cache_read"))
        # The fields say "per million", their values are for one token.
        rates = _rates(
            pricing.get("input_price_per_million"), pricing.get("output_price_per_million"), cached, None, 1e6
        )
        if rates is not None and not _is_free(rates):
            found[entry["model_id"]] = rates
    return found


def _file(document: Any) -> dict[str, Rates]:
    found: dict[str, Rates] = {}
    for model, entry in document.items():
        rates = _rates(*(entry.get(key) for key in ("input", "output", "cache_read", "cache_write")))
        if rates is None:
            raise UnreadableFeed(f"gives no usable input and output price of '{model}'")
        found[str(model)] = rates
    return found


def _rates(input_: Any, output: Any, cache_read: Any, cache_write: Any, times: float = 1.0) -> Rates | None:
    """Return rates, or None where the two that count are no numbers."""
    read, write = _number(cache_read, times), _number(cache_write, times)
    first, second = _number(input_, times), _number(output, times)
    return None if first is None or second is None else Rates(first, second, read, write)


def _number(value: Any, times: float) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return usable(float(value) * times)
    except (TypeError, ValueError):
        return None


def _is_free(rates: Rates) -> bool:
    # Catalogues write nought where a price is not known or lies in a subscription; it would always be the cheapest.
    return rates.input == 0 and rates.output == 0


_READERS: Final[Mapping[str, Callable[[Any], dict[str, Rates]]]] = {
    "models.dev": _models_dev,
    "digitalocean": _digitalocean,
    "file": _file,
}
