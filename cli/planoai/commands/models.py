"""`planoai models`: the names that clients may ask for, and what is known of the models behind them."""

import os
from collections.abc import Iterable
from typing import Any

import rich_click as click

from plano_extproc.config import Config, catalogue
from plano_extproc.config.catalogue import Model
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.models_catalogue import model_of, offers
from plano_extproc.routing import Directory
from planoai import sources
from planoai.errors import Failure
from planoai.output import diagnose, plain, print_json, print_table, say
from planoai.upstreams import upstreams

_COLUMNS = ("context", "$ in / out", "can")
_SHORT = {"json_schema": "json"}


@click.command("models")
@click.argument("file", required=False)
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option("--provider", "wanted", help="Only models of this provider.")
@click.option("--all", "everything", is_flag=True, help="List the catalogue, whatever is configured.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str | None, folder: str, wanted: str | None, everything: bool, as_json: bool) -> None:
    """List the models and aliases of FILE, else of config.yaml or plano_config.yaml in the folder.

    Prices are in US dollars for a million tokens.
    """
    kind = catalogue.provider(wanted) if wanted else None
    if wanted and kind is None:
        raise Failure(f"'{wanted}' is no known provider", f"known: {', '.join(sorted(catalogue.PROVIDERS))}")
    if everything:
        if file is not None:
            raise Failure("--all lists the catalogue, which no file changes", f"leave out --all or {file}")
        _show_catalogue([kind.id] if kind else list(offers()), as_json=as_json)
        return
    config = sources.accept(sources.read(sources.find(file, folder), os.environ))
    entries = [entry for entry in config.model_providers if kind is None or entry.provider == kind.id]
    _show_configured(config, entries, as_json=as_json)


def _show_configured(config: Config, entries: list[ModelProvider], *, as_json: bool) -> None:
    models = [row for entry in entries for row in _rows(config, entry)]
    aliases = _aliases(config, entries)
    if as_json:
        print_json({"models": models, "aliases": aliases})
        return
    _print(models, "model")
    if not models:
        diagnose("note", "no such model is configured")
    if aliases:
        say("")
        _print(aliases, "alias")


def _rows(config: Config, entry: ModelProvider) -> Iterable[dict[str, Any]]:
    """Describe an entry, and what the catalogue knows behind a wildcard."""
    own = next((u for u in upstreams(config, entry, entry.model_id) if u.api == entry.apis[0]), None)
    yield {
        "name": entry.name,
        "model": entry.model,
        "provider": entry.provider,
        "apis": list(entry.apis),
        "url": own.url if own else entry.base_url,
        "default": entry.default,
        "wildcard": entry.is_wildcard,
        "passthrough_auth": entry.uses_client_credential,
        **_facts(_known(entry, entry.model_id)),
    }
    for model in entry.listed if entry.is_wildcard else ():
        name = f"{entry.prefix}/{model.id}"
        yield {"name": name, "model": name, "provider": entry.provider, "under": entry.name, **_facts(model)}


def _aliases(config: Config, entries: list[ModelProvider]) -> list[dict[str, Any]]:
    directory = Directory(config)
    found = [(name, directory.resolve(name)) for name in config.model_aliases]
    return [
        {"name": name, "model": choice.name, **_facts(_known(choice.provider, choice.model))}
        for name, choice in found
        if choice.provider in entries
    ]


def _known(entry: ModelProvider, model_id: str) -> Model | None:
    # A server that stands in for the provider is charged by the same prices, so they are shown of it too.
    kind = catalogue.provider(entry.prefix)
    return model_of(kind.id, model_id) if kind else None


def _facts(model: Model | None) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude={"id", "aliases"}, exclude_none=True) if model else {}


def _show_catalogue(providers: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({provider: _offer(provider) for provider in providers})
        return
    for place, provider in enumerate(providers):
        offer = _offer(provider)
        if not offer["models"]:
            raise Failure(f"the catalogue has no models of {provider}", "ask the provider: GET /v1/models there")
        say("" if place else "Prices in US dollars for a million tokens; + is more for long prompts.\n")
        say(f"[bold]{provider}[/] [dim]{offer['date']}  {plain(offer['source'])}[/]")
        _print([{"name": model["id"], **model} for model in offer["models"]], "model")


def _offer(provider: str) -> dict[str, Any]:
    offer = offers().get(provider)
    about = offer.model_dump(mode="json", include={"source", "date"}) if offer else {}
    models = catalogue.models_of(provider)
    return {**about, "models": [{"id": model.id, "aliases": list(model.aliases), **_facts(model)} for model in models]}


def _print(rows: list[dict[str, Any]], what: str) -> None:
    print_table((what, *_COLUMNS), [tuple(map(plain, (_name(row), *_cells(row)))) for row in rows])


def _name(row: dict[str, Any]) -> str:
    if "under" in row:  # what the wildcard above it stands for
        return f"  {row['name'].partition('/')[2]}"
    stands_for = f" = {row['model']}" if "model" in row and row["model"] != row["name"] else ""
    return f"{row['name']}{stands_for}{' (default)' if row.get('default') else ''}"


def _cells(row: dict[str, Any]) -> tuple[str, str, str]:
    able = [_SHORT.get(one, one) for one in row.get("can", ())]
    able += [row["kind"]] if row.get("kind", "chat") != "chat" else []
    return _tokens(row.get("context")), _price(row.get("price")), " ".join(able)


def _tokens(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count / 1_000_000:.3g}M" if count >= 1_000_000 else f"{count / 1_000:.0f}k"


def _price(price: dict[str, Any] | None) -> str:
    if price is None:
        return ""
    rates = " / ".join(f"{price[key]:g}" for key in ("input", "output") if key in price)
    return f"{rates} +" if price["tiers"] else rates
