"""Finds personal data and keys in text. Where a kind has a checksum or rules, what breaks them is not found.

A match is decided by its own characters and the few around it (`REACH`), so that a stream can be cut wherever no
match can still begin.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from plano_extproc.config.policies import PiiEntity
from plano_extproc.guardrails.keys import keys


@dataclass(frozen=True, slots=True)
class Found:
    """One match: what it is, and where it stands in the text, in characters."""

    entity: PiiEntity
    start: int
    end: int


def find(text: str, entities: Sequence[PiiEntity] = (), start: int = 0) -> list[Found]:
    """Return the matches from `start` on, in order and without overlaps; no entities means all.

    What stands before `start` is looked at as context only.
    """
    encoded = text.encode(errors="surrogatepass")
    digits = len(encoded) - len(encoded.translate(None, b"0123456789"))
    spans = [
        Found(entity, *span)
        for entity, finder in _FINDERS.items()
        if (not entities or entity in entities) and digits >= _LEAST_DIGITS.get(entity, 0)
        for span in finder(text, start)
    ]
    if len(spans) < 2:
        return spans
    spans.sort(key=lambda found: (found.start, -found.end))
    kept: list[Found] = []
    for found in spans:
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
    return kept


def replace(text: str, found: Iterable[Found], word: Callable[[Found], str]) -> str:
    """Return the text with each match replaced by its word."""
    made: list[str] = []
    at = 0
    for one in found:
        made += (text[at : one.start], word(one))
        at = one.end
    return "".join((*made, text[at:])) if made else text


Span = tuple[int, int]


def _emails(text: str, start: int) -> Iterator[Span]:
    at = text.find("@", start)
    while at >= 0:
        head = text[max(start, at - 64) : at]
        local = _LOCAL.search(head)
        domain = _DOMAIN.match(text, at + 1)
        if local and domain and not _escapes(text, at - len(local.group())):
            yield at - len(local.group()), domain.end()
        elif local and domain:
            # In JSON a line break before the address is written as a backslash and a letter.
            yield at - len(local.group()) + 1, domain.end()
        at = text.find("@", at + 1)


def _escapes(text: str, at: int) -> bool:
    return at > 0 and text[at - 1] == "\\" and text[at] in "nrtbf"


def _phones(text: str, start: int) -> Iterator[Span]:
    for found in _PHONE.finditer(text, start):
        digits = sum(map(str.isdigit, found.group()))
        if 7 <= digits <= 15 and not _DATE.fullmatch(found.group().strip()):
            yield found.span()


def _cards(text: str, start: int) -> Iterator[Span]:
    for chain in _DIGITS.finditer(text, start):
        groups = [found.span() for found in _GROUP.finditer(text, *chain.span())]
        at = 0
        while at < len(groups):
            end = next((end for end in _card_ends(text, groups, at)), None)
            if end is None:
                at += 1
            else:
                yield groups[at][0], groups[end][1]
                at = end + 1


def _card_ends(text: str, groups: list[Span], at: int) -> Iterator[int]:
    digits = ""
    for end in range(at, min(at + 6, len(groups))):
        digits += text[slice(*groups[end])]
        if len(digits) > 19:
            return
        if len(digits) in _CARD_LENGTHS and _ISSUER.match(digits) and _luhn(digits):
            yield end


def _luhn(digits: str) -> bool:
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(_DOUBLED[int(digit)] for digit in even)) % 10 == 0


def _ssns(text: str, start: int) -> Iterator[Span]:
    for found in _SSN.finditer(text, start):
        yield found.span()


def _ibans(text: str, start: int) -> Iterator[Span]:
    for found in _IBAN.finditer(text, start):
        length = _IBAN_LENGTHS.get(found.group()[:2].upper(), 0)
        bare = 0
        for end, sign in enumerate(found.group(), found.start() + 1):
            bare += sign not in _SPACES
            if bare == length:
                ends = end == len(text) or not text[end].isalnum()
                if ends and _mod97("".join(found.group()[: end - found.start()].split())):
                    yield found.start(), end
                break


def _mod97(iban: str) -> bool:
    turned = (iban[4:] + iban[:4]).upper()
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def _ips(text: str, start: int) -> Iterator[Span]:
    if text.count(".") > 2:
        for found in _IPV4.finditer(text, start):
            yield found.span()
    if "::" not in text and text.count(":") < 7:
        return
    for found in _IPV6.finditer(text, start):
        try:
            address = IPv6Address(found.group())
        except ValueError:
            continue
        # Loopback and "::" are nobody's, and "::" stands in much source code.
        if int(address) > 1 and (len(found.group()) > 6 or _HEX_DIGIT.search(found.group())):
            yield found.span()


_SPACES: Final = " \u00a0\u202f"
_LOCAL: Final = re.compile(r"(?:[\w.%+'&/=~-]{0,62}[\w%+'&=~-])\Z")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,40})(?![\w@])")

_PHONE: Final = re.compile(
    rf"""(?<![\w.+/#=-])(?<![\w(.+/#=-]\()
    (?: (?:\+|(?<!\d[{_SPACES}-])00(?:[{_SPACES}](?<!:00.)(?=[\d{_SPACES}]{{0,18}}\d{{3}}))?)[1-9]\d{{0,2}}
        (?:[{_SPACES}.-]?(?:\d{{1,5}}|\(\d{{1,5}}\))){{2,6}}
      | (?:1[{_SPACES}.-])? \(\d{{2,5}}\)[{_SPACES}]?\d{{2,4}}[{_SPACES}.-]?\d{{3,6}}
      | (?<!\d[{_SPACES}-]) (?:1[{_SPACES}.-])? [2-9]\d\d([{_SPACES}.-])\d{{3}}\1\d{{4}}
      | (?<!\d[{_SPACES}-]) 0\d{{1,4}}[{_SPACES}/-]\d{{3,4}}(?:[{_SPACES}-]?\d{{2,5}}){{1,3}}
    ) (?![\w@]|[.-]\d)""",
    re.VERBOSE | re.ASCII,
)
_DATE: Final = re.compile(r"00\d\d[ .-]\d\d[ .-]\d\d|0\d[-/ ]\d{3,4}", re.ASCII)

_DIGITS: Final = re.compile(rf"(?<![\w.+-])\d{{1,19}}(?:[{_SPACES}-]\d{{1,19}})*(?![\w]|\.\d)", re.ASCII)
_GROUP: Final = re.compile(r"\d+", re.ASCII)
_CARD_LENGTHS: Final = frozenset({13, 14, 15, 16, 17, 18, 19})
_ISSUER: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}\Z|5[1-5]\d{14}\Z|2[2-7]\d{14}\Z|3[47]\d{13}\Z|3(?:0|6|8|9)\d{12,17}\Z|35\d{14,17}\Z"
    r"|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}\Z|5[06789]\d{11,17}\Z|6\d{11,18}\Z"
)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_SSN: Final = re.compile(
    rf"(?<![\w.+-])(?!000|666|9\d\d)\d{{3}}([{_SPACES}-])(?!00)\d\d\1(?!0000)\d{{4}}(?![\w@]|[.-]\d)", re.ASCII
)
"""https://www.ssa.gov/employer/randomization.html; without separators nine digits are anything."""

_IBAN: Final = re.compile(rf"(?<![\w-])[A-Za-z]{{2}}\d\d(?:[{_SPACES}]?[A-Za-z0-9]{{1,4}}){{3,30}}", re.ASCII)
_IBAN_LENGTHS: Final[dict[str, int]] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""https://www.swift.com/standards/data-standards/iban-international-bank-account-number"""

_BYTE: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?<![\w.-]){_BYTE}(?:\.{_BYTE}){{3}}(?![\w]|\.\d|-\d)", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])", re.ASCII)
_HEX_DIGIT: Final = re.compile(r"\d")

_FINDERS: Final[dict[PiiEntity, Callable[[str, int], Iterator[Span]]]] = {
    "api_key": keys,
    "email": _emails,
    "iban": _ibans,
    "credit_card": _cards,
    "ssn": _ssns,
    "ip": _ips,
    "phone": _phones,
}
"""In the order of precedence: of two that begin and end together, the first counts."""

_LEAST_DIGITS: Final[dict[PiiEntity, int]] = {"credit_card": 13, "ssn": 9, "phone": 7, "iban": 2}
"""Digits in a text below which there is nothing to look for."""
