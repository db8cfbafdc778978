"""Personal data in text that streams: what may still become a match is held back, at most `MOST_HELD` bytes of it.

A match in the making is a suffix of what has come: a word that goes on, or groups of digits with single signs between
them. Everything before it is decided. A word longer than what may be held is looked at as far as it has come; if it is
a match so far, the rest of the word belongs to it.
"""

import re
from collections.abc import Sequence
from typing import Final

from plano_extproc.config.policies import PiiEntity
from plano_extproc.errors import GatewayError
from plano_extproc.guardrails.pii import Found, find, replace
from plano_extproc.guardrails.redaction import label

MOST_HELD: Final = 224
"""Bytes of UTF-8. A window for placeholders may hold up to 32 more, which makes 256."""


class PiiWindow:
    """Replaces each match by the name of its kind, or raises `refusal` at the first."""

    def __init__(self, entities: Sequence[PiiEntity] = (), refusal: GatewayError | None = None) -> None:
        """Look for these entities; none means all."""
        self._entities = entities
        self._refusal = refusal
        self._before = ""
        self._held = ""
        self._swallows: re.Pattern[str] | None = None
        self.found = 0
        """How many matches there were."""

    def feed(self, text: str) -> str:
        """Return what is decided."""
        if self._swallows is not None:
            rest = self._swallows.match(text)
            assert rest is not None
            text = text[rest.end() :]
            if not text:
                return ""
            self._swallows = None
        self._held += text
        return self._release(_undecided(self._held))

    def end(self) -> str:
        """Return what was held back, looked at as it is."""
        return self._release(len(self._held))

    def _release(self, at: int) -> str:
        text = self._before + self._held
        start = len(self._before)
        limit = start + at
        found = []
        for one in find(text, self._entities, start):
            if one.end <= limit:
                found.append(one)
            elif one.start < limit:
                # It reaches into what is not decided; all of it waits, unless that is too much.
                if _bytes(text[one.start :]) <= MOST_HELD:
                    limit = one.start
                else:
                    found.append(one)
                    limit = len(text)
                    self._swallows = _REST
                break
        if not found and _bytes(text[limit:]) > MOST_HELD:
            limit, found = self._too_long(text, start, limit)
        if found and self._refusal is not None:
            raise self._refusal
        self.found += len(found)
        made = replace(text[:limit], found, label)[start:]
        self._before = text[max(limit - _CONTEXT, 0) : limit]
        self._held = text[limit:]
        return made

    def _too_long(self, text: str, start: int, limit: int) -> tuple[int, list[Found]]:
        """Return how far text goes on of which more is undecided than may be held, and the matches in it."""
        found = find(text, self._entities, start)
        if found and found[-1].end == len(text):
            self._swallows = _REST
            return len(text), found
        while _bytes(text[limit:]) > MOST_HELD:
            limit += max(1, (_bytes(text[limit:]) - MOST_HELD) // 4)
        return limit, []


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _undecided(text: str) -> int:
    """Return where the suffix begins that may still become a match."""
    word = _WORD_END.search(text, max(0, len(text) - 2 * MOST_HELD))
    assert word is not None, "an empty end is one too"
    at = word.start()
    groups = _GROUPS_END.search(text, max(0, at - _CHAIN), at)
    return groups.start() if groups else at


_CONTEXT: Final = 64
"""Characters before a match that decide whether it is one: the name of a secret is the longest."""

_CHAIN: Final = 64
"""An IBAN in groups has 42 characters."""

_SPACE: Final = r"[ \u00a0\u202f]"
_WORD_END: Final = re.compile(r"[^\s\"'<>,;{}\[\]|]*\Z")
_GROUP: Final = r"(?=[A-Za-z(+]{0,4}\d)[\w+().-]{1,24}"
_GROUPS_END: Final = re.compile(rf"(?<![\w+(]){_GROUP}{_SPACE}(?:(?:{_GROUP}|[0-9A-Za-z]{{1,4}}){_SPACE})*\Z")
_REST: Final = re.compile(r"[\w.~+/=%-]*", re.ASCII)
"""What goes on with a word that is a match already."""
