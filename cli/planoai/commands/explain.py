"""`planoai explain`: who would serve a prompt, and why."""

import os
from typing import Any

import rich_click as click

from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.explain import explained
from plano_extproc.routing.intent import EncoderMissing
from planoai import sources
from planoai.errors import Failure
from planoai.output import plain, print_json, print_table, say
from planoai.upstreams import upstreams


@click.command("explain")
@click.argument("words", nargs=-1, metavar="[FILE] PROMPT")
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option(
    "--listener", "listener_name", help="The listener that gets the prompt.  [default: the first model listener]"
)
@click.option("--model", help="The model that the request names.  [default: none]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(words: tuple[str, ...], folder: str, listener_name: str | None, model: str | None, as_json: bool) -> None:
    """Show which listener, model and provider would take PROMPT, and why. Calls no provider."""
    if not words:
        raise click.UsageError("say what the prompt is")
    if len(words) > 2:
        raise click.UsageError("write the prompt in quotes: at most FILE and PROMPT are expected")
    *files, prompt = words
    source = sources.read(sources.find(files[0] if files else None, folder), os.environ)
    config = sources.accept(source)
    found = explain(config, prompt, listener_name=listener_name, model=model)
    if as_json:
        print_json(found)
    else:
        _print(found)


def explain(config: Config, prompt: str, *, listener_name: str | None, model: str | None) -> dict[str, Any]:
    """Return what `--json` prints."""
    listener = _listener(config, listener_name)
    try:
        found = explained(config, listener.name, prompt, model)
    except GatewayError as error:
        raise Failure(error.message) from None
    except EncoderMissing as error:
        raise Failure(str(error)) from None
    choice = found.plans[0].choice if found.plans else None
    served = choice.model if choice else next(iter(found.agents), "")
    places = upstreams(config, found.entry, served) if found.entry else []
    return {
        "prompt": prompt,
        "listener": {"name": listener.name, "type": listener.type, "port": listener.port},
        "requested_model": model,
        "target": found.target,
        "agent": found.agents[0] if found.agents else None,
        "route": found.route,
        "model": choice.name if choice else None,
        "provider": choice.provider.provider if choice else None,
        "entry": found.entry.name if found.entry else None,
        "reason": "; ".join(found.reasons),
        "reasons": list(found.reasons),
        "scores": {name: round(score, 3) for name, score in found.scores.items()},
        "then": [plan.choice.name for plan in found.plans[1:]] or list(found.agents[1:]),
        "upstreams": [{"path": u.path, "api": u.api, "url": u.url, "translated": u.is_translated} for u in places],
    }


def _listener(config: Config, name: str | None) -> Listener:
    if name is None:
        return next((entry for entry in config.listeners if entry.type == "model"), config.listeners[0])
    found = next((entry for entry in config.listeners if entry.name == name), None)
    if found is None:
        known = ", ".join(entry.name for entry in config.listeners)
        raise Failure(f"no listener is named '{name}'", f"there are: {known}")
    return found


def _print(found: dict[str, Any]) -> None:
    listener = found["listener"]
    say(f"listener  [bold]{plain(listener['name'])}[/] [dim]({listener['type']}, port {listener['port']})[/]")
    if found["target"]:
        say(f"target    [bold]{plain(found['target'])}[/]")
    elif found["agent"]:
        say(f"agent     [bold]{plain(found['agent'])}[/]")
    else:
        say(f"model     [bold]{plain(found['model'])}[/] [dim](provider {plain(found['provider'])})[/]")
    if found["route"]:
        say(f"route     {plain(found['route'])}")
    for number, reason in enumerate(found["reasons"]):
        say(f"{'because' if not number else 'and':<10}{plain(reason)}")
    if found["scores"]:
        say(f"scores    {plain(', '.join(f'{name} {score:.2f}' for name, score in found['scores'].items()))}")
    if found["then"]:
        why = "each goes on from what was said before" if found["agent"] else "where those before it fail"
        say(f"then      {plain(', '.join(found['then']))} [dim]({why})[/]")
    if not found["upstreams"]:
        return
    say("")
    print_table(
        ("a client of", "is sent to", "as", ""),
        [
            (u["path"], plain(u["url"]), u["api"], "translated" if u["translated"] else "as it is")
            for u in found["upstreams"]
        ],
    )
