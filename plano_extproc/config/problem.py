"""What is wrong in a user's file: where, what, and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in the file, both numbers from 1."""

    line: int
    column: int


START = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path` is the key's path as the user wrote it; empty for the file as a whole."""

    severity: Severity
    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {what}" + (
            f". {self.hint}" if self.hint else ""
        )


@dataclass(slots=True)
class Report:
    """Collects the problems of one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def error(self, place: Place, path: str, message: str, hint: str = "") -> None:
        """Add an error: the file cannot be used."""
        self.add("error", place, path, message, hint)

    def warning(self, place: Place, path: str, message: str, hint: str = "") -> None:
        """Add a warning: the file can be used, but perhaps not as its author thinks."""
        self.add("warning", place, path, message, hint)

    def add(self, severity: Severity, place: Place, path: str, message: str, hint: str) -> None:
        """Add a problem of either kind."""
        self.problems.append(Problem(severity, self.file, place.line, place.column, path, message, hint))

    def sorted(self, substituted: Mapping[str, str]) -> tuple[Problem, ...]:
        """Return the problems in the order of the file, each once.

        `substituted` maps values that came from variables to the text that the user wrote: such a value may be a
        secret, so the text is shown in its place.
        """
        shown = (_redact(problem, sorted(substituted.items(), key=_longest_first)) for problem in self.problems)
        return tuple(sorted(dict.fromkeys(shown), key=lambda one: (one.line, one.column, one.path, one.severity)))


_SHORTEST_SECRET = 3
"""Shorter values are no secrets, and would be found inside words."""


def _longest_first(item: tuple[str, str]) -> int:
    return -len(item[0])


def _redact(problem: Problem, substituted: Iterable[tuple[str, str]]) -> Problem:
    for value, text in substituted:
        if len(value) >= _SHORTEST_SECRET and (value in problem.message or value in problem.hint):
            message, hint = problem.message.replace(value, text), problem.hint.replace(value, text)
            problem = replace(problem, message=message, hint=hint)
    return problem
