"""`planoai models`: the names that clients may ask for."""

import os
from typing import Any

import rich_click as click

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.routing import Directory
from planoai import sources
from planoai.output import plain, print_json, print_table, say
from planoai.upstreams import upstreams


@click.command("models")
@click.argument("file", required=False)
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str | None, folder: str, as_json: bool) -> None:
    """List the models and aliases of FILE, else of config.yaml or plano_config.yaml in the folder."""
    config = sources.accept(sources.read(sources.find(file, folder), os.environ))
    models = [_model(config, entry) for entry in config.model_providers]
    aliases = _aliases(config)
    if as_json:
        print_json({"models": models, "aliases": aliases})
        return
    print_table(
        ("model", "provider", "speaks", "at", ""),
        [
            tuple(map(plain, (m["name"], m["provider"], ", ".join(m["apis"]), m["url"], "default" * m["default"])))
            for m in models
        ],
    )
    if aliases:
        say("")
        print_table(("alias", "stands for"), [(plain(alias["name"]), plain(alias["model"])) for alias in aliases])


def _model(config: Config, entry: ModelProvider) -> dict[str, Any]:
    own = next((u for u in upstreams(config, entry, entry.model_id) if u.api == entry.apis[0]), None)
    return {
        "name": entry.name,
        "model": entry.model,
        "provider": entry.provider,
        "apis": list(entry.apis),
        "url": own.url if own else entry.base_url,
        "default": entry.default,
        "wildcard": entry.is_wildcard,
        "passthrough_auth": entry.uses_client_credential,
    }


def _aliases(config: Config) -> list[dict[str, Any]]:
    directory = Directory(config)
    return [{"name": name, "model": directory.resolve(name).name} for name in config.model_aliases]
