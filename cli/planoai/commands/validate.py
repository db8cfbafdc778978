"""`planoai validate`: everything that is wrong with a file, at once."""

import os

import rich_click as click
from rich.markup import escape

from planoai import sources
from planoai.output import print_json, say
from planoai.problems import print_problems, problem_json


@click.command("validate")
@click.argument("file", required=False)
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str | None, folder: str, as_json: bool) -> None:
    """Check FILE, else config.yaml or plano_config.yaml in the folder. Starts nothing.

    The exit code is 0 when it can be used (warnings are no errors) and 1 when it cannot.
    """
    source = sources.read(sources.find(file, folder), os.environ)
    loaded = source.loaded
    if as_json:
        problems = [problem_json(problem) for problem in loaded.problems]
        print_json({"file": source.name, "valid": loaded.config is not None, "problems": problems})
    else:
        print_problems(loaded.problems)
        _summarise(source)
    raise SystemExit(0 if loaded.config is not None else 1)


def _summarise(source: sources.Source) -> None:
    errors, warnings = len(source.loaded.errors), len(source.loaded.warnings)
    counts = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    verdict = "[bold red]not valid[/]" if errors else "[green]valid[/]"
    say(f"{escape(source.name)} is {verdict}{': ' + ', '.join(counts) if counts else ''}")
