"""What tools and services answered, told apart by their words: families of patterns, the first that matches wins."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

_AROUND: Final = 50
"""Characters of a snippet on either side of what matched."""

_SHORT: Final = 300
"""Characters up to which a plain text that speaks of an error is one; a page or a log tells of some."""

_ERROR_OPENING: Final = re.compile(
    r"\W*(?:\w+\s+){0,2}?(?:\w*error|\w*exception|fail(?:ed|ure)|fatal|traceback|http[ /]?(?:\d\.\d )?[45]\d\d|"
    r"[45]\d\d |"
    r"unable to|could not|cannot|invalid|unknown|missing|permission|access denied|unauthorized|forbidden|timed out|"
    r"timeout|rate limit|too many|connection|no such|not found)",
    re.IGNORECASE,
)


class Family:
    """One leaf: its patterns and how sure a match is."""

    def __init__(self, type_: str, confidence: float, *patterns: str) -> None:
        self.type = type_
        self.confidence = confidence
        self.patterns = patterns
        self.expression = re.compile("|".join(patterns), re.IGNORECASE)


def first(families: Sequence[Family], text: str) -> tuple[Family, str] | None:
    """Return the first family that a text belongs to, and the words around the match."""
    for family in families:
        if found := family.expression.search(text):
            return family, _snippet(text, found.start(), found.end())
    return None


def error_in(text: str, *, failed: bool) -> str | None:
    """Return the error that an observation is, in standard mode, or None where a tool did its work.

    A page that mentions a time-out is no error. What is one says so: by a mark of the dialect's, as an object with an
    error in it, by its first words, or by being short.
    """
    if failed:
        return text[:2000]
    start = text[:1].lstrip()
    if start in ("{", "["):
        return _error_in_object(text)
    if _ERROR_OPENING.match(text[:120]):
        return text[:1000]
    return text if len(text) <= _SHORT and "error" in text.lower() else None


def _error_in_object(text: str) -> str | None:
    head = text[:400]
    if not (
        "error" in head or "exception" in head or "status" in head or "success" in head or '"ok"' in head
        or '"code"' in head or "isError" in head
    ):  # fmt: skip
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return _told(found) if isinstance(found, dict) and _is_error(found) else None


def _is_error(found: Mapping[str, Any]) -> bool:
    if any(found.get(key) not in (None, "", False, [], {}) for key in ("error", "errors", "exception", "isError")):
        return True
    status = found.get("status", found.get("status_code", found.get("code")))
    if isinstance(status, int) and not isinstance(status, bool):
        return 400 <= status < 600
    return found.get("success") is False or found.get("ok") is False or status in ("error", "failed")


def _told(found: Mapping[str, Any]) -> str:
    return " ".join(_texts(found))[:2000]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


def _snippet(text: str, start: int, end: int) -> str:
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    return f"{'...' if low else ''}{text[low:high]}{'...' if high < len(text) else ''}"
