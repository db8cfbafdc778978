"""Variables in the values of a file: `$NAME`, `${NAME}`, `${NAME:-default}`, and `$$` for a dollar.

Replaced in one pass inside string values only. The result is always a string: it is never read as YAML, nor searched
for variables again. A dollar followed by anything else stays.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from plano_extproc.config.document import Node
from plano_extproc.config.problem import Report

_VARIABLE: Final = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})", re.ASCII
)


def substitute(root: Node, environ: Mapping[str, str], report: Report) -> tuple[Node, dict[str, str]]:
    """Return the tree with variables replaced, and what was put in: value -> the text that names it.

    A variable that is not set is an error; its value stays as written and is marked `is_unset`.
    """
    used: dict[str, str] = {}

    def replaced(node: Node) -> Node:
        if isinstance(node.value, dict):
            return node.holding({key: replaced(below) for key, below in node.value.items()})
        if isinstance(node.value, list):
            return node.holding([replaced(below) for below in node.value])
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        value, unset = expand(node.value, environ, used)
        for name in unset:
            hint = "Set it in the environment, or in .env beside the file."
            if not _VARIABLE.fullmatch(node.value):
                hint += f" For the text itself write $${name}."
            report.error(node.place, node.path, f"variable {name} is not set", hint)
        return replace(node, is_unset=True) if unset else node.holding(value)

    return replaced(root), used


def expand(text: str, environ: Mapping[str, str], used: dict[str, str]) -> tuple[str, list[str]]:
    """Return the text with variables replaced, and the names that are not set. Adds to `used` what was put in."""
    unset: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name = match["bare"] or match["braced"]
        value = environ.get(name)
        if not value and match["default"] is not None:
            return match["default"]
        if value is None:
            unset.append(name)
            return match[0]
        used[value] = match[0]
        return value

    return _VARIABLE.sub(value_of, text), list(dict.fromkeys(unset))
