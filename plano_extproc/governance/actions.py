"""Which tools an agent may call: by the tool's name, and by what it is called with.

Forbidden names hold in every spelling: `execute_shell` also forbids `executeShell`, `Execute-Shell` and the tool of
that name on any server, such as `mcp__box__execute_shell`. Allowed names hold as they are written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final
from unicodedata import category, normalize

import orjson

from plano_extproc.config.governance import ForbiddenAction


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that may not be made: the tool, and the rule that says so."""

    tool: str
    rule: str


@dataclass(frozen=True, slots=True)
class _Rule:
    tool: str
    name: re.Pattern[str]
    arguments: re.Pattern[str] | None


class Actions:
    """The tools of one agent. `has_rules` is False where it may call any."""

    def __init__(self, allowed: Sequence[str], forbidden: Sequence[ForbiddenAction]) -> None:
        self._allowed = tuple(re.compile(translate(name)) for name in allowed)
        self._forbidden = tuple(
            _Rule(one.tool, _pattern(one.tool), re.compile(one.arguments) if one.arguments else None)
            for one in forbidden
        )
        self.has_rules = bool(allowed or forbidden)
        self.forbidden = tuple(f"{one.tool} with {one.arguments}" if one.arguments else one.tool for one in forbidden)
        """The rules, as people read them."""

    def offered(self, tool: str) -> Refused | None:
        """Return why a tool must not even be offered to a model; what depends on its arguments is offered."""
        return self._unlisted(tool) or next(
            (Refused(tool, f"forbidden: {rule.tool}") for rule in self._matching(tool) if rule.arguments is None), None
        )

    def called(self, tool: str, arguments: str) -> Refused | None:
        """Return why a tool must not be called with `arguments`, which are JSON or any text; None where it may."""
        if (refused := self.offered(tool)) is not None:
            return refused
        texts: tuple[str, ...] | None = None
        for rule in self._matching(tool):
            assert rule.arguments is not None, "those without are refused by name"
            if texts is None:
                texts = tuple(_texts(arguments))
            if any(rule.arguments.search(text) for text in texts):
                return Refused(tool, f"forbidden: {rule.tool} with {rule.arguments.pattern}")
        return None

    def _unlisted(self, tool: str) -> Refused | None:
        if not self._allowed or any(one.fullmatch(tool) for one in self._allowed):
            return None
        return Refused(tool, "not among the allowed side effects")

    def _matching(self, tool: str) -> Iterator[_Rule]:
        names = _names(tool)
        for rule in self._forbidden:
            if any(rule.name.fullmatch(name) for name in names):
                yield rule


def _pattern(tool: str) -> re.Pattern[str]:
    written = spelled(tool)
    if any(letter in written for letter in "*?["):
        return re.compile(translate(written))
    return re.compile(f"{re.escape(written)}|{re.escape(written.replace('_', ''))}")


@lru_cache(maxsize=4096)
def spelled(name: str) -> str:
    """Return the one spelling of a name: plain letters in lower case, words apart by an underscore."""
    plain = "".join(letter for letter in normalize("NFKC", name) if category(letter) != "Cf")
    return _JOINTS.sub("_", _HUMPS.sub("_", plain)).casefold()


@lru_cache(maxsize=4096)
def _names(tool: str) -> tuple[str, ...]:
    """Return the whole name, and the part that is the tool's own."""
    own = _SERVERS.split(tool)[-1]
    found = [spelled(name) for name in (tool, own) if name]
    # Words that are written without anything between them match a rule that has no star.
    return tuple(dict.fromkeys((*found, *(name.replace("_", "") for name in found))))


def _texts(arguments: str) -> Iterator[str]:
    """Yield what a pattern is looked for in: every key and value, and the whole as it is written."""
    yield arguments
    try:
        value: Any = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case dict() as held:
                for key, one in held.items():
                    yield key
                    stack.append(one)
            case list() as held:
                # The words of a command line may stand one by one.
                if all(isinstance(one, str) for one in held):
                    yield " ".join(held)
                stack.extend(held)
            case bool() | None:
                pass
            case number:
                yield str(number)


_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS: Final = re.compile(r"[\s\-_]+")
_SERVERS: Final = re.compile(r"__|[./:]")
"""What stands between a server's name and the tool's."""
