"""What a text says that can be told by its form alone: numbers, currencies, addresses, codes."""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from plano_extproc.config.prompts import Parameter
from plano_extproc.prompts.dates import dates, times, written
from plano_extproc.prompts.kinds import kind_of
from plano_extproc.prompts.words import Found, parts, stem

Reader = Callable[[str, Parameter, date], list[Found]]


def form_of(parameter: Parameter) -> str:
    """Return what a text parameter holds, such as "date" or "email"; "" where its words tell no form.

    Its format counts more than its name, and its name more than its description.
    """
    if kind_of(parameter).base != "str" or parameter.enum:
        return ""
    named = {stem(part) for part in parts(parameter.name)}
    told = (parameter.format or "").lower()
    if told and (_DATE_FORMAT.search(parameter.format or "") or "date" in told):
        return "date"
    if _LENGTH.search(told):
        return "sized"
    for form, (cues, _) in FORMS.items():
        if cues & ({stem(word) for word in re.findall(r"[a-z]+", told)} or named):
            return form
    for form, (cues, _) in FORMS.items():
        if cues & named:
            return form
    described = {stem(word) for word in re.findall(r"[a-z]+", parameter.description.lower())}
    return next((form for form in ("date", "email", "currency") if FORMS[form][0] & described), "")


def read(form: str, text: str, parameter: Parameter, today: date) -> list[Found]:
    """Return what a text says of a form, in order."""
    if form == "sized":
        return _sized(text, parameter, today)
    return FORMS[form][1](text, parameter, today)


def numbers(text: str) -> list[Found]:
    """Return the numbers of a text as floats, in order, whether in digits or in words up to a hundred."""
    found = []
    for match in _NUMBER.finditer(text):
        value = float(match[1].replace(",", ""))
        scale = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}.get((match[2] or "").lower(), 1)
        found.append(Found(value * scale, match.start(1), match.end()))
    found += [Found(_number_in_words(m[0]), m.start(), m.end()) for m in _NUMBER_WORD.finditer(text)]
    return sorted(found, key=lambda one: one.start)


def _number_in_words(text: str) -> float:
    return float(sum(_COUNTED[word] for word in re.split(r"[\s-]+", text.lower())))


def currencies(text: str) -> list[Found]:
    """Return the currencies of a text as ISO 4217 codes, in order."""
    found = [Found(m[0], m.start(), m.end()) for m in re.finditer(r"\b[A-Z]{3}\b", text) if m[0] in CODES]
    for match in _CURRENCY_WORD.finditer(text):
        code = _MONEY.get(" ".join(match[0].lower().split())) or match[0].upper()
        one = Found(code, match.start(), match.end())
        if not any(one.overlaps(other) for other in found):
            found.append(one)
    found += [Found(_SIGNS[m[0]], m.start(), m.end()) for m in re.finditer(r"[$€£¥₹]", text)]
    return sorted(found, key=lambda one: one.start)


