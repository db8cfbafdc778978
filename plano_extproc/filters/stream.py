"""Output filters on a streamed answer: whole events for some, windows of its text for others, never cut bytes.

`of` joins the two for one answer. First the bytes are cut into whole events, which go through the filters that see
events; what they make of them goes through the filters that see text. The bytes are kept apart from the texts by an
editor, which is written once for all dialects and asks windows for each text. Windows cannot wait for a filter, so
there are two editors in step: the first only notes which texts there are, the filters are asked for these, and the
second writes the answers into the stream.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.filters.chain import run_events, run_text
from plano_extproc.filters.mcp import Sessions
from plano_extproc.filters.service import Filter, Passing
from plano_extproc.flow import Flow

LONGEST_WINDOW: Final = 400
"""Characters that are held back at most while no sentence ends."""

_SENTENCE_END: Final = re.compile(r"[.!?…]['\")\]]*\s|[\u3002\uff01\uff1f]|\n")
_EVENT_END: Final = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
_LARGEST_EVENT: Final = 8 * 1024 * 1024


class Window(Protocol):
    """Sees one text of the answer from its beginning to its end."""

    def feed(self, text: str) -> str:
        """Take a piece; return what may go on."""

    def end(self) -> str:
        """Return what was held back."""


class Editor(Protocol):
    """Passes the texts of a stream through windows, such as `plano_extproc.translate.texts.TextStream`."""

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return the stream as the windows want it."""


MakeEditor = Callable[[Callable[[Any], Window]], Editor]
"""Makes an editor that asks for a new window for each text."""


class WholeEvents:
    """Cuts the bytes of server-sent events after whole ones. Keeps every byte as it is."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return all events that are complete. Raises `BadProviderAnswer` for one that never ends."""
        start = max(0, len(self._held) - 3)
        held = self._held + chunk
        if end:
            self._held = b""
            return held
        cut = 0
        for found in _EVENT_END.finditer(held, start):
            # A carriage return at the very end may be half of a line's end.
            if found.end() < len(held) or not held.endswith(b"\r"):
                cut = found.end()
        self._held = held[cut:]
        if len(self._held) > _LARGEST_EVENT:
            raise BadProviderAnswer(f"the provider sent an event of more than {_LARGEST_EVENT} bytes")
        return held[:cut]


class Held:
    """Holds text back until a sentence or a line is complete, so that filters see words in their context."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return whole sentences, or whole words where no sentence ends for long."""
        self._held += text
        cut = max((found.end() for found in _SENTENCE_END.finditer(self._held)), default=0)
        if not cut and len(self._held) > LONGEST_WINDOW:
            cut = self._held.rfind(" ") + 1 or len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready

    def end(self) -> str:
        """Return the rest."""
        ready, self._held = self._held, ""
        return ready


class _Noting:
    """Notes what filters must be asked for."""

    def __init__(self, noted: deque[str]) -> None:
        self._held = Held()
        self._noted = noted

    def feed(self, text: str) -> str:
        return self._note(self._held.feed(text))

    def end(self) -> str:
        return self._note(self._held.end())

    def _note(self, text: str) -> str:
        if text:
            self._noted.append(text)
        return text


class _Answering:
    """Gives what the filters made of the same texts, in the same order."""

    def __init__(self, answers: deque[tuple[str, str]]) -> None:
        self._held = Held()
        self._answers = answers

    def feed(self, text: str) -> str:
        return self._answer(self._held.feed(text))

    def end(self) -> str:
        return self._answer(self._held.end())

    def _answer(self, text: str) -> str:
        if not text:
            return ""
        asked, answer = self._answers.popleft()
        assert asked == text, "two editors in step meet the same texts"
        return answer


class StreamFilters:
    """The output filters of one streamed answer; `feed` is run to its end before it is called again."""

    def __init__(
        self, filters: Sequence[Filter], make_editor: MakeEditor, passing: Passing, sessions: Sessions, *, is_sse: bool
    ) -> None:
        """Filter an answer. `is_sse` is false for Gemini's JSON list, which has no events: all filters see text."""
        self._events = [one for one in filters if is_sse and one.stream == "events"]
        self._texts = [one for one in filters if one not in self._events]
        self._passing = passing
        self._sessions = sessions
        self._cut = WholeEvents() if is_sse else None
        self._noted: deque[str] = deque()
        self._answers: deque[tuple[str, str]] = deque()
        self._first = make_editor(lambda _: _Noting(self._noted)) if self._texts else None
        self._second = make_editor(lambda _: _Answering(self._answers)) if self._texts else None

    def feed(self, chunk: bytes, end: bool) -> Flow[bytes]:
        """Return what the client gets for these bytes, perhaps none; `end` says that they are the last.

        Raises as `chain.run`. Then the stream is over, and the client is told so by the last event of its dialect.
        """
        if self._cut is not None:
            chunk = self._cut.feed(chunk, end)
        if self._events and chunk:
            chunk = yield from run_events(self._events, chunk, self._passing, self._sessions)
        if self._first is None or self._second is None:
            return chunk
        self._first.feed(chunk, end)
        while self._noted:
            text = self._noted.popleft()
            made = yield from run_text(self._texts, text, self._passing, self._sessions)
            self._answers.append((text, made))
        return self._second.feed(chunk, end)
