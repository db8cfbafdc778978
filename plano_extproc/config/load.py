"""A user's file to a `Config`, with everything that is wrong in it.

Read the text into a tree that knows its positions; replace variables; bring old versions to the current shape; check
every value by its type; check what no single value shows. No step stops at its first problem.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from plano_extproc.config.build import Built, build, complete, report_empty
from plano_extproc.config.checks import findings
from plano_extproc.config.checks.finding import Finding, Subject
from plano_extproc.config.document import Node, child_path, follow
from plano_extproc.config.migrate import CURRENT_VERSION, Version, migrate, version_of
from plano_extproc.config.problem import START, Problem, Report
from plano_extproc.config.reader import MAX_BYTES, Duplicate, read
from plano_extproc.config.schema import Config
from plano_extproc.config.substitution import substitute
from plano_extproc.config.telemetry import effective


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the problems of its file, in the file's order. `config` is None exactly after an error."""

    config: Config | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What makes the file unusable."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What its author should know."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def load(source: Path | str, *, environ: Mapping[str, str], name: str = "config.yaml") -> Loaded:
    """Read a file (a `Path`) or YAML text (a `str`, called `name` in problems).

    Never raises for what a user did: a missing file, broken YAML and wrong values are all problems. Variables come
    from `environ` alone; see `environment`.
    """
    report = Report(str(source) if isinstance(source, Path) else name)
    text = _text_of(source, report) if isinstance(source, Path) else source.removeprefix("\ufeff")
    root, duplicates = read(text, report) if text is not None else (None, ())
    config, used = _load(root, duplicates, environ, report) if root is not None else (None, {})
    problems = report.sorted(used)
    has_errors = any(problem.severity == "error" for problem in problems)
    return Loaded(None if has_errors or config is None else _traced(config, environ), problems)


def _traced(config: Config, environ: Mapping[str, str]) -> Config:
    tracing = effective(config.tracing, environ, is_configured="tracing" in config.model_fields_set)
    return config if tracing is config.tracing else config.model_copy(update={"tracing": tracing})


def environment(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the file at `path`: what `.env` beside it says, under what `environ` says.

    An unreadable `.env` counts as none: variables that are missing are reported by name.
    """
    try:
        text = (path.parent / ".env").read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        text = ""
    lines = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {**{key: value for key, value in lines.items() if value is not None}, **environ}


def _text_of(path: Path, report: Report) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        report.error(START, "", f"the file is not in UTF-8 (line {line})", "Save it in UTF-8.")
    except FileNotFoundError:
        report.error(START, "", "there is no such file", "Check its name and folder.")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name cannot be used"
        report.error(START, "", f"the file cannot be read: {reason}")
    return None


def _load(
    root: Node, duplicates: tuple[Duplicate, ...], environ: Mapping[str, str], report: Report
) -> tuple[Config | None, dict[str, str]]:
    report_empty(root, report)
    root, used = substitute(root, environ, report)
    version = version_of(root, report)
    if version is None:
        return None, used
    _report_duplicates(duplicates, version, report)
    root = complete(migrate(root, version, report), version, environ, report)
    built = build(root, report)
    if built.config is not None:
        for finding in findings(Subject(built.config, version), lost_entries=built.lost_entries):
            _report_finding(finding, built, report)
    return built.config, used


def _report_finding(finding: Finding, built: Built, report: Report) -> None:
    node, lacking, _ = follow(built.root, finding.loc)
    path = child_path(node.path, lacking[-1]) if lacking else node.path
    follows_from_another = any(lost == path or lost.startswith((f"{path}.", f"{path}[")) for lost in built.lost)
    if node.is_unset or node.value is None or follows_from_another:
        return
    place = node.start if lacking or finding.severity == "warning" else node.place
    report.add(finding.severity, place, path, finding.message, finding.hint)


def _report_duplicates(duplicates: tuple[Duplicate, ...], version: Version, report: Report) -> None:
    for one in duplicates:
        message = f"stands twice; the first is in line {one.first.line}"
        if version < CURRENT_VERSION:
            report.warning(one.place, one.path, f"{message}, and this one holds", "Remove one of the two.")
        else:
            report.error(one.place, one.path, message, "Remove one of the two.")
