"""Free text in a prompt that may be a value: what is quoted, and what neither the target nor grammar explains."""

import re
from collections.abc import Iterable
from typing import Final

from plano_extproc.config.prompts import Parameter
from plano_extproc.prompts.words import STOP, Found, parts, quoted, stem, tokens

_JOINING: Final = frozenset({"of", "the", "de", "la", "le", "von", "van", "del", "di", "da", "do", "am", "upon"})
_WHOLE: Final = frozenset(
    {"query", "q", "text", "message", "question", "topic", "keyword", "term", "content", "subject"}
)
_PLACES: Final = frozenset({"city", "location", "place", "country", "region", "town", "area", "address"})
_FEW_WORDS: Final = 6


def phrases(text: str, known: frozenset[str], claimed: Iterable[Found], parameter: Parameter) -> list[Found]:
    """Return runs of words that may be the parameter's value, in order.

    `known` are the stems of words that tell the target, `claimed` is what has been read as something else.
    """
    taken = [*claimed]
    marked = [one for one in quoted(text) if not any(one.overlaps(other) for other in taken)]
    runs = [Found(text[one.start : one.end], one.start, one.end) for one in _runs(text, known, [*taken, *marked])]
    own = {stem(part) for part in parts(parameter.name)}
    if is_whole(parameter) and runs and not marked:
        start = runs[0].start
        cut = min((one.start for one in taken if one.start > start), default=len(text))
        end = max(one.end for one in runs if one.end <= cut)
        return [Found(text[start:end].strip(), start, end)]
    if own & _PLACES:
        runs = _with_regions(text, runs)
    return sorted([*marked, *runs], key=lambda one: one.start)


def is_whole(parameter: Parameter) -> bool:
    """Whether the parameter is what the whole prompt is about, such as a search's words."""
    return bool({stem(part) for part in parts(parameter.name)} & _WHOLE)


def stands_out(value: Found, text: str, known: frozenset[str]) -> bool:
    """Whether a phrase can be told as a value without a word before it that says so."""
    if text[value.start] in "\"'`\u201c" or re.search(r"[A-Z0-9]", value.value):
        return True
    words = [token.value for token in tokens(text)]
    others = len(words) - len(tokens(str(value.value)))
    return len(words) <= _FEW_WORDS and others == sum(word.lower() in STOP or stem(word) in known for word in words)


def _runs(text: str, known: frozenset[str], taken: list[Found]) -> list[Found]:
    runs: list[Found] = []
    current: Found | None = None
    words = [one for one in tokens(text) if not any(one.overlaps(other) for other in taken)]
    for place, word in enumerate(words):
        low = word.value.lower()
        is_free = low not in STOP and stem(word.value) not in known
        is_joining = (
            low in _JOINING
            and current is not None
            and place + 1 < len(words)
            and _is_capital(words[place - 1].value)
            and _is_capital(words[place + 1].value)
            and words[place + 1].value.lower() not in STOP
        )
        if not is_free and not is_joining and not (current and _is_capital(word.value) and low not in STOP):
            current = None
            continue
        gap = text[current.end : word.start] if current else "x"
        if current is not None and gap.isspace() and "\n" not in gap:
            current = Found("", current.start, word.end)
            runs[-1] = current
        elif is_free:
            current = Found("", word.start, word.end)
            runs.append(current)
        else:
            current = None
    return runs


def _with_regions(text: str, runs: list[Found]) -> list[Found]:
    """Join a place and the region after its comma: "Austin, Texas"."""
    joined: list[Found] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last and text[last.end : run.start] == ", " and _is_capital(run.value) and "," not in last.value:
            joined[-1] = Found(text[last.start : run.end], last.start, run.end)
        else:
            joined.append(run)
    return joined


def _is_capital(word: str) -> bool:
    return word[:1].isupper()
