"""The standard mode: a conversation read once, message by message, and judged by what went right and wrong lately.

What a message costs is mostly one look for anchors, the rare words that phrases are filed under.
"""

import string
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from plano_extproc.signals import disengagement, exhaustion, failure, loops, misalignment, satisfaction, stagnation
from plano_extproc.signals.observations import error_in, first
from plano_extproc.signals.phrases import SIDE, Lexicon
from plano_extproc.signals.rows import Row, Who
from plano_extproc.signals.taxonomy import Quality, Report, Signal, efficiency
from plano_extproc.signals.words import jaccard, trigrams

_LEXICON: Final = Lexicon((*misalignment.STANDARD, *satisfaction.STANDARD, *disengagement.STANDARD))

_LONGEST_REPHRASE: Final = 40
"""Words: who says something again says it shortly."""

_MOST_SIGNALS: Final = 200
_MOST_CALLS: Final = 64
_SNIPPET: Final = 100
_COMPARED: Final = 600
_PROBES: Final = 8
_PROBE: Final = 10


class Conversation:
    """One conversation so far. `take` reads a row more, `report` says what it tells."""

    __slots__ = (
        "_calls", "_human", "_model", "_oscillated", "_previous", "_seen", "_signals", "_told", "_troubled", "_weights",
        "turns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.turns = 0
        self._signals: list[Signal] = []
        self._weights: list[tuple[str, float, int]] = []
        self._seen: set[tuple[str, int]] = set()
        self._told = 0
        self._human: list[str] = []
        self._previous: Sequence[str] = ()
        self._model: list[str] = []
        self._calls: list[loops.Call] = []
        self._oscillated = 0
        self._troubled = 0

    def take(self, row: Row) -> None:
        """Read a row."""
        match row.who:
            case "human":
                self.said(row.text, row.message)
            case "gpt":
                self.answered(row.text, row.message)
            case "function_call":
                self._called(row)
            case _:
                self._observed(row)

    def foresee(self, rows: Iterable[Row]) -> None:
        """Read the rows of an answer, which comes again with the next request and is then read as if it were new.

        What it tells now is known by its place, and is not told twice.
        """
        model, calls, oscillated = self._model[:], self._calls[:], self._oscillated
        for row in rows:
            self.take(row)
        self._model, self._calls, self._oscillated = model, calls, oscillated

    def report(self) -> Report:
        """Return what is known; `new` is what came since the last report."""
        if not self._signals:
            return _uneventful(self.turns)
        new, self._told = tuple(self._signals[self._told :]), len(self._signals)
        score = self._score()
        return Report(Quality.of(score), score, self.turns, efficiency(self.turns), tuple(self._signals), new)

    def _add(self, type_: str, index: int, confidence: float, snippet: str = "", **metadata: object) -> None:
        # An answer is read when it is given, and comes again with the next request.
        if (type_, index) not in self._seen and len(self._signals) < _MOST_SIGNALS:
            self._seen.add((type_, index))
            self._signals.append(Signal(type_, index, confidence, snippet[:_SNIPPET], metadata))
            weight = _WEIGHTS.get(type_) or _WEIGHTS[type_.rpartition(".")[0]]
            self._weights.append((type_, weight, self.turns))

    def said(self, whole: str, message: int) -> None:
        """Read what the user says."""
        self.turns += 1
        text = whole if len(whole) <= 2 * SIDE else f"{whole[:SIDE]} {whole[-SIDE:]}"
        lower = text.lower()
        tokens = lower.split()
        before = len(self._signals)
        if found := _LEXICON.find(text, lower, tokens):
            self._phrases(message, found)
        if tokens and disengagement.is_loud(text, tokens[0]):
            self._add(disengagement.NEGATIVE, message, 1.0, whole)
        repeats = self._repeats(whole, message, self._human, "human")
        if len(tokens) <= _LONGEST_REPHRASE:
            if not repeats and len(self._signals) == before and self._rephrases(tokens):
                self._add("interaction.misalignment.rephrase", message, 0.8, whole)
            self._previous = tokens
        else:
            self._previous = ()
        if len(self._signals) != before:
            self._weigh(before, message)

    def _weigh(self, before: int, message: int) -> None:
        if any(signal.group in _TROUBLES for signal in self._signals[before:]):
            self._troubled += 1
        if stagnation.drags(self.turns, self._troubled) and not any(
            s.type == stagnation.DRAGGING for s in self._signals
        ):
            self._add(stagnation.DRAGGING, message, 1 - efficiency(self.turns))

    def answered(self, text: str, message: int) -> None:
        """Read what the model says."""
        self._repeats(text, message, self._model, "gpt")

    def _rephrases(self, words: Sequence[str]) -> bool:
        earlier, fewest = self._previous, min(len(words), len(self._previous))
        # Most follow-ups share few words, which is seen before any word is cleaned.
        if fewest < 3 or len(set(earlier).intersection(words)) < 0.35 * fewest:
            return False
        return misalignment.is_rephrase(_bare(earlier), _bare(words))

    def _phrases(self, message: int, found: Sequence[tuple[str, str]]) -> None:
        groups: set[str] = set()
        for type_, phrase in found:
            group = type_.rpartition(".")[0]
            if group not in groups:
                self._add(type_, message, 1.0, phrase)
            if group != _ADDING:
                groups.add(group)

    def _repeats(self, whole: str, message: int, earlier: list[str], by: Who) -> bool:
        text = whole[:_COMPARED]
        likeness = 0.0
        for other in reversed(earlier):
            if other == text:
                likeness = 1.0
            elif 0.8 <= len(other) / (len(text) or 1) <= 1.25 and _may_be_alike(other, text):
                likeness = jaccard(trigrams(other.lower()), trigrams(text.lower()))
            if likeness >= stagnation.NEAR:
                break
        earlier.append(text)
        if len(earlier) > stagnation.LOOKED_BACK:
            del earlier[0]
        if likeness < stagnation.NEAR or text.count(" ") < stagnation.FEWEST_WORDS - 1:
            return False
        self._add(stagnation.REPETITION, message, likeness, text, kind=stagnation.kind(likeness), by=by)
        return True

    def _called(self, row: Row) -> None:
        self._calls.append(loops.Call(row.message, row.name, row.canonical_arguments))
        if len(self._calls) > _MOST_CALLS:
            del self._calls[0]
            self._oscillated = max(0, self._oscillated - 1)
        if len(self._calls) < loops.FEWEST:
            return
        for type_, index, confidence, tools in loops.standard(self._calls, oscillating_since=self._oscillated):
            self._add(type_, index, confidence, tools=tools)
            if type_ == loops.OSCILLATION:
                self._oscillated = len(self._calls)

    def _observed(self, row: Row) -> None:
        error = error_in(row.text, failed=row.failed)
        if error is None:
            return
        about: dict[str, object] = {}
        if self._calls:
            call = self._calls[-1]
            self._calls[-1] = call._replace(failed=True)
            about = {"tool_name": call.name, "call_index": call.place}
        if hit := first(exhaustion.FAMILIES, error):
            self._add(hit[0].type, row.message, hit[0].confidence, hit[1], **about)
        elif hit := first(failure.FAMILIES, error):
            self._add(hit[0].type, row.message, failure.confidence(hit[0], error), hit[1], **about)

    def _score(self) -> float:
        """Return 0 to 100: 50 tells nothing; what is long ago counts less, and the same again counts half."""
        score, counted = 50.0, dict[str, int]()
        for type_, weight, turn in reversed(self._weights):
            age = self.turns - turn
            if age > _FORGOTTEN:
                break
            nth = counted[type_] = counted.get(type_, -1) + 1
            score += weight * _FADING**age * 0.7**nth
        return min(100.0, max(0.0, score))


@lru_cache(maxsize=1000)
def _uneventful(turns: int) -> Report:
    return Report(Quality.NEUTRAL, 50.0, turns, efficiency(turns))


def _may_be_alike(one: str, other: str) -> bool:
    """Whether half of the pieces of one text occur in another; where they do not, comparing all of both is of no use.

    Texts that share 85 in 100 trigrams share more of their pieces than that.
    """
    step = max(1, len(one) // _PROBES)
    found = 0
    for start in range(0, step * _PROBES, step):
        found += one[start : start + _PROBE] in other
        if start == 3 * step and not found:
            return False
    return found >= _PROBES // 2


def _bare(tokens: Sequence[str]) -> list[str]:
    return [word for token in tokens if (word := token.strip(_MARKS))]


_MARKS: Final = string.punctuation
_TROUBLES: Final = frozenset(("interaction.misalignment", "interaction.disengagement", "interaction.stagnation"))
_ADDING: Final = "interaction.disengagement"
"""The group whose types do not exclude each other in one message."""

_FADING: Final = 0.85
"""What a signal still weighs after each further turn of the user's."""

_FORGOTTEN: Final = 40
"""Turns after which a signal weighs nothing."""

_WEIGHTS: Final[dict[str, float]] = {
    "interaction.satisfaction": 15.0,
    "interaction.satisfaction.gratitude": 18.0,
    "interaction.satisfaction.success": 26.0,
    "interaction.misalignment": -9.0,
    "interaction.stagnation": -8.0,
    "interaction.disengagement": -14.0,
    "interaction.disengagement.escalation": -30.0,
    "interaction.disengagement.quit": -45.0,
    "execution.failure": -6.0,
    "execution.loops": -8.0,
    "environment.exhaustion": -4.0,
}
"""Points by type, else by group."""
