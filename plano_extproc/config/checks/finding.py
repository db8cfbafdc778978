"""What a check is given, and what it finds."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from plano_extproc.config.document import Key
from plano_extproc.config.migrate import CURRENT_VERSION, Version
from plano_extproc.config.problem import Severity
from plano_extproc.config.schema import Config

Loc = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a configuration whose values are each right. `loc` leads to the value."""

    loc: Loc
    message: str
    hint: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Subject:
    """A configuration, and the version that its file was written in."""

    config: Config
    version: Version

    @property
    def is_old(self) -> bool:
        """Whether the peer may have accepted the file."""
        return self.version < CURRENT_VERSION

    @property
    def stricter(self) -> Severity:
        """How bad something is that the peer let pass."""
        return "warning" if self.is_old else "error"


Check = Callable[[Subject], Iterator[Finding]]


def nearest(name: str, known: Iterable[str], what: str = "Known") -> str:
    """Return a hint: the known names most like `name`, else all of them."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(one) for one in close)}?"
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{what}: {', '.join(names[:10])}{more}." if names else f"{what}: none."


def repeated(named: Iterable[tuple[str, Loc]], what: str) -> Iterator[Finding]:
    """Find names that stand twice."""
    seen: set[str] = set()
    for name, loc in named:
        if name in seen:
            yield Finding(loc, f"{what} '{name}' stands here again", "Give each its own.")
        seen.add(name)
