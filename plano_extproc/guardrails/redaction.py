"""What stands in place of personal data: the name of its kind, or a placeholder that is turned back in the answer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from plano_extproc.config.policies import PiiEntity
from plano_extproc.guardrails.pii import Found


def label(found: Found) -> str:
    """Return `[EMAIL]` for an address, and so on."""
    return f"[{found.entity.upper()}]"


@dataclass(frozen=True, slots=True)
class Restore:
    """The placeholders of one exchange and what they stand for; nobody else's, and shown in no log."""

    originals: Mapping[str, str] = field(repr=False)


class Placeholders:
    """Gives out placeholders for one exchange: the same for the same text, in the order in which they come.

    So a conversation that comes back with the originals in it gets the same placeholders again, and what a provider
    has signed stays as it was.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Give out none that stands in `texts` already."""
        self._taken = {found for text in texts if "[" in text for found in _PLACEHOLDER.findall(text)}
        self._words: dict[tuple[PiiEntity, str], str] = {}
        self._counts: dict[PiiEntity, int] = {}

    def word(self, found: Found, original: str) -> str:
        """Return the placeholder for a text."""
        known = self._words.get((found.entity, original))
        if known is not None:
            return known
        while True:
            count = self._counts[found.entity] = self._counts.get(found.entity, 0) + 1
            word = f"[{found.entity.upper()}_{count}]"
            if word not in self._taken:
                self._words[found.entity, original] = word
                return word

    def restore(self) -> Restore | None:
        """Return what undoes them; none where none was given out."""
        return Restore({word: original for (_, original), word in self._words.items()}) if self._words else None


class RestoreWindow:
    """Puts the originals back into the answer, however it is cut. Holds back at most the length of a placeholder."""

    def __init__(self, restore: Restore) -> None:
        self._originals = restore.originals
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the text with the originals of all placeholders that are complete."""
        text = self._held + text
        cut = _CUT.search(text, max(0, len(text) - _LONGEST))
        at = cut.start() if cut else len(text)
        self._held = text[at:]
        return restored(text[:at], self._originals)

    def end(self) -> str:
        """Return what looked like the beginning of a placeholder and is none."""
        text, self._held = self._held, ""
        return text


def restored(text: str, originals: Mapping[str, str]) -> str:
    """Return the text with the originals in it; a placeholder that is not of this exchange stays."""
    if "[" not in text:
        return text
    return _PLACEHOLDER.sub(lambda found: originals.get(found.group(), found.group()), text)


_LONGEST: Final = 32
_PLACEHOLDER: Final = re.compile(r"\[(?:EMAIL|PHONE|CREDIT_CARD|SSN|IBAN|IP|API_KEY)_\d{1,9}\]")
_CUT: Final = re.compile(r"\[[A-Z_]{0,12}\d{0,9}\Z")
