"""Requests that mean the same as one before: alike but for the user's last words, and those nearly the same in meaning.

The words are compared by the vectors of a sentence encoder. Vectors know little of numbers, names in quotes, negations
and who does what to whom, and a wrong answer is worse than none: two texts that differ in one of these, that have their
common words in another order, or each a word that the other lacks, are not the same.

What is kept for requests that are alike is one value, a row of fixed length for each of the latest texts.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

MOST_ROWS: Final = 128
MOST_LETTERS: Final = 400
"""Longer texts are only compared by their bytes."""

_DIMENSIONS: Final = 384
_KEY: Final = 32
_MARKS: Final = 8
_WORDS: Final = 64
"""Words of a text whose order is compared; each is kept as two bytes of a digest."""

_TIME: Final = 8
_ROW: Final = _DIMENSIONS + _KEY + _MARKS + 2 * _WORDS + _TIME
_SCALE: Final = 127.0
"""A component of a unit vector becomes one byte; the error of a dot product of two is below 0.01."""


@dataclass(frozen=True, slots=True)
class Near:
    """A text that was found: the key of its answer, and how alike it is, at most 1."""

    key: str
    likeness: float


def marks(text: str) -> bytes:
    """Return a digest of what two texts must have in common to be the same: numbers, quotes, negations, code."""
    found = sorted(match.group().lower() for match in _EXACT.finditer(text))
    return hashlib.sha256("\n".join(found).encode("utf-8", "surrogatepass")).digest()[:_MARKS]


def nearest(rows: bytes, vector: "Vector", text: str, threshold: float, since: float) -> Near | None:
    """Return the text most alike among those kept since a time, None where none reaches the threshold."""
    import numpy as np

    count = len(rows) // _ROW
    if not count:
        return None
    table = np.frombuffer(rows, np.uint8, count * _ROW).reshape(count, _ROW)
    times = table[:, -_TIME:].copy().view("<f8")[:, 0]
    has_marks = (table[:, _AT_MARKS:_AT_WORDS] == np.frombuffer(marks(text), np.uint8)).all(axis=1)
    likeness = table[:, :_DIMENSIONS].view(np.int8).astype(np.float32) @ (vector / _SCALE)
    likeness[~(has_marks & (times >= since))] = -1.0
    own = _words(text)
    for row in np.argsort(-likeness):
        if likeness[row] < threshold:
            break
        if _agree(own, table[row, _AT_WORDS:-_TIME].tobytes()):
            return Near(table[row, _AT_KEY:_AT_MARKS].tobytes().hex(), min(1.0, float(likeness[row])))
    return None


def added(rows: bytes | None, vector: "Vector", text: str, key: str, now: float) -> bytes:
    """Return the rows with one more, the newest last, without the oldest where there are too many."""
    import numpy as np

    row = np.round(vector * _SCALE).astype(np.int8).tobytes() + bytes.fromhex(key) + marks(text) + _words(text)
    return ((rows or b"") + row + np.array([now], "<f8").tobytes())[-MOST_ROWS * _ROW :]


def _words(text: str) -> bytes:
    """Return digests of the first words that say something, in order."""
    found = [word for word in _WORD.findall(text.lower()) if word not in _LITTLE][:_WORDS]
    digests = (hashlib.blake2b(word.rstrip("s")[:_STEM].encode(), digest_size=2).digest() for word in found)
    return b"".join(digests).ljust(2 * _WORDS, b"\0")


def _agree(one: bytes, other: bytes) -> bool:
    """Return whether one text has all words of the other, and those in the same order."""
    first, second = ([held[at : at + 2] for at in range(0, len(held), 2)] for held in (one, other))
    mine, theirs = set(first) - {_NONE}, set(second) - {_NONE}
    if not (mine <= theirs or theirs <= mine):
        return False
    common = mine & theirs
    return [word for word in first if word in common] == [word for word in second if word in common]


def split(places: Sequence[Any]) -> Any | None:
    """Return the place of the user's last words, where they end the request; None where something else does."""
    last = places[-1] if places else None
    if last is None or last.role != "user" or last.kind != "text" or len(last.text) > MOST_LETTERS:
        return None
    return last


_STEM: Final = 6
_NONE: Final = b"\0\0"
_AT_KEY: Final = _DIMENSIONS
_AT_MARKS: Final = _AT_KEY + _KEY
_AT_WORDS: Final = _AT_MARKS + _MARKS
_WORD: Final = re.compile(r"\w+")
_LITTLE_WORDS: Final = """
    a an and any are as at be by can could do does for give has have how i in is it me my of on or please show tell
    that the their there they this to us was we what which who will with would you your s m re
"""
_LITTLE: Final = frozenset(_LITTLE_WORDS.split())
_EXACT: Final = re.compile(
    r"""\d+(?:[.,:/-]\d+)*            # numbers, dates, versions
    |"[^"\n]{1,200}"|`[^`\n]{1,200}`  # what is quoted
    |\b(?:not?|nor|never|none|without|except|unless|isn't|aren't|don't|doesn't|can't|won't|cannot)\b
    |\b(?:un|dis|de)(?:able[ds]?|activate[ds]?|install(?:ed|s)?|subscribe[ds]?)\b
    |\b(?:increase|decrease|enable|disable|more|less|before|after|above|below|min(?:imum)?|max(?:imum)?
        |first|last|largest|smallest|highest|lowest|oldest|newest|best|worst|buy|sell|start|stop|open|close
        |north|south|east|west|left|right|import|export|encrypt|decrypt|true|false)\b""",
    re.VERBOSE | re.IGNORECASE,
)
