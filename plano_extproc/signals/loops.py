"""Loops: an agent calls the same tools again and again."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

RETRY: Final = "execution.loops.retry"
DRIFT: Final = "execution.loops.parameter_drift"
OSCILLATION: Final = "execution.loops.oscillation"

FEWEST: Final = 3
"""Calls in a row, or cycles, that make a loop."""

LENGTHS: Final = range(2, 6)
"""Calls in one cycle of an oscillation."""


class Call(NamedTuple):
    """One call of a tool; `place` is its row or message. `failed` says that what it answered was an error."""

    place: int
    name: str
    arguments: str
    failed: bool = False


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
    last = calls[-FEWEST:]
    if len({call.name for call in last}) == 1:
        before = calls[-FEWEST - 1] if len(calls) > FEWEST else None
        if len({call.arguments for call in last}) == 1:
            if before is None or before[1:3] != last[0][1:3]:
                yield RETRY, last[0].place, 0.95, last[0].name
        elif all(call.failed for call in last[:-1]) and not (before and before.failed and before.name == last[0].name):
            yield DRIFT, last[0].place, 0.85, last[0].name
    for length in LENGTHS:
        span = FEWEST * length
        if len(calls) - span < oscillating_since:
            break
        keys = [(call.name, call.arguments) for call in calls[-span:]]
        cycle = keys[:length]
        if keys == cycle * FEWEST and len({name for name, _ in cycle}) >= 2:
            yield OSCILLATION, calls[-span].place, 0.9, ", ".join(name for name, _ in cycle)
            return
