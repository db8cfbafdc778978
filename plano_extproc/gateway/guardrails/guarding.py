"""Guards on one exchange: the request before anybody is asked, and the answer on its way to the client.

An answer that streams passes in windows as far as guards can judge pieces of it. Where one must see the whole answer,
all of it is held back, and goes on at the end or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from plano_extproc.config.policies import Guards
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.guardrails import jailbreak
from plano_extproc.guardrails.check import Clock, Inquiry, Matches, check
from plano_extproc.guardrails.redaction import Restore, restored
from plano_extproc.guardrails.stream import Windows, needs_whole
from plano_extproc.guardrails.verdict import Block, Checked, Direction, Record, Redact
from plano_extproc.routing.intent import Matcher, Route, lexical
from plano_extproc.translate.texts import Path, Place, TextStream, answer_places, replaced_answer


@dataclass(frozen=True, slots=True)
class Side:
    """The guards of one direction, ready to be asked. `late` are those that judge an answer when it is over."""

    direction: Direction
    guards: Guards
    topics: Matches | None
    late: Guards | None

    @classmethod
    def of(cls, direction: Direction, guards: Guards | None) -> "Side | None":
        """Compile the guards of a configuration; None where there are none."""
        if guards is None or not any(getattr(guards, name) for name in _NAMES):
            return None
        if guards.jailbreak:
            jailbreak.learnt()  # which takes longer than a request should wait
        denied = guards.topics.deny if guards.topics else ()
        late = guards.model_copy(update={"pii": None}) if needs_whole(guards) else None
        return cls(direction, guards, _matches(denied) if denied else None, late)

    def ask(
        self, places: Sequence[Place], clock: Clock, *, guards: Guards | None = None, unread: str | None = None
    ) -> Doing[Checked]:
        """Return the verdict on these texts, of all guards of this side or of some."""
        return check(Inquiry(guards or self.guards, self.direction, places, clock, self.topics, unread))


class AnswerGuard:
    """Judges one answer, and puts back what was taken out of the request. An `Edit`."""

    def __init__(self, gateway: Gateway, work: Work, side: Side | None, restore: Restore | None) -> None:
        self._work = work
        self._side = side
        self._restore = restore
        self._api = work.ask.surface.api
        self._clock = gateway.ports.clock
        self._most = gateway.config.overrides.max_answer_bytes
        self._heard: list[Place] | None = [] if side is not None and side.late is not None else None
        self._windows = Windows(side.guards if side else None, restore, self._heard)
        self._stream: TextStream | None = None
        self._seconds = 0.0
        self._held: list[bytes] = []
        self._size = 0

    def whole(self, body: bytes) -> Doing[bytes]:
        """Judge a whole answer."""
        answer = _object(body)
        if self._side is not None:
            places = [] if answer is None else list(answer_places(self._api, answer))
            unread = "the provider's answer is no JSON object" if answer is None else None
            checked = yield from self._side.ask(places, self._clock, unread=unread)
            tell(self._work, checked.records)
            if isinstance(checked.verdict, Block):
                raise checked.verdict.refusal
            if isinstance(checked.verdict, Redact) and answer is not None:
                answer = replaced_answer(self._api, answer, checked.verdict.edits)
                body = orjson.dumps(answer)
        if self._restore is None or answer is None:
            return body
        edits = _restored(list(answer_places(self._api, answer)), self._restore.originals)
        return orjson.dumps(replaced_answer(self._api, answer, edits)) if edits else body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Judge the next chunk of a stream."""
        if self._stream is None:
            self._stream = TextStream(self._api, self._windows.window_for, framing=self._work.framing)
        began = self._clock()
        is_over = end
        try:
            made = self._stream.feed(chunk, end)
        except Exception:
            is_over = True
            raise
        finally:
            self._seconds += self._clock() - began
            if is_over and (record := self._windows.record(self._seconds * 1000)):
                tell(self._work, (record,))
        if self._heard is None:
            return made
        return (yield from self._hold(made, end))

    def _hold(self, made: bytes, end: bool) -> Doing[bytes]:
        self._held.append(made)
        self._size += len(made)
        if self._size > self._most:
            raise BadProviderAnswer(f"the answer is longer than the {self._most} bytes that guards may hold back")
        if not end:
            return b""
        assert self._side is not None
        assert self._heard is not None
        checked = yield from self._side.ask(self._heard, self._clock, guards=self._side.late)
        tell(self._work, checked.records)
        if isinstance(checked.verdict, Block):
            raise checked.verdict.refusal
        return b"".join(self._held)


def tell(work: Work, records: Sequence[Record]) -> None:
    """Note what guards said, for the access log and for what counts them."""
    work.notes.setdefault(Record, []).extend(records)
    for record in records:
        facts = work.facts.setdefault(_FACTS[record.direction], [])
        facts.append({"guard": record.guard, "verdict": record.verdict, "ms": round(record.milliseconds, 3)})
        if record.count:
            facts[-1]["count"] = record.count
        if record.blocked:
            facts[-1]["blocked"] = True


def records(work: Work) -> Sequence[Record]:
    """Return what guards have said of an exchange so far."""
    said: list[Record] = work.notes.get(Record, [])
    return said


@lru_cache(maxsize=8)
def _matches(denied: tuple[str, ...]) -> Matches:
    """Return what tells the topic of a text. A topic's quoted phrases are examples of it."""
    routes = []
    for text in denied:
        described = Route.described("", text)
        routes.append(Route(described.description or text, "", described.examples))
    matcher: Matcher = lexical.compile(routes)

    def match(text: str) -> tuple[str, float] | None:
        found = matcher.match(text)
        return (found.route.name, found.score) if found.route else None

    return match


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        held = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return held if isinstance(held, dict) else None


def _restored(places: Sequence[Place], originals: Mapping[str, str]) -> dict[Path, str]:
    return {place.path: made for place in places if (made := restored(place.text, originals)) != place.text}


_NAMES: Final = ("jailbreak", "topics", "pii", "moderation")
_FACTS: Final[Mapping[Direction, str]] = {"input": "guards", "output": "output_guards"}
"""Apart, since a fact is told once, and what is said of an answer comes later."""
