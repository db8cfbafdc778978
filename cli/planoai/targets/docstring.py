"""What a docstring says of a function and of its parameters, in Google's, NumPy's or Sphinx's style."""

import ast
import inspect
import re
from typing import Final

from planoai.targets.operation import first_paragraph

_SECTION: Final = re.compile(r"^(?:Args|Arguments|Parameters|Params)\s*:?\s*$")
_OTHER: Final = re.compile(r"^(?:Returns?|Raises|Yields?|Examples?|Notes?|Responses?)\b.*$")
_ENTRY: Final = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_SPHINX: Final = re.compile(r"^:param\s+(?:[\w\[\]., |]+\s+)?(\w+)\s*:\s*(.*)$")


def described(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, dict[str, str]]:
    """Return the first paragraph of a function's docstring, and the descriptions of its parameters."""
    text = inspect.cleandoc(ast.get_docstring(function) or "")
    lines = text.splitlines()
    told: dict[str, list[str]] = {}
    current: list[str] | None = None
    indent = -1
    for place, line in enumerate(lines):
        bare = line.strip()
        depth = len(line) - len(line.lstrip())
        if match := _SPHINX.match(bare):
            current = told.setdefault(match[1], [match[2]])
            indent = -1
        elif _SECTION.match(bare):
            indent, current = depth, None
        elif indent >= 0 and _OTHER.match(bare) and depth <= indent:
            indent, current = -1, None
        elif indent >= 0 and (match := _ENTRY.match(bare)) and _is_entry(lines, place, match, indent, current):
            numpy = set(lines[place - 1].strip()) == {"-"} or depth == indent
            current = told.setdefault(match[1], [] if numpy and depth == indent else [match[2]])
        elif current is not None and bare and set(bare) != {"-"}:
            current.append(bare)
    summary = first_paragraph(text)
    return ("" if _SECTION.match(summary) or summary.startswith(":") else summary), {
        name: " ".join(" ".join(parts).split()) for name, parts in told.items()
    }


def _is_entry(lines: list[str], place: int, match: re.Match[str], indent: int, current: list[str] | None) -> bool:
    """Whether a line names a parameter, and is no sentence with a colon that goes on about the one before it."""
    depth = len(lines[place]) - len(lines[place].lstrip())
    return current is None or depth <= indent + 4 or bool(match[1].isidentifier() and depth == indent)
