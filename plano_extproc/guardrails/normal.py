"""Text as a reader sees it, whatever it is written with: look-alike letters, signs between letters, codes.

`readings` gives the words of a text, and those of each coded part of it, decoded. Most texts hold none of this, and a
look at the characters' kinds tells so in a few microseconds; regular expressions run only where it does not.
"""

import base64
import binascii
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

Known = Callable[[str], bool]
"""Whether a word is known; it decides what letters run together, or digits in words, were meant to be."""


def readings(text: str, known: Known) -> Iterator[list[str]]:
    """Yield the words of the text, and those of what is coded in it. Its length bounds the time."""
    text = text if text.isascii() else _plain(text)
    words = tokens(text)
    clear = text
    if _may_be_spread(text) and _SPREAD.search(text):
        clear = _SPREAD.sub(lambda found: _joined(found.group(), known), clear.lower())
    if _has_digits_in_words(clear):
        clear = _MIXED.sub(lambda found: _unmasked(found.group(), known), clear.lower())
    if clear is not text:
        words = tokens(clear)
    yield words
    if _may_be_coded(text):
        yield from map(tokens, _decoded(text, known))
    if not _TURNED.isdisjoint(words):
        if len(_ROT13.intersection(words)) > 1:
            yield tokens(clear.lower().translate(_ROTATED))
        if len(_BACKWARDS.intersection(words)) > 1:
            yield tokens(clear[::-1])


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case; a sign of a script without spaces is one."""
    if "://" in text:
        text = _LINK.sub(" somelink ", text)
    if "@" in text:
        text = _ADDRESS.sub(" someaddress ", text)
    return text.translate(_SPLIT).split() if text.isascii() else _TOKEN.findall(text.lower())


def _may_be_spread(text: str) -> bool:
    return not text.isascii() or _LONE_LETTERS.search(text.encode().translate(_LETTERS_AND_GAPS)) is not None


def _has_digits_in_words(text: str) -> bool:
    if not text.isascii():
        return _DIGIT_IN_WORD.search(text.lower()) is not None
    kinds = text.encode().translate(_LETTERS_AND_DIGITS)
    return b"0" in kinds and (b"a0a" in kinds or b" 0a" in kinds or kinds.startswith(b"0a"))


def _may_be_coded(text: str) -> bool:
    if "\\" in text or "&#x" in text or text.count("%") > _FEW or ("0x" in text and text.count("0x") > _FEW):
        return True
    if text.isascii():
        encoded = text.encode()
        return _A_RUN in encoded.translate(_CODE_SIGNS) or _HEX_PAIRS in encoded.translate(_HEX_SIGNS)
    return _BASE64.search(text) is not None or _HEX.search(text) is not None


def _plain(text: str) -> str:
    """Return Latin letters for those that look like them; words of other scripts stay."""
    text = text.translate(_INVISIBLE)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign)) if not text.isascii() else text
    text = unicodedata.normalize("NFC", text)
    return text if text.isascii() else _WORD.sub(_latin, text)


def _latin(found: re.Match[str]) -> str:
    word = found.group()
    if word.isascii():
        return word
    made = word.translate(_LOOK_ALIKE)
    # A word is disguised if it is Latin in part, or turns out to be Latin in whole.
    return made if made.isascii() and (_ASCII_LETTER.search(word) or len(word) > _SHORT) else word


def _joined(spread: str, known: Known) -> str:
    """Return the words in letters with a sign between each; a wider gap parts words, else the longest known ones do."""
    words = []
    for word in _GAP.split(spread.strip()):
        letters = "".join(filter(str.isalnum, word))
        words.append(" ".join(_cut(letters, known)) if len(letters) > _SHORT else letters)
    return " " + " ".join(words) + " "


def _cut(letters: str, known: Known) -> list[str]:
    """Return the fewest known words that make up the letters; a letter that is in none stands alone."""
    best: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(letters) + 1):
        best.append(
            min(
                (best[begin][0] + (1 if known(letters[begin:end]) else 3 * (end - begin)), begin)
                for begin in range(max(0, end - _LONGEST_WORD), end)
                if end - begin == 1 or known(letters[begin:end])
            )
        )
    words, end = [], len(letters)
    while end:
        begin = best[end][1]
        words.append(letters[begin:end])
        end = begin
    return words[::-1]


def _unmasked(word: str, known: Known) -> str:
    """Return the word that digits and signs stand in for letters of, if it is one."""
    for digits in _LEET:
        made = word.translate(digits)
        if known(made):
            return made
    return word


def _decoded(text: str, known: Known) -> Iterator[str]:
    for found in _BASE64.finditer(text):
        run = found.group().rstrip("=")
        try:
            plain = base64.b64decode(run + "=" * (-len(run) % 4), altchars=b"-_" if set(run) & {"-", "_"} else None)
        except (binascii.Error, ValueError):
            continue
        yield from _readable(plain, known)
    for found in _HEX.finditer(text):
        yield from _readable(bytes.fromhex("".join(_HEX_DIGITS.findall(found.group()))), known)
    if text.count("%") > _FEW and _PERCENT.search(text):
        yield unquote(text).lower()
    if ("\\u" in text or "&#x" in text) and _ESCAPED.search(text):
        yield _ESCAPED.sub(lambda found: chr(int(found.group(1) or found.group(2), 16)), text).lower()


def _readable(plain: bytes, known: Known) -> Iterator[str]:
    text = plain.decode("utf-8", "replace").lower()
    if any(known(word) for word in _WORD.findall(text) if len(word) > _SHORT):
        yield text


_LINK: Final = re.compile(r"\w{2,8}://\S{1,200}")
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]+\.[\w.-]+")
_TOKEN: Final = re.compile(r"[a-z0-9]+|[\u0900-\u0dff]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+")


def _kinds(kinds: dict[str, str], other: str = " ") -> bytes:
    """Return a table for ASCII text as bytes, which are the faster to translate: what stands for each of its signs."""
    of = {sign: kind for signs, kind in kinds.items() for sign in signs}
    return "".join(of.get(chr(code), other) for code in range(256)).encode()


_SPLIT: Final = _kinds({sign: sign.lower() for sign in string.ascii_letters + string.digits}).decode()
_LETTERS_AND_GAPS: Final = _kinds({string.ascii_letters + string.digits + "_": "w", " \t.-_*|/+": " "}, other="z")
_LETTERS_AND_DIGITS: Final = _kinds({string.ascii_letters: "a", string.digits + "@$|": "0"})
_CODE_SIGNS: Final = _kinds({string.ascii_letters + string.digits + "+/_-": "a"})
_HEX_SIGNS: Final = _kinds({string.hexdigits: "h", " ,:": " "}, other="z")

_SHORT: Final = 2
_LONGEST_WORD: Final = 14
_WORD: Final = re.compile(r"\w+")
_ASCII_LETTER: Final = re.compile(r"[A-Za-z]")
_SPREAD: Final = re.compile(r"(?<!\w)\w(?:[ \t.\-_*|/+]{1,3}\w(?!\w)){6,}")
_LONE_LETTERS: Final = re.compile(b" w +w +w ")
_GAP: Final = re.compile(r"[ \t]{2,}|[ \t]*[|/][ \t]*")
_MIXED: Final = re.compile(r"(?<!\w)(?=[\w@$!|]*[a-z])(?=[\w@$!|]*[0-9@$!|][\w@$!|])[a-z0-9@$!|]{3,20}(?!\w)")
_DIGIT_IN_WORD: Final = re.compile(r"[a-z][0-9@$|][a-z]|(?<![a-z0-9])[0-9@$|][a-z]")
_FEW: Final = 5
_LEET: Final = tuple(
    str.maketrans({"0": "o", "1": one, "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i", "|": "l"})
    for one in "il"
)
_A_RUN: Final = 24 * b"a"
_HEX_PAIRS: Final = 6 * b"hh "
_BASE64: Final = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=])")
_HEX: Final = re.compile(r"(?<!\w)(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ ,:]?){16,}(?!\w)")
_HEX_DIGITS: Final = re.compile(r"(?:0x|\\x)?([0-9a-fA-F]{2})")
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}\w*){6}")
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})|&#x([0-9a-fA-F]{2,4});")

_ROT13: Final = frozenset(
    ("vtaber", "nyy", "cerivbhf", "vafgehpgvbaf", "lbhe", "gur", "lbh", "naq", "flfgrz", "cebzcg", "erirny", "ehyrf")
)
_ROTATED: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
_BACKWARDS: Final = frozenset(
    ("erongi", "lla", "suoiverp", "snoitcurtsni", "ruoy", "eht", "uoy", "dna", "metsys", "tpmorp", "laever", "selur")
)
"""Words by which text that was turned by thirteen letters, or around, is known."""
_TURNED: Final = _ROT13 | _BACKWARDS

_INVISIBLE: Final[dict[int, int | None]] = {
    **dict.fromkeys((0x00AD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F)), None),
    **dict.fromkeys((*range(0x2060, 0x2065), *range(0x2066, 0x2070), 0xFEFF, *range(0xFE00, 0xFE10)), None),
    # Tags are ASCII that nobody sees and models read.
    **{0xE0000 + code: code for code in range(0x20, 0x7F)},
}

_LOOK_ALIKE: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u04cf\u051b\u051d\u03b1\u03bf\u03bd\u03c1\u03c4\u03b9\u03ba\u03c5\u03b5\u03b3\u0261\u0251\u0131",
    "aeopcyxijsdhlqwaovptikueygai",
)
"""Cyrillic, Greek and other letters that are drawn as Latin ones are."""
