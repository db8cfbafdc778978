"""Loops: an agent calls the same tools again and again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

RETRY: Final = "execution.loops.retry"
DRIFT: Final = "execution.loops.parameter_drift"
OSCILLATION: Final = "execution.loops.oscillation"

FEWEST: Final = 3
"""Calls in a row, or cycles, that make a loop."""

LENGTHS: Final = range(2, 6)
"""Calls in one cycle of an oscillation."""


@dataclass(slots=True)
class Call:
    """One call of a tool; `place` is its row or message. `failed` says that what it answered was an error.

    `given` are its arguments, as text or as an object, and `text` is what they are compared as, once that is known.
    """

    place: int
    name: str
    given: Any = ""
    failed: bool = False
    text: str | None = None

    @property
    def arguments(self) -> str:
        """The arguments as text; unless `text` says otherwise, whatever the order of their keys and their spaces."""
        if self.text is None:
            self.given = self.text = _canonical(self.given)
        return self.text


def _canonical(given: Any) -> str:
    found = given
    if isinstance(given, str):
        try:
            found = orjson.loads(given)
        except orjson.JSONDecodeError:
            return " ".join(given.split())
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def compatible(calls: Sequence[Call]) -> Iterator[tuple[str, int, float, str]]:
    """Yield type, index, confidence and tool names for all calls of a conversation."""
    if len(calls) < FEWEST:
        return
    retries = [(a, b) for a, b in _runs(calls) if _is_retry(calls[a:b])] + _equal_runs(calls)
    retries = sorted(set(retries))
    for start, _ in retries:
        yield RETRY, calls[start].place, 0.95, calls[start].name
    for start, end in _runs(calls):
        overlaps = any(start < other_end and other < end for other, other_end in retries)
        if not overlaps and len({call.arguments for call in calls[start:end]}) >= 2:
            yield DRIFT, calls[start].place, 0.85, calls[start].name
    for start, length, _ in _oscillations([call.name for call in calls]):
        yield OSCILLATION, calls[start].place, 0.9, ", ".join(c.name for c in calls[start : start + length])


def _is_retry(calls: Sequence[Call]) -> bool:
    return len({call.arguments for call in calls}) == 1


def _runs(calls: Sequence[Call]) -> list[tuple[int, int]]:
    """Return where one tool is called three times or more in a row."""
    return _stretches([call.name for call in calls])


def _equal_runs(calls: Sequence[Call]) -> list[tuple[int, int]]:
    return _stretches([(call.name, call.arguments) for call in calls])


def _stretches(keys: Sequence[object]) -> list[tuple[int, int]]:
    found, start = [], 0
    for place in range(1, len(keys) + 1):
        if place == len(keys) or keys[place] != keys[start]:
            if place - start >= FEWEST:
                found.append((start, place))
            start = place
    return found


def _oscillations(names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return start, cycle length and end of each oscillation; of those that overlap the first, then the longest."""
    found = []
    for length in LENGTHS:
        for start in range(len(names) - FEWEST * length + 1):
            cycle = names[start : start + length]
            end = start + length
            while names[end : end + length] == cycle:
                end += length
            if end - start >= FEWEST * length and len(set(cycle)) >= 2:
                found.append((start, length, end))
    kept: list[tuple[int, int, int]] = []
    for candidate in sorted(found, key=lambda one: (one[0], one[0] - one[2])):
        if not kept or candidate[0] >= kept[-1][2]:
            kept.append(candidate)
    return kept


def standard(calls: Sequence[Call], *, oscillating_since: int) -> Iterator[tuple[str, int, float, str]]:
    """Yield the loop that the last call closes, if it closes one.

    A tool that is called with other arguments each time is work, unless each call but the last failed; a cycle counts
    where every round has the same arguments. `oscillating_since` is the number of calls up to which a cycle was told.
    """
    if len(calls) < FEWEST:
        return
    # Names first: most calls close no loop, and then nobody looks at their arguments, which may be long.
    first, second, last = calls[-FEWEST:]
    if first.name == second.name == last.name:
        before = calls[-FEWEST - 1] if len(calls) > FEWEST else None
        if _is_same(first, second) and _is_same(second, last):
            if before is None or before.name != first.name or not _is_same(before, first):
                yield RETRY, first.place, 0.95, first.name
        elif first.failed and second.failed and not (before and before.failed and before.name == first.name):
            yield DRIFT, first.place, 0.85, first.name
    for length in LENGTHS:
        span = FEWEST * length
        if len(calls) - span < oscillating_since:
            break
        if last.name == calls[-1 - length].name and _oscillates(calls[-span:], length):
            cycle = calls[-span : length - span]
            yield OSCILLATION, calls[-span].place, 0.9, ", ".join(call.name for call in cycle)
            return


def _oscillates(calls: Sequence[Call], length: int) -> bool:
    """Whether calls are one cycle of so many, of several tools, again and again."""
    names = [call.name for call in calls]
    cycle = names[:length]
    if names != cycle * FEWEST or len(set(cycle)) < 2:
        return False
    return all(_is_same(call, calls[place % length]) for place, call in enumerate(calls[length:]))


def _is_same(one: Call, other: Call) -> bool:
    """Whether two calls of one tool have the same arguments."""
    if type(one.given) is str and one.given == other.given:
        return True
    return one.arguments == other.arguments
