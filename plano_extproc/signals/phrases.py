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
    """A phrase under its anchor: the rank of its type, its words between spaces, and how many may stand before it.

    `words` are the same once more; a text that has not all of them has not the phrase.
    """

    rank: int
    phrase: str
    within: int
    words: frozenset[bytes]


class Lexicon:
    """Phrases of the standard mode by type, found as whole words. Each is filed under its rarest word, its anchor.

    A text that has no anchor holds no phrase, and most texts have none. There are few anchors, so that they stay in the
    processor's cache.
    """

    def __init__(self, families: Iterable[tuple[str, "Exact"]]) -> None:
        self._types: list[str] = []
        filed: dict[bytes, list[Filed]] = {}
        for rank, (type_, phrases) in enumerate(families):
            self._types.append(type_)
            for text in phrases.texts:
                plain = _WORD.findall(text.lower().translate(_NO_APOSTROPHES))
                anchor = min(plain, key=lambda word: (word in _COMMON, -len(word)))
                words = frozenset(word.encode() for word in plain)
                filed.setdefault(anchor.encode(), []).append(Filed(rank, f" {' '.join(plain)} ", phrases.within, words))
        self._filed = filed
        self.anchors = frozenset(filed)

    def find(self, text: str, words: Sequence[bytes]) -> list[tuple[str, str]]:
        """Return the types that a text holds and the phrase of each, in the order of the types.

        `words` are those that `plain_words` finds in the text, of which one at least is an anchor.
        """
        held = set(words)
        entries = [entry for anchor in self.anchors & held for entry in self._filed[anchor] if entry.words <= held]
        if not entries:
            return []
        said, found = Plain(text), dict[int, str]()
        for rank, phrase, within, _ in entries:
            if rank not in found and 0 <= said.find(phrase) <= within:
                found[rank] = phrase.strip()
        return [(self._types[rank], found[rank]) for rank in sorted(found)]


def plain_words(text: str) -> list[bytes]:
    """Return the words of a text in lower case, without apostrophes and other marks.

    As bytes, of which the marks of English can be taken in one go.
    """
    if not text.isascii():
        text = text.lower()
        for mark, instead in _BEYOND_ASCII:
            if mark in text:
                text = text.replace(mark, instead)
    return text.encode("utf-8", "surrogatepass").translate(_LOWER_SPACED, b"'").split()


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

_NO_APOSTROPHES: Final = str.maketrans("", "", "'’")  # noqa: RUF001 - they are meant
_SPACED: Final = str.maketrans(
    dict.fromkeys(f"{string.punctuation}…¿¡«»–—".replace("_", ""), " ") | {"'": None, "’": None}  # noqa: RUF001 - they are meant
)
"""Leaves words: apostrophes go, other marks become spaces."""

_BEYOND_ASCII: Final = (("’", ""), *((mark, " ") for mark in "…¿¡«»–—“”„\u00a0\u3000"))  # noqa: RUF001 - they are meant
_LOWER_SPACED: Final = bytes(
    ord(" ") if (char := chr(code)) in string.punctuation and char != "_" else ord(char.lower()) if code < 128 else code
    for code in range(256)
)

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