def codes(text: str) -> list[Found]:
    """Return what looks like an identifier: digits, capitals, or both with signs between them."""
    found = [Found(m[1], m.start(), m.end()) for m in re.finditer(r"#([A-Za-z0-9][\w.\-]*\w|\w)", text)]
    for match in _CODE.finditer(text):
        one = Found(match[0], match.start(), match.end())
        if match[0] not in _NO_CODES and not any(one.overlaps(other) for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _by(pattern: str) -> Reader:
    compiled = re.compile(pattern, re.IGNORECASE)

    def reader(text: str, _parameter: Parameter, _today: date) -> list[Found]:
        return [Found(m[0].rstrip(".,;:!?)"), m.start(), m.end()) for m in compiled.finditer(text)]

    return reader


def _dates(text: str, parameter: Parameter, today: date) -> list[Found]:
    wanted = parameter.format or ""
    return [Found(written(one.value, wanted), one.start, one.end) for one in dates(text, today, wanted)]


def _times(text: str, _parameter: Parameter, _today: date) -> list[Found]:
    return [Found(one.value.strftime("%H:%M"), one.start, one.end) for one in times(text)]


def _sized(text: str, parameter: Parameter, _today: date) -> list[Found]:
    match = _LENGTH.search((parameter.format or "").lower())
    assert match is not None, "a parameter of this form says its length"
    count = int(_COUNTED.get(match[1], 0) or match[1])
    charset = {"digit": r"\d", "letter": "[A-Za-z]"}.get(match[2], "[A-Za-z0-9]")
    return _by(rf"(?<![\w]){charset}{{{count}}}(?![\w])")(text, parameter, _today)


_TENS = "thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_COUNTED: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(f"{_UNITS} seventeen eighteen nineteen twenty".split())},
    **{word: 10 * number for number, word in enumerate(_TENS.split("|"), 3)},
}
_ONES = "|".join(_UNITS.split()[1:10])
_NUMBER_WORD: Final = re.compile(
    rf"\b(?:(?:twenty|{_TENS})(?:[\s-](?:{_ONES}))?|(?!one\b)(?:{'|'.join(list(_COUNTED)[1:20])}))\b", re.IGNORECASE
)
_NUMBER: Final = re.compile(
    r"(?<![\w.\-/:@#])([+\-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s?(k\b|m\b|thousand\b|million\b)?(?![\w]*[A-Za-z]\w*-|[/:]\d)",
    re.IGNORECASE,
)
_DATE_FORMAT: Final = re.compile(r"[yY]{4}|%[YymdBb]|(?i:iso[- ]?8601)")
_LENGTH: Final = re.compile(r"\b(\d{1,2}|[a-z]+)[- ](digit|letter|character)s?\b")
_CODE: Final = re.compile(
    r"(?<![\w.\-/#])(?:(?=[\w.\-/]*\d)[A-Za-z0-9]+(?:[.\-/_][A-Za-z0-9]+)*|[A-Z][A-Z0-9]+(?:[._\-/][A-Z0-9]+)*)(?![\w])"
)
_NO_CODES: Final = frozenset({"OK", "PM", "AM", "TV", "UTC", "GMT", "ID", "API", "FAQ", "ASAP", "FYI", "PLEASE"})

_SIGNS: Final = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_MONEY: Final[dict[str, str]] = {
    name: code
    for code, names in {
        "AUD": "australian dollar,australian dollars",
        "BRL": "brazilian real,reais",
        "CAD": "canadian dollar,canadian dollars",
        "CHF": "swiss franc,swiss francs",
        "CNY": "yuan,renminbi",
        "EUR": "euro,euros",
        "GBP": "british pound,british pounds,pound sterling,pounds sterling,pound,pounds",
        "INR": "rupee,rupees,indian rupees",
        "JPY": "yen,japanese yen",
        "KRW": "korean won",
        "MXN": "mexican peso,mexican pesos",
        "PLN": "zloty,polish zloty",
        "TRY": "lira,turkish lira",
        "USD": "us dollar,us dollars,u.s. dollars,american dollars,dollar,dollars",
    }.items()
    for name in names.split(",")
}
_CODES: Final = """
    AED AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN MYR NGN NOK
    NZD PEN PHP PKR PLN QAR RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
CODES: Final = frozenset(_CODES.split())
_MONEY_NAMES: Final = sorted(map(re.escape, _MONEY), key=len, reverse=True)
_CURRENCY_WORD: Final = re.compile(
    rf"\b(?:{'|'.join(_MONEY_NAMES)}|eur|usd|gbp|jpy|chf|cad|aud|inr|cny)\b", re.IGNORECASE
)

_CODE_NAMES: Final = "id identifier code number no ref reference sku ticket isbn symbol ticker serial key zip"
_CODE_WORDS: Final = frozenset(_CODE_NAMES.split())

FORMS: Final[dict[str, tuple[frozenset[str], Reader]]] = {
    "email": (frozenset({"email", "mail"}), _by(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")),
    "url": (frozenset({"url", "uri", "link", "website"}), _by(r"https?://[^\s<>\"']+")),
    "uuid": (frozenset({"uuid", "guid"}), _by(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    "ip": (frozenset({"ip"}), _by(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")),
    "phone": (frozenset({"phone", "telephone", "mobile"}), _by(r"(?<!\w)\+?\d[\d\s().\-]{5,16}\d\b")),
    "currency": (frozenset({"currency", "currencie"}), lambda text, _parameter, _today: currencies(text)),
    "date": (frozenset({"date", "day", "checkin", "checkout", "birthday"}), _dates),
    "time": (frozenset({"time", "hour", "clock"}), _times),
    "code": (
        _CODE_WORDS,
        lambda text, _parameter, _today: codes(text),
    ),
}
"""The forms, most telling first: the words that name each, and its reader."""
