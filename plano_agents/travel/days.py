"""Days in what a user writes."""

import datetime
import re
from typing import Final

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_AHEAD: Final = {"today": 0, "tonight": 0, "day after tomorrow": 2, "tomorrow": 1}

_ISO: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_IN_DAYS: Final = re.compile(r"\bin (\d{1,3}) days?\b", re.IGNORECASE)
_WEEKDAY: Final = re.compile(rf"\b({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
_NAMED: Final = re.compile(
    rf"\b(?:({'|'.join(_MONTHS)})[a-z]* (\d{{1,2}})(?:st|nd|rd|th)?|(\d{{1,2}})\.? ({'|'.join(_MONTHS)})[a-z]*)\b",
    re.IGNORECASE,
)


def found(text: str, today: datetime.date) -> datetime.date | None:
    """Return the first day that a text names, as one from `today` on; None where it names none."""
    if (match := _ISO.search(text)) and (day := _date(*map(int, match.groups()))):
        return day
    if match := _IN_DAYS.search(text):
        return today + datetime.timedelta(days=int(match.group(1)))
    for words, ahead in sorted(_AHEAD.items(), key=lambda one: -len(one[0])):
        if re.search(rf"\b{words}\b", text, re.IGNORECASE):
            return today + datetime.timedelta(days=ahead)
    if match := _NAMED.search(text):
        month = _MONTHS.index((match.group(1) or match.group(4)).lower()) + 1
        number = int(match.group(2) or match.group(3))
        day = _date(today.year, month, number)
        return day if day is None or day >= today else _date(today.year + 1, month, number)
    if match := _WEEKDAY.search(text):
        ahead = (_WEEKDAYS.index(match.group(1).lower()) - today.weekday() - 1) % 7 + 1
        return today + datetime.timedelta(days=ahead)
    return None


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
