"""`planoai init`: begin with a template."""

import os
import sys
from pathlib import Path

import rich_click as click

from planoai.errors import Failure
from planoai.home import home
from planoai.output import diagnose, plain, print_json, print_table, say
from planoai.templates import STARS, Registry, Template

_DEFAULTS = {"configuration": "config.yaml", "agent": "agent.py"}
_PREVIEW = 28
_LEAST = """\
# The least that is valid. `planoai validate` tells what is missing.
version: v0.5.0

listeners:
  - type: model
    name: models
    port: 12000

model_providers: []  # in place of the brackets:
#  - model: openai/gpt-4o
#    access_key: $OPENAI_API_KEY
#    default: true
"""


@click.command("init")
@click.option("--template", "template", metavar="ID[@VERSION]", help="Write this template.")
@click.option("--clean", is_flag=True, help="Write the least that is valid, without any model.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to. By default config.yaml, or agent.py.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--list-templates", is_flag=True, help="Show all templates.")
@click.option("--search", metavar="WORDS", help="Show the templates that have to do with these words.")
@click.option("--add-folder", type=click.Path(path_type=Path), help="Look for templates in this folder, too.")
@click.option("--remove-folder", type=click.Path(path_type=Path), help="Do so no more.")
@click.option("--rate", nargs=2, metavar="ID STARS", help="Give a template one to five stars.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    template: str | None,
    clean: bool,
    output: Path | None,
    force: bool,
    list_templates: bool,
    search: str | None,
    add_folder: Path | None,
    remove_folder: Path | None,
    rate: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Write a configuration or an agent to begin with, or look for one.

    Without an option, asks for what is needed; that takes a terminal.
    """
    if clean and template is not None:
        raise click.UsageError("give --clean or --template, not both")
    registry = Registry(home(os.environ).root)
    if add_folder is not None:
        say(plain(f"{registry.add(add_folder)} templates in {add_folder} are found from now on"))
    elif remove_folder is not None:
        registry.remove(remove_folder)
    elif rate is not None:
        _rate(registry, *rate)
    elif search is not None:
        _show(registry.search(search), as_json=as_json)
    elif list_templates:
        _show(registry.latest(), as_json=as_json)
    elif clean:
        _write(output or Path(_DEFAULTS["configuration"]), _LEAST, force=force)
    else:
        found = registry.get(template) if template is not None else _asked(registry)
        _write(output or Path(_DEFAULTS[found.kind]), found.text, force=force)


def _rate(registry: Registry, name: str, stars: str) -> None:
    if not stars.isdecimal() or int(stars) not in STARS:
        raise click.BadParameter("give 1 to 5 stars", param_hint="--rate")
    found = registry.rate(name, int(stars))
    say(plain(f"{found.id}@{found.version} has {stars} stars"))


def _show(templates: list[Template], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "version": one.version,
                    "kind": one.kind,
                    "title": one.title,
                    "rating": one.rating,
                    "path": str(one.path),
                }
                for one in templates
            ]
        )
        return
    rows = [
        (plain(one.id), one.version, one.kind, f"{one.rating} of 5" if one.rating else "-", plain(one.title))
        for one in templates
    ]
    print_table(("id", "version", "kind", "rating", ""), rows)
    if not templates:
        diagnose("note", "no template has to do with that", ["planoai init --list-templates shows all"])


def _asked(registry: Registry) -> Template:
    """Let the user choose."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("nobody is there to choose a template", "name one with --template, or see --list-templates")
    templates = registry.latest()
    for number, one in enumerate(templates, start=1):
        say(f"{number:3}  [bold]{plain(one.id)}[/]  {plain(one.title)}")
    try:
        number = click.prompt("Which one", type=click.IntRange(1, len(templates)))
    except click.Abort:
        say("Cancelled.")
        raise SystemExit(0) from None
    return templates[number - 1]


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force:
        raise Failure(f"{path} is there already", "choose another with --output, or write over it with --force")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"wrote [bold]{plain(str(path))}[/]")
    for line in text.splitlines()[:_PREVIEW]:
        say(f"  [dim]|[/] {plain(line)}")
