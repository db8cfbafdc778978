"""A conversation in which the results of tools stand directly behind their calls, as OpenAI's APIs demand it.

Clients may say something else in between, such as a system message; it waits until every call is answered, or until
the assistant speaks again.
"""

from collections.abc import Iterable

from plano_extproc.translate.chat import Json


class Adjacent:
    """Turns as they are written, one after the other; `end` gives all of them."""

    def __init__(self) -> None:
        self._turns: list[Json] = []
        self._waiting: list[Json] = []
        self._unanswered: set[str] = set()

    def say(self, turn: Json) -> None:
        """Add what the user or the system says."""
        (self._waiting if self._unanswered else self._turns).append(turn)

    def reply(self, turns: Iterable[Json], calls: Iterable[str]) -> None:
        """Add what the assistant says, and the ids of the tools that it calls."""
        self._release()
        self._turns += turns
        self._unanswered.update(calls)

    def answer(self, turn: Json, call: str) -> None:
        """Add the result of a call."""
        self._turns.append(turn)
        self._unanswered.discard(call)

    def settle(self) -> None:
        """Let go what waits, where nothing is unanswered. To be called between two messages of the client."""
        if not self._unanswered:
            self._release()

    def end(self) -> list[Json]:
        """Return all turns."""
        self._release()
        return self._turns

    def _release(self) -> None:
        self._turns += self._waiting
        self._waiting.clear()
        self._unanswered.clear()
