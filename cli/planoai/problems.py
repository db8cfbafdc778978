"""What is wrong with a configuration, as it is shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape

from plano_extproc.config import Problem
from planoai.output import COLOURS, stderr


def print_problems(problems: Iterable[Problem]) -> None:
    """Print problems on stderr, one a line, where editors and terminals can follow `file:line:column`."""
    console = stderr()
    for problem in problems:
        place, mark, words = str(problem).partition(f": {problem.severity}: ")
        if mark:
            console.print(f"{escape(place)}: [{COLOURS[problem.severity]}]{problem.severity}:[/] {escape(words)}")
        else:
            console.print(escape(str(problem)))


def problem_json(problem: Problem) -> Mapping[str, Any]:
    """Return a problem as `validate --json` shows it."""
    names = ("severity", "file", "line", "column", "path", "message", "hint")
    return {name: getattr(problem, name) for name in names}
