"""Prices of models: the built-in catalogue's, or those that a catalogue on the web tells, asked once."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from planoai import sources
from planoai.collector.calls import Price, Prices, catalogue_price
from planoai.output import diagnose

_SECONDS: Final = 5.0
URLS: Final = {
    "digitalocean": "https://api.digitalocean.com/v2/gen-ai/models/catalog",
    "models.dev": "https://models.dev/api.json",
}


def source(file: str | None, provider: str | None, url: str | None, environ: Mapping[str, str]) -> Prices:
    """Return where prices come from: the options, else the configuration, else the built-in catalogue.

    A source that cannot be read is a warning, and the built-in catalogue stands in.
    """
    aliases: Mapping[str, str] = {}
    if provider is None and url is None and file is not None:
        config = sources.accept(sources.read(sources.find(file, "."), environ))
        found = next((entry for entry in config.model_metrics_sources if entry.type == "cost"), None)
        if found is not None:
            provider, url = found.provider, found.url
            aliases = found.model_aliases
    if provider is None and url is None:
        return catalogue_price
    kind = provider or "digitalocean"
    try:
        listed = prices(kind, _fetch(url or URLS[kind]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"prices cannot be read from {url or URLS[kind]}: {_words(error)}"
        diagnose("warning", why, ["the built-in ones are used"])
        return catalogue_price
    listed |= {plano: listed[key] for key, plano in aliases.items() if key in listed}
    by_name = {_plain(name): price for name, price in listed.items()}

    def price(provider: str, model: str) -> Price | None:
        return listed.get(f"{provider}/{model}") or by_name.get(_plain(model)) or catalogue_price(provider, model)

    return price


def prices(kind: str, document: Any) -> dict[str, Price]:
    """Return the prices in a catalogue's document; those of nothing are not known rather than free."""
    return {name: price for name, price in _READERS[kind](document) if price.input or price.output}


def _digitalocean(document: Any) -> Iterator[tuple[str, Price]]:
    # Its fields say "per million", and hold prices for one token.
    for entry in document["data"]:
        told = entry.get("pricing") or {}
        cached = told.get("cache_read_input_price_per_million", told.get("input_cache_read"))
        yield (
            entry["model_id"],
            Price(
                float(told.get("input_price_per_million") or 0) * 1e6,
                float(told.get("output_price_per_million") or 0) * 1e6,
                float(cached) * 1e6 if cached is not None else None,
            ),
        )


def _models_dev(document: Any) -> Iterator[tuple[str, Price]]:
    for provider, entry in sorted(document.items()):
        for name, model in (entry.get("models") or {}).items():
            cost = model.get("cost") or {}
            if "input" in cost and "output" in cost:
                cached = cost.get("cache_read")
                price = Price(
                    float(cost["input"]), float(cost["output"]), float(cached) if cached is not None else None
                )
                yield f"{provider}/{name}", price


_READERS: Final = {"digitalocean": _digitalocean, "models.dev": _models_dev}


def _plain(name: str) -> str:
    """Return a model's name without provider and date, as all spell it."""
    return re.sub(r"-?\d{8}$", "", name.rpartition("/")[2].lower()).replace(".", "-")


def _words(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason)


def _fetch(url: str) -> Any:
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address needs https:// or http://")
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the scheme is checked above
        return orjson.loads(answer.read())
