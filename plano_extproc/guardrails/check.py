"""Runs the guards of one direction over the texts of a request or an answer.

The cheap and local ones come first. Jailbreaks and topics are looked for in what came in, then personal data is
replaced, and only what is left is shown to a moderation model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from plano_extproc.config.policies import Guard, Guards, Pii
from plano_extproc.flow import Flow
from plano_extproc.guardrails import jailbreak, moderation
from plano_extproc.guardrails.pii import Found, find, replace
from plano_extproc.guardrails.redaction import Placeholders, Restore, label
from plano_extproc.guardrails.verdict import (
    Allow,
    Block,
    Checked,
    Direction,
    GuardName,
    Record,
    Redact,
    Refused,
    Verdict,
    Word,
)
from plano_extproc.translate.texts import Path, Place

Matches = Callable[[str], tuple[str, float] | None]
"""Returns the denied topic that a text is about, and the score; none where it is about none of them."""

Clock = Callable[[], float]
"""Seconds from any point on, which only grow."""

MOST_SCANNED: Final = 16 * 1024 * 1024
"""Characters of one exchange that are searched for personal data. Above it the guard has failed: see `on_error`."""

MOST_FOR_TOPICS: Final = 16 * 1024
"""Characters, from the end of what the user says last, that topics are looked for in."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What there is to look at, the oldest text first, and what is needed to look."""

    guards: Guards
    direction: Direction
    places: Sequence[Place]
    clock: Clock
    topics: Matches | None = None
    unread: str | None = None
    """Why some of it cannot be read, if so: no guard can then let it pass for sure."""


class _Failed(Exception):
    """A guard could not decide. `status` is that of a refusal for it."""

    def __init__(self, why: str, status: int = 503) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Step:
    """What one guard says: whether it refuses, what it replaces, and how many matches it had."""

    word: Word = "allow"
    edits: dict[Path, str] | None = None
    restore: Restore | None = None
    count: int = 0


def check(inquiry: Inquiry) -> Flow[Checked]:
    """Return the verdict; it asks the outside only where a moderation model is configured.

    A request must be looked at with all of its texts, the history included; see `SEES` for who looks at what.
    """
    records: list[Record] = []
    edits: dict[Path, str] = {}
    restore: Restore | None = None
    for name, run in _GUARDS.items():
        guard: Guard | None = getattr(inquiry.guards, name)
        if guard is None:
            continue
        began = inquiry.clock()
        places = [
            Place(edits.get(place.path, place.text), place.role, place.kind, place.path)
            for place in inquiry.places
            if _sees(name, inquiry.direction, place)
        ]
        try:
            step = yield from _ran(run, inquiry, places)
        except _Failed as failed:
            is_closed = (guard.on_error or inquiry.guards.on_error) == "closed"
            spent = (inquiry.clock() - began) * 1000
            records.append(Record(name, inquiry.direction, "error", spent, blocked=is_closed))
            if is_closed:
                refused = Refused(name, f"the {name} guard cannot decide: {failed}", failed.status)
                return Checked(Block(refused), tuple(records))
            continue
        is_blocked = step.word == "block"
        spent = (inquiry.clock() - began) * 1000
        records.append(Record(name, inquiry.direction, step.word, spent, step.count, is_blocked))
        if is_blocked:
            return Checked(Block(refusal(name, guard)), tuple(records))
        edits.update(step.edits or {})
        restore = step.restore or restore
    verdict: Verdict = Redact(edits, restore) if edits else Allow()
    return Checked(verdict, tuple(records))


def _ran(run: "_Run", inquiry: Inquiry, places: Sequence[Place]) -> Flow[_Step]:
    step = yield from run(inquiry, places)
    if inquiry.unread is not None and step.word != "block":
        raise _Failed(inquiry.unread, _UNREAD[inquiry.direction])
    return step


def refusal(name: GuardName, guard: Guard) -> Refused:
    """Return the error that a guard's refusal is answered with."""
    if guard.on_exception is None:
        return Refused(name, _MESSAGES[name], 400)
    return Refused(name, guard.on_exception.message, guard.on_exception.status)


