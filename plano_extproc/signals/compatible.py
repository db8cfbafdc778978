"""The compatible mode: the whole history at each request, by the peer's rules, thresholds and scores.

Rows, not messages, are counted, and of a long conversation the last hundred are read; an index is the row's place in
all of it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from plano_extproc.signals import disengagement, exhaustion, failure, loops, misalignment, satisfaction, stagnation
from plano_extproc.signals.observations import first
from plano_extproc.signals.rows import Row
from plano_extproc.signals.taxonomy import Quality, Report, Signal, efficiency, severity
from plano_extproc.signals.words import Words

MOST_ROWS: Final = 100


def analyse(rows: Sequence[Row]) -> Report:
    """Return the report of a conversation."""
    offset = max(0, len(rows) - MOST_ROWS)
    numbered = [(offset + place, row) for place, row in enumerate(rows[offset:])]
    human = [(index, Words(row.text)) for index, row in numbered if row.who == "human"]
    model = [(index, Words(row.text)) for index, row in numbered if row.who == "gpt"]
    raw = [row.text for _, row in numbered if row.who == "human"]
    found = [
        *misalignment.compatible(human),
        *stagnation.compatible(human, model),
        *disengagement.compatible(human, raw),
        *satisfaction.compatible(human),
    ]
    signals = [Signal(type_, index, sure, snippet) for type_, index, sure, snippet in found]
    signals += _observed(numbered)
    calls = [
        loops.Call(index, row.name, text=_arguments(row.arguments))
        for index, row in numbered
        if row.who == "function_call"
    ]
    signals += [
        Signal(type_, index, sure, "", {"tools": names}) for type_, index, sure, names in loops.compatible(calls)
    ]
    score = _score(signals, len(human))
    return Report(_quality(signals, score), score, len(human), efficiency(len(human)), tuple(signals))


def _observed(numbered: Sequence[tuple[int, Row]]) -> Iterator[Signal]:
    called, tool = -1, ""
    for index, row in numbered:
        if row.who == "function_call":
            called, tool = index, row.name
        elif row.who == "observation":
            about = {"tool_name": tool, "call_index": called} if called >= 0 else {}
            if hit := first(failure.FAMILIES, row.text):
                yield Signal(hit[0].type, index, failure.confidence(hit[0], row.text), hit[1], about)
            if hit := first(exhaustion.FAMILIES, row.text):
                yield Signal(hit[0].type, index, hit[0].confidence, hit[1], about)


def _arguments(found: object) -> str:
    # A text is compared as it stands, an object whatever the order of its keys.
    return found if isinstance(found, str) else orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()


def _score(signals: Sequence[Signal], turns: int) -> float:
    counts: dict[str, int] = {}
    for signal in signals:
        counts[signal.group] = counts.get(signal.group, 0) + 1
    misaligned = counts.get("interaction.misalignment", 0)
    stagnant = counts.get("interaction.stagnation", 0)
    disengaged = counts.get("interaction.disengagement", 0)
    if _is_lost(signals) or severity(disengaged) == 3 or severity(stagnant) == 3:
        return 0.0
    score = 50.0 + 20 * _SATISFIED[min(3, counts.get("interaction.satisfaction", 0))]
    score -= 10 * severity(disengaged)
    if misaligned and misaligned / max(turns, 1) > 0.3:
        score -= 15
    if stagnant > 2:
        score -= 8 * severity(stagnant)
    score -= 8 * counts.get("execution.failure", 0) + 5 * counts.get("execution.loops", 0)
    score -= 3 * counts.get("environment.exhaustion", 0)
    return min(100.0, max(0.0, score))


def _is_lost(signals: Sequence[Signal]) -> bool:
    return any(signal.type in (disengagement.ESCALATION, disengagement.QUIT) for signal in signals)


def _quality(signals: Sequence[Signal], score: float) -> Quality:
    return Quality.SEVERE if _is_lost(signals) else Quality.of(score)


_SATISFIED: Final = (0.0, 0.6, 0.8, 0.95)
"""By the number of signals of satisfaction: 0, 1, 2, 3 or more."""
