"""Lists of phrases, as the two modes look for them."""

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from plano_extproc.signals.words import Phrase, Words

_NEGATIONS: Final = frozenset(
    ("not", "never", "dont", "doesnt", "didnt", "isnt", "wasnt", "arent", "wont", "cant", "wouldnt", "without", "no")
)
_REACH: Final = 3
"""Words in front of a phrase in which a negation turns its meaning."""

_QUOTED: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]{1,200}\"|(?m:^>.*$)", re.DOTALL)

SIDE: Final = 150
"""Characters looked at on either side of a long text: people say what they feel first or last."""


class Near:
    """Phrases of the compatible mode, found exactly or nearly, the first in order of the list."""

    def __init__(self, *texts: str) -> None:
        self.phrases = tuple(Phrase(text) for text in texts)

    def __len__(self) -> int:
        return len(self.phrases)

    def find(self, said: Words) -> str | None:
        """Return the first phrase that the text is near to."""
        return next((phrase.text for phrase in self.phrases if phrase.is_near(said)), None)


class Plain:
    """Words of one text in standard mode: without apostrophes, quotations and code."""

    __slots__ = ("spaced", "words")

    def __init__(self, text: str) -> None:
        if '"' in text or "`" in text or ">" in text or "“" in text:
            text = _QUOTED.sub(" ", text.replace("“", '"').replace("”", '"'))
        self.words: Sequence[str] = text.lower().translate(_SPACED).split()
        self.spaced = f" {' '.join(self.words)} "

    def find(self, phrase: str) -> int:
        """Return how many words stand before a phrase, or -1 when it does not occur, or only with a negation."""
        start = self.spaced.find(phrase)
        if start < 0:
            return -1
        before = self.spaced[:start].split()
        return -1 if _NEGATIONS.intersection(before[-_REACH:]) else len(before)


class Filed(NamedTuple):
    """A phrase under its anchor: the rank of its type, its words between spaces, and those that may stand before it.

    `one` and `other` are further words of it, or empty: a text has them if it has the phrase.
    """

    rank: int
    phrase: str
    within: int
    one: str
    other: str


class Lexicon:
    """Phrases of the standard mode by type, found as whole words. Each is filed under its rarest word, its anchor.

    A text that has no anchor holds no phrase, and most texts have none.
    """

    def __init__(self, families: Iterable[tuple[str, "Exact"]]) -> None:
        self._types: list[str] = []
        filed: dict[str, list[Filed]] = {}
        for rank, (type_, phrases) in enumerate(families):
            self._types.append(type_)
            for text in phrases.texts:
                plain = _WORD.findall(text.lower().translate(_NO_APOSTROPHES))
                anchor = min(plain, key=lambda word: (word in _COMMON, -len(word)))
                entry = Filed(rank, f" {' '.join(plain)} ", phrases.within, *_companions(text, anchor))
                filed.setdefault(anchor, []).append(entry)
        # As they stand between spaces, so that a text needs not be cleaned to see that it has none.
        self._filed = {
            f"{opening}{spelling}{ending}": entries
            for anchor, entries in filed.items()
            for spelling in (anchor, *_WITH_APOSTROPHES.get(anchor, ()))
            for opening in _OPENINGS
            for ending in _ENDINGS
        }
        self._anchors = frozenset(self._filed)

    def find(self, text: str, lower: str, tokens: Sequence[str]) -> list[tuple[str, str]]:
        """Return the types that a text holds and the phrase of each, in the order of the types.

        `lower` is the text in lower case, and `tokens` are what stands between its spaces.
        """
        if self._anchors.isdisjoint(tokens):
            return []
        entries = [
            entry
            for anchor in self._anchors.intersection(tokens)
            for entry in self._filed[anchor]
            if entry.one in lower and entry.other in lower
        ]
        if not entries:
            return []
        said, found = Plain(text), dict[int, str]()
        for rank, phrase, within, *_ in entries:
            if rank not in found and 0 <= said.find(phrase) <= within:
                found[rank] = phrase.strip()
        return [(self._types[rank], found[rank]) for rank in sorted(found)]


def _companions(text: str, anchor: str) -> list[str]:
    # None that may be written with an apostrophe or without.
    plain = {word for word in text.lower().split() if word.isalnum() and word != anchor}
    return [*sorted(plain, key=len, reverse=True), "", ""][:2]


class Exact:
    """The phrases of one type. `within` is the number of words before one up to which it counts.

    `perfect` opens an approval and occurs in anything.
    """

    def __init__(self, texts: Iterable[str], *, within: int = 10_000) -> None:
        self.texts = tuple(texts)
        self.within = within


def frames(openings: Iterable[str], targets: Sequence[str]) -> Iterator[str]:
    """Yield every opening with every target."""
    for opening in openings:
        for target in targets:
            yield f"{opening} {target}"


_WORD: Final = re.compile(r"\w+")

_NO_APOSTROPHES: Final = str.maketrans("", "", "'’")  # noqa: RUF001
_SPACED: Final = str.maketrans(
    dict.fromkeys(f"{string.punctuation}…¿¡«»–—".replace("_", ""), " ") | {"'": None, "’": None}  # noqa: RUF001
)
"""Leaves words: apostrophes go, other marks become spaces."""

_OPENINGS: Final = ("", "(", "*")
_ENDINGS: Final = ("", ",", ".", "!", "?", ";", ":", "...", ")", "!!", "?!", "??", "!!!", "???")
_WITH_APOSTROPHES: Final = {
    f"{word}{ending}": tuple(f"{word}{sign}{ending}" for sign in "'’")  # noqa: RUF001
    for word, ending in (
        *((word, "re") for word in ("you", "we", "they")),
        *((word, "t") for word in ("can", "don", "doesn", "didn", "isn", "won")),
        *((word, "s") for word in ("that", "it", "what", "there")),
        *((word, "m") for word in ("i",)),
    )
}
"""Anchors that are written with an apostrophe."""

_COMMON: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "but",
        "can",
        "do",
        "does",
        "for",
        "get",
        "have",
        "he",
        "how",
        "i",
        "if",
        "im",
        "in",
        "is",
        "it",
        "its",
        "just",
        "let",
        "like",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "one",
        "or",
        "our",
        "please",
        "so",
        "that",
        "the",
        "then",
        "there",
        "this",
        "to",
        "up",
        "us",
        "was",
        "we",
        "what",
        "when",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
