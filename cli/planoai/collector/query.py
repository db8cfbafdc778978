"""Which traces are wanted, and which of their attributes are shown.

Traces stay whole: a trace is taken or left. What is looked for is looked for in all attributes, whatever is shown.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planoai.collector.spans import Span, start, text
from planoai.errors import Failure

Trace = list[Span]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_KEY = re.compile(r"[A-Za-z0-9_.:-]+")
_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. `target` is `last`, `any` or the beginning of an id; `limit` 0 takes all."""

    target: str = "last"
    where: tuple[tuple[str, str], ...] = ()
    since_seconds: float | None = None
    limit: int = 0

    def select(self, traces: Iterable[Trace], *, now: float) -> list[Trace]:
        """Return the wanted traces of those that are given, latest first."""
        found = [trace for trace in traces if trace]
        if self.since_seconds is not None:
            after = (now - self.since_seconds) * 1e9
            found = [trace for trace in found if max(map(start, trace)) >= after]
        if self.where:
            _check_keys(self.where, found)
            found = [trace for trace in found if _has(trace, self.where)]
        if self.target not in ("last", "any"):
            found = [trace for trace in found if trace[0]["traceId"].startswith(self.target)]
        found.sort(key=lambda trace: max(map(start, trace)), reverse=True)
        return found[:1] if self.target == "last" else found[: self.limit or None]


def trimmed(traces: Sequence[Trace], patterns: Sequence[str]) -> tuple[list[Trace], list[str]]:
    """Return traces with the attributes that match a pattern only, and the patterns that match nothing.

    Where no pattern matches, the attributes stay as they are.
    """
    compiled = {pattern: _glob(pattern) for pattern in patterns}
    keys = {entry["key"] for trace in traces for span in trace for entry in span["attributes"]}
    missed = [pattern for pattern, glob in compiled.items() if not any(map(glob.fullmatch, keys))]
    if not compiled or len(missed) == len(compiled):
        return list(traces), missed
    wanted = {key for key in keys if any(glob.fullmatch(key) for glob in compiled.values())}
    return [
        [{**span, "attributes": [entry for entry in span["attributes"] if entry["key"] in wanted]} for span in trace]
        for trace in traces
    ], missed


def target(word: str) -> str:
    """Return a target as it was typed, or raise."""
    found = word.lower()
    if found in ("last", "any"):
        return found
    if not _ID.fullmatch(found) or not found.strip("0"):
        raise Failure(
            f"'{word}' is no trace", "name last, any, the first 8 digits of an id or all 32; or listen, or stop"
        )
    return found


def since(word: str) -> float:
    """Return seconds, or raise."""
    found = re.fullmatch(r"(\d+)([smhd])", word.strip())
    if not found or not int(found[1]):
        raise Failure(f"--since {word} is no length of time", "write a number and s, m, h or d, such as 15m")
    return float(int(found[1]) * _UNITS[found[2]])


def conditions(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return keys and values, or raise. A value may hold further `=`."""
    found = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not _KEY.fullmatch(key.strip()):
            raise Failure(f"--where {word} is no condition", "write key=value, such as http.status_code=500")
        found.append((key.strip(), value.strip()))
    return tuple(found)


def patterns(words: Sequence[str]) -> list[str]:
    """Return the patterns of several options, each a list with commas, or raise."""
    found = [part.strip() for word in words for part in word.split(",")]
    if not all(found):
        raise Failure("--filter has an empty pattern", "write names with * for any letters, such as llm.*,http.*")
    return found


def now() -> float:
    """Return seconds since 1970."""
    return time.time()


def _check_keys(where: Sequence[tuple[str, str]], traces: Sequence[Trace]) -> None:
    keys = {entry["key"] for trace in traces for span in trace for entry in span["attributes"]}
    missing = [key for key, _ in where if key not in keys]
    if missing and traces:
        raise Failure(f"no span has the attribute {', '.join(missing)}", f"there are: {', '.join(sorted(keys))}")


def _has(trace: Trace, where: Sequence[tuple[str, str]]) -> bool:
    found = {(entry["key"], text(entry)) for span in trace for entry in span["attributes"]}
    return all(condition in found for condition in where)


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))
