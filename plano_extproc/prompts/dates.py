"""Dates and times of day that a text says; words such as "tomorrow" are meant from a given day on.

A date that can be read in two ways, such as 03/04/2026, is no date unless a format says which part comes first.
"""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Final

from plano_extproc.prompts.words import Found

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sept sep", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNTS: Final = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}

_ISO: Final = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DAY_MONTH: Final = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?({_MONTH})\b\.?(?:,?\s+(\d{{4}})\b)?", re.IGNORECASE
)
_MONTH_DAY: Final = re.compile(
    rf"\b({_MONTH})\b\.?\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(\d{{4}})\b)?", re.IGNORECASE
)
_NUMERIC: Final = re.compile(r"\b(\d{1,2})([/.-])(\d{1,2})\2(\d{4})\b")
_WORD: Final = re.compile(
    r"\b(day after tomorrow|day before yesterday|today|tonight|tomorrow|yesterday"
    rf"|(?:(?:this|next|on|coming)\s+)?(?:{'|'.join(_DAYS)})"
    r"|in\s+(?:\d{1,3}|[a-z]+)\s+(?:days?|weeks?)(?!\s+ago)|(?:\d{1,3}|[a-z]+)\s+(?:days?|weeks?)\s+ago)\b",
    re.IGNORECASE,
)
_NEAR: Final = {
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "yesterday": -1,
}

_CLOCK: Final = re.compile(
    r"\b(?:(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?\.?m?\b|(\d{1,2})\s*([ap])\.?m\b|(noon|midnight)\b)", re.IGNORECASE
)


def dates(text: str, today: date, wanted: str = "") -> list[Found]:
    """Return the dates of a text, in order; `wanted` is the format of a parameter, in words."""
    found: list[Found] = []
    for one in (*_written(text, today, wanted), *_told(text, today)):
        if not any(one.overlaps(other) for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def times(text: str) -> list[Found]:
    """Return the times of day, in order."""
    found = []
    for match in _CLOCK.finditer(text):
        hour, minute, half, alone, half_alone, word = match.groups()
        if word:
            hours, minutes = (12, 0) if word.lower() == "noon" else (0, 0)
        else:
            hours, minutes = int(hour or alone), int(minute or 0)
            if (letter := (half or half_alone or "").lower()) and 1 <= hours <= 12:
                hours = hours % 12 + (12 if letter == "p" else 0)
        if hours < 24 and minutes < 60:
            found.append(Found(time(hours, minutes), match.start(), match.end()))
    return found


def written(value: date, wanted: str) -> str:
    """Return a date in the format that a parameter asks for in words; ISO 8601 where those say none."""
    if "%" in wanted:
        return value.strftime(wanted)
    match = _PATTERN.search(wanted)
    if match is None:
        return value.isoformat()
    return _PIECE.sub(lambda piece: value.strftime(_PIECES[piece[0].lower()]), match[0])


_PATTERN: Final = re.compile(
    r"\b(?:[yY]{4}|[yY]{2}|[mM]{1,3}|[dD]{1,2})(?:[-/. ](?:[yY]{4}|[yY]{2}|[mM]{1,3}|[dD]{1,2})){1,2}\b"
)
_PIECE: Final = re.compile(r"y{4}|y{2}|m{1,3}|d{1,2}", re.IGNORECASE)
_PIECES: Final = {"yyyy": "%Y", "yy": "%y", "mmm": "%b", "mm": "%m", "m": "%m", "dd": "%d", "d": "%d"}


def _written(text: str, today: date, wanted: str) -> Iterator[Found]:
    for match in _ISO.finditer(text):
        yield from _made(match, int(match[1]), int(match[2]), int(match[3]))
    for match in _DAY_MONTH.finditer(text):
        yield from _of_year(match, match[3], _MONTHS[match[2].lower()], int(match[1]), today)
    for match in _MONTH_DAY.finditer(text):
        yield from _of_year(match, match[3], _MONTHS[match[1].lower()], int(match[2]), today)
    for match in _NUMERIC.finditer(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if _day_first(first, second, match[2], wanted):
            yield from _made(match, year, second, first)
        elif _month_first(second, wanted):
            yield from _made(match, year, first, second)


def _day_first(first: int, second: int, separator: str, wanted: str) -> bool:
    low = wanted.lower()
    return first > 12 or separator == "." or first == second or ("dd" in low and -1 < low.find("dd") < low.find("mm"))


def _month_first(second: int, wanted: str) -> bool:
    low = wanted.lower()
    return second > 12 or -1 < low.find("mm") < low.find("dd")


def _of_year(match: re.Match[str], year: str | None, month: int, day: int, today: date) -> Iterator[Found]:
    """Read a day of a year; where none is said, the next such day is meant."""
    if year:
        yield from _made(match, int(year), month, day)
        return
    this = list(_made(match, today.year, month, day))
    if this and this[0].value >= today:
        yield from this
    else:
        yield from _made(match, today.year + 1, month, day)


def _made(match: re.Match[str], year: int, month: int, day: int) -> Iterator[Found]:
    try:
        yield Found(date(year, month, day), match.start(), match.end())
    except ValueError:
        return


def _told(text: str, today: date) -> Iterator[Found]:
    for match in _WORD.finditer(text):
        words = match[1].lower().split()
        phrase = " ".join(words)
        days = _NEAR.get(phrase)
        if days is None and words[-1] in _DAYS:
            days = (_DAYS.index(words[-1]) - today.weekday()) % 7
            days = days or (7 if words[0] in ("next", "coming") else 0)
        elif days is None:
            is_past = words[-1] == "ago"
            count, unit = (words[0], words[1]) if is_past else (words[1], words[2])
            number = int(count) if count.isdigit() else _COUNTS.get(count)
            if number is None:
                continue
            days = number * (7 if unit.startswith("week") else 1) * (-1 if is_past else 1)
        yield Found(today + timedelta(days=days), match.start(), match.end())
