"""The standard mode: a conversation read once, message by message, and judged by what went right and wrong lately.

What a message costs is mostly one look for anchors, the rare words that phrases are filed under.
"""

from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from typing import Any, Final

from plano_extproc.signals import disengagement, exhaustion, failure, loops, misalignment, satisfaction, stagnation
from plano_extproc.signals.observations import error_in, first
from plano_extproc.signals.phrases import SIDE, Lexicon, plain_words
from plano_extproc.signals.rows import Row, Who
from plano_extproc.signals.taxonomy import GROUPS, Quality, Report, Signal, efficiency
from plano_extproc.signals.words import jaccard, trigrams

_LEXICON: Final = Lexicon((*misalignment.STANDARD, *satisfaction.STANDARD, *disengagement.STANDARD))
_ANCHORS: Final = _LEXICON.anchors

_LONGEST_REPHRASE: Final = 40
"""Words: who says something again says it shortly."""

_NONE: Final[frozenset[bytes]] = frozenset()
_MOST_SIGNALS: Final = 200
_MOST_CALLS: Final = loops.FEWEST * max(loops.LENGTHS) + 1
_SNIPPET: Final = 100
_COMPARED: Final = 600


class Conversation:
    """One conversation so far. `take` reads a row more, `report` says what it tells."""

    __slots__ = (
        "_calls", "_human", "_model", "_oscillated", "_previous", "_seen", "_signals", "_told", "_troubled", "_weights",
        "turns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.turns = 0
        self._signals: list[Signal] = []
        self._weights: dict[str, tuple[float, int]] = {}
        self._seen: set[tuple[str, int]] = set()
        self._told = 0
        self._human: list[str] = []
        self._previous: Set[bytes] = _NONE
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
                self.called(row.name, row.arguments, row.message)
            case _:
                self.observed(row.text, row.message, failed=row.failed)

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
            before, turn = self._weights.get(type_, (0.0, self.turns))
            self._weights[type_] = _WEIGHTS[type_] + _AGAIN * before * _faded(self.turns - turn), self.turns

    def said(self, whole: str, message: int) -> None:
        """Read what the user says."""
        self.turns += 1
        text = whole if len(whole) <= 2 * SIDE else f"{whole[:SIDE]} {whole[-SIDE:]}"
        words = plain_words(text)
        before = len(self._signals)
        if not _ANCHORS.isdisjoint(words):
            self._phrases(message, _LEXICON.find(text, words))
        if disengagement.is_loud(text, words):
            self._add(disengagement.NEGATIVE, message, 1.0, whole)
        repeats = self._repeats(whole, message, self._human, "human")
        earlier, self._previous = self._previous, _NONE
        if len(words) <= _LONGEST_REPHRASE:
            held = self._previous = set(words)
            # Most follow-ups share few words.
            shared = len(held & earlier)
            if shared > 2 and shared >= 0.35 * min(len(held), len(earlier)) and not repeats:
                self._rephrases(earlier, words, message, whole, before)
        if len(self._signals) != before:
            self._weigh(before, message)

    def _weigh(self, before: int, message: int) -> None:
        if any(GROUPS[signal.type] in _TROUBLES for signal in self._signals[before:]):
            self._troubled += 1
        if stagnation.drags(self.turns, self._troubled) and not any(
            s.type == stagnation.DRAGGING for s in self._signals
        ):
            self._add(stagnation.DRAGGING, message, 1 - efficiency(self.turns))

    def answered(self, text: str, message: int) -> None:
        """Read what the model says."""
        self._repeats(text, message, self._model, "gpt")

    def _rephrases(self, earlier: Set[bytes], words: Sequence[bytes], message: int, whole: str, before: int) -> None:
        if len(self._signals) != before:
            return
        if misalignment.is_rephrase([word.decode() for word in earlier], [word.decode() for word in words]):
            self._add("interaction.misalignment.rephrase", message, 0.8, whole)

    def _phrases(self, message: int, found: Sequence[tuple[str, str]]) -> None:
        groups: set[str] = set()
        for type_, phrase in found:
            group = GROUPS[type_]
            if group not in groups:
                self._add(type_, message, 1.0, phrase)
            if group != _ADDING:
                groups.add(group)

    def _repeats(self, whole: str, message: int, earlier: list[str], by: Who) -> bool:
        text = whole[:_COMPARED]
        likeness = _likeness(text, earlier) if text.count(" ") >= stagnation.FEWEST_WORDS - 1 else 0.0
        earlier.append(text)
        if len(earlier) > stagnation.LOOKED_BACK:
            del earlier[0]
        if likeness < stagnation.NEAR:
            return False
        self._add(stagnation.REPETITION, message, likeness, text, kind=stagnation.kind(likeness), by=by)
        return True

    def called(self, name: str, arguments: Any, message: int) -> None:
        """Read the model's call of a tool."""
        self._calls.append(loops.Call(message, name, arguments))
        if len(self._calls) > _MOST_CALLS:
            del self._calls[0]
            self._oscillated = max(0, self._oscillated - 1)
        if len(self._calls) < loops.FEWEST:
            return
        for type_, index, confidence, tools in loops.standard(self._calls, oscillating_since=self._oscillated):
            self._add(type_, index, confidence, tools=tools)
            if type_ == loops.OSCILLATION:
                self._oscillated = len(self._calls)

    def observed(self, text: str, message: int, *, failed: bool = False) -> None:
        """Read what a tool answered; `failed` says that the dialect marks it as an error."""
        error = error_in(text, failed=failed)
        if error is None:
            return
        about: dict[str, object] = {}
        if self._calls:
            call = self._calls[-1]
            call.failed = True
            about = {"tool_name": call.name, "call_index": call.place}
        if hit := first(exhaustion.FAMILIES, error):
            self._add(hit[0].type, message, hit[0].confidence, hit[1], **about)
        elif hit := first(failure.FAMILIES, error):
            self._add(hit[0].type, message, failure.confidence(hit[0], error), hit[1], **about)

    def _score(self) -> float:
        """Return 0 to 100: 50 tells nothing; what is long ago counts less, and so does what came again since."""
        score = 50.0
        for weight, turn in self._weights.values():
            score += weight * _faded(self.turns - turn)
        return min(100.0, max(0.0, score))


def _faded(age: int) -> float:
    return _FADED[age] if age < len(_FADED) else 0.0


@lru_cache(maxsize=1000)
def _uneventful(turns: int) -> Report:
    return Report(Quality.NEUTRAL, 50.0, turns, efficiency(turns))


def _likeness(text: str, earlier: Sequence[str]) -> float:
    """Return how like the latest of the earlier texts is that says the same, else that of some other."""
    likeness, size = 0.0, len(text)
    for other in reversed(earlier):
        if other == text:
            return 1.0
        if 4 * size <= 5 * len(other) and 4 * len(other) <= 5 * size and _may_be_alike(other, text):
            likeness = jaccard(trigrams(other.lower()), trigrams(text.lower()))
            if likeness >= stagnation.NEAR:
                return likeness
    return likeness


def _may_be_alike(one: str, other: str) -> bool:
    """Whether half of the pieces of one text occur in another; where they do not, comparing all of both is of no use.

    Texts that share 85 in 100 trigrams share more of their pieces than that.
    """
    step = max(1, len(one) // 8)
    found = (one[:10] in other) + (one[step : step + 10] in other)
    found += (one[2 * step : 2 * step + 10] in other) + (one[3 * step : 3 * step + 10] in other)
    if found == 0 or found == 4:
        return found == 4
    return found + sum(one[start : start + 10] in other for start in range(4 * step, 8 * step, step)) >= 4


_TROUBLES: Final = frozenset(("interaction.misalignment", "interaction.disengagement", "interaction.stagnation"))
_ADDING: Final = "interaction.disengagement"
"""The group whose types do not exclude each other in one message."""

_FADED: Final = tuple(0.85**age for age in range(41))
"""What a signal still weighs after so many further turns of the user's; after more it weighs nothing."""

_AGAIN: Final = 0.7
"""What it still weighs when there is another of its type."""

_POINTS: Final[dict[str, float]] = {
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

_WEIGHTS: Final = {type_: _POINTS.get(type_) or _POINTS[group] for type_, group in GROUPS.items()}