def _sees(name: GuardName, direction: Direction, place: Place) -> bool:
    if direction == "output":
        return name == "pii" or place.kind in ("text", "refusal", "arguments")
    return (place.role, place.kind) in SEES[name] if SEES[name] else True


def _jailbreak(inquiry: Inquiry, places: Sequence[Place]) -> Flow[_Step]:
    yield from ()
    guard = inquiry.guards.jailbreak
    assert guard is not None
    try:
        found = jailbreak.find([(place.text, place.kind in _HANDED_OVER) for place in places], guard.sensitivity)
    except jailbreak.TooMuchText as error:
        raise _Failed(str(error)) from None
    return _Step("block" if found else "allow")


def _topics(inquiry: Inquiry, places: Sequence[Place]) -> Flow[_Step]:
    yield from ()
    if inquiry.topics is None:
        raise _Failed("nothing is there to match topics with")
    last = places[-1].text[-MOST_FOR_TOPICS:] if places else ""
    return _Step("block" if last and inquiry.topics(last) else "allow")


def _pii(inquiry: Inquiry, places: Sequence[Place]) -> Flow[_Step]:
    yield from ()
    guard = inquiry.guards.pii
    assert isinstance(guard, Pii)
    if sum(len(place.text) for place in places) > MOST_SCANNED:
        raise _Failed(f"more than {MOST_SCANNED} characters are to be searched")
    matches = [(place, found) for place in places if (found := find(place.text, guard.entities))]
    count = sum(len(found) for _, found in matches)
    if not matches or guard.action == "block":
        return _Step("block" if matches else "allow", count=count)
    given = Placeholders(place.text for place in places)
    is_restored = guard.action == "restore" and inquiry.direction == "input"

    def replaced(place: Place, found: list[Found]) -> str:
        text = place.text
        if is_restored:
            return replace(text, found, lambda one: given.word(one, text[one.start : one.end]))
        return replace(text, found, label)

    edits = {place.path: replaced(place, found) for place, found in matches}
    return _Step("restore" if is_restored else "redact", edits, given.restore(), count)


def _moderation(inquiry: Inquiry, places: Sequence[Place]) -> Flow[_Step]:
    guard = inquiry.guards.moderation
    assert guard is not None
    try:
        score = yield from moderation.score(guard.model, [place.text for place in places])
    except moderation.ModerationFailed as failed:
        raise _Failed(str(failed)) from None
    return _Step("block" if score >= guard.threshold else "allow")


_HANDED_OVER: Final = frozenset({"result", "document", "arguments"})
"""Texts in which nobody who may give instructions speaks."""

_SAID: Final = frozenset({("user", "text"), ("user", "document"), ("tool", "result"), ("tool", "text")})

SEES: Final = {
    "jailbreak": _SAID | {("assistant", "arguments"), ("user", "result"), ("user", "arguments"), ("tool", "document")},
    "topics": frozenset({("user", "text")}),
    "pii": frozenset[tuple[str, str]](),
    "moderation": _SAID,
}
"""Who looks at what of a request, by role and kind; empty is everything. Of an answer all look at what is said and at
tools' arguments, and personal data is looked for in thoughts too."""

_Run = Callable[[Inquiry, Sequence[Place]], Flow[_Step]]

_GUARDS: Final[dict[GuardName, _Run]] = {
    "jailbreak": _jailbreak,
    "topics": _topics,
    "pii": _pii,
    "moderation": _moderation,
}
"""In the order in which they run."""

_UNREAD: Final[dict[Direction, int]] = {"input": 400, "output": 502}
"""The status where a text cannot be read, which another try would not mend."""

_MESSAGES: Final[dict[GuardName, str]] = {
    "jailbreak": "The request was refused: it tries to change the rules that the model was given.",
    "topics": "The request was refused: its subject is not served here.",
    "pii": "The request was refused: it holds personal data.",
    "moderation": "The request was refused by moderation.",
}
