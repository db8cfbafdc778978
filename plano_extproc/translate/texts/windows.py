"""Text that is looked at while it streams: a window takes it piece by piece and gives back what may go on.

Pieces are cut anywhere, but never within a character. A window that refuses raises a `GatewayError`.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol


class Window(Protocol):
    """Sees one text, from its beginning to its end, and may change it."""

    def feed(self, text: str) -> str:
        """Take the next piece; return what may go on, perhaps nothing."""

    def end(self) -> str:
        """Return what was held back: the text is over."""


def whole(window: Window, text: str) -> str:
    """Return what a fresh window makes of a whole text."""
    return window.feed(text) + window.end()


class Chain:
    """Several windows, one after another."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = windows

    def feed(self, text: str) -> str:
        """Take the next piece, through all of them."""
        for window in self._windows:
            text = window.feed(text)
        return text

    def end(self) -> str:
        """End all of them, the first one first."""
        text = ""
        for window in self._windows:
            text = window.feed(text) + window.end()
        return text


class JsonWindow:
    """Sees the strings and the numbers within JSON, each with a window of its own, and leaves the rest alone.

    What is written for a string is JSON again; a number that is changed becomes a string. Broken JSON is no error:
    models write it, and it goes on as broken as it came.
    """

    def __init__(self, fresh: Callable[[], Window]) -> None:
        """Look at each text with a window that `fresh` makes."""
        self._fresh = fresh
        self._string: Window | None = None
        self._rest = ""
        self._bare = ""

    def feed(self, text: str) -> str:
        """Take the next piece; what is cut within an escape or a number waits for its end."""
        text, self._rest = self._rest + text, ""
        made: list[str] = []
        at = 0
        while at < len(text):
            at = self._outside(text, at, made) if self._string is None else self._within(text, at, made)
        return "".join(made)

    def end(self) -> str:
        """End the string or number that is open, if any."""
        rest, self._rest = self._rest, ""
        if self._string is None:
            return self._end_bare()
        made = _written(self._string.end()) + rest
        self._string = None
        return made

    def _outside(self, text: str, at: int, made: list[str]) -> int:
        found = _BARE.match(text, at)
        if found is not None:
            self._bare += found.group()
            if len(self._bare) > _LONGEST:
                made.append(self._end_bare())
            return found.end()
        made.append(self._end_bare())
        made.append(text[at])
        if text[at] == '"':
            self._string = self._fresh()
        return at + 1

    def _end_bare(self) -> str:
        bare, self._bare = self._bare, ""
        if not bare:
            return ""
        made = whole(self._fresh(), bare)
        return json.dumps(made, ensure_ascii=False) if made != bare and _NUMBER.fullmatch(bare) else made

    def _within(self, text: str, at: int, made: list[str]) -> int:
        assert self._string is not None
        stop = _STOP.search(text, at)
        end = stop.start() if stop else len(text)
        if end > at:
            made.append(_written(self._string.feed(text[at:end])))
            return end
        if text[at] == '"':
            made.append(_written(self._string.end()) + '"')
            self._string = None
            return at + 1
        return self._escaped(text, at, made, self._string)

    def _escaped(self, text: str, at: int, made: list[str], string: Window) -> int:
        found = _ESCAPE.match(text, at)
        if found is None and _CUT_ESCAPE.fullmatch(text, at):
            self._rest = text[at:]
            return len(text)
        if found is None:
            # No escape of JSON's: the backslash stands for itself.
            made.append(_written(string.feed("\\")))
            return at + 1
        escape = found.group()
        if _HIGH.fullmatch(escape) and _CUT_ESCAPE.fullmatch(text, found.end()):
            self._rest = text[at:]
            return len(text)
        made.append(_written(string.feed(json.loads(f'"{escape}"'))))
        return found.end()


def _written(text: str) -> str:
    """Return what stands between the quotes; half a surrogate pair, which is no character, stays an escape."""
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", written)


_LONGEST: Final = 256
_BARE: Final = re.compile(r'[^\s{}\[\],:"]+')
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_STOP: Final = re.compile(r'["\\]')
_ESCAPE: Final = re.compile(
    r'\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})'
)
_CUT_ESCAPE: Final = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?")
_HIGH: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
