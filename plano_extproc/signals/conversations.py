"""The conversations of one worker, so that each message is read once.

A client sends the whole history with every request. It is recognised by what its beginning and its latest messages
are like, and what was known of it is taken on from there. A history whose latest messages were edited, or that another
worker has served, is read anew.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from plano_extproc.apis import Api
from plano_extproc.signals import compatible
from plano_extproc.signals.rows import messages_of, rows_of, rows_of_answer
from plano_extproc.signals.standard import Conversation
from plano_extproc.signals.taxonomy import Report
from plano_extproc.translate.chat import Answer

Mode = Literal["standard", "compatible"]

_KEPT: Final = 2000
"""Conversations remembered; each takes some 5 KB."""

_GROWTH: Final = (2, 0, 1, 3, 4, 5, 6, 7, 8)
"""Messages that a request may have more than the one before it, the usual number first: an answer and what follows."""

_SHORTEST: Final = 3
"""Messages of a conversation that goes on: a question, its answer, and another question."""

_ENDING: Final = 64
"""Characters of the latest message that are compared."""

Key = tuple[Any, ...]


class Conversations:
    """Reports on requests. Nothing here waits, and what is kept is bounded."""

    def __init__(self, mode: Mode = "standard", *, kept: int = _KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[Key, Conversation] = OrderedDict()
        self._told: OrderedDict[Key, frozenset[tuple[str, int]]] = OrderedDict()
        self._mode = mode

    def report(self, api: Api, body: Mapping[str, Any], answer: Answer | None = None) -> Report:
        """Return what a request tells, and its answer where that was read."""
        messages = messages_of(api, body)
        if self._mode == "compatible":
            return self._compatible(api, messages, answer)
        whole = _key(messages, len(messages)) if messages else ()
        length, conversation = self._recall(messages, whole)
        for index in range(length, len(messages)):
            _read(conversation, api, messages[index], index)
        self._keep(self._known, whole, conversation)
        if answer is not None:
            conversation.foresee(rows_of_answer(answer, len(messages)))
        return conversation.report()

    def _recall(self, messages: list[Any], whole: Key) -> tuple[int, Conversation]:
        """Return how many messages are known already, and the conversation that they make."""
        for key in _keys(messages, whole):
            if (found := self._known.pop(key, None)) is not None:
                return key[0], found
        return 0, Conversation()

    def _compatible(self, api: Api, messages: list[Any], answer: Answer | None) -> Report:
        rows = [row for index, message in enumerate(messages) for row in rows_of(api, message, index)]
        if answer is not None:
            rows += rows_of_answer(answer, len(messages))
        report = compatible.analyse(rows)
        whole = _key(messages, len(messages)) if messages else ()
        told = next((self._told.pop(key) for key in _keys(messages, whole) if key in self._told), frozenset())
        self._keep(self._told, whole, told | {signal.key for signal in report.signals})
        return replace(report, new=tuple(signal for signal in report.signals if signal.key not in told))

    def _keep(self, where: OrderedDict[Key, Any], whole: Key, value: object) -> None:
        if whole:
            where[whole] = value
            if len(where) > self._kept:
                where.popitem(last=False)


def _read(conversation: Conversation, api: Api, message: Any, index: int) -> None:
    if type(message) is dict and len(message) == 2 and type(content := message.get("content")) is str:
        role = message.get("role")
        if role == "user":
            conversation.said(content, index)
            return
        if role == "assistant":
            conversation.answered(content, index)
            return
    for row in rows_of(api, message, index):
        conversation.take(row)


def _keys(messages: list[Any], whole: Key) -> Iterator[Key]:
    """Yield the keys under which a history's earlier part may be known, or the `whole` of it."""
    if len(messages) < _SHORTEST:
        if messages:
            yield whole
        return
    for growth in _GROWTH:
        if not growth:
            yield whole
        elif growth < len(messages):
            yield _key(messages, len(messages) - growth)


def _key(messages: list[Any], length: int) -> Key:
    """Return what tells the first so many messages from other conversations; `length` stands first.

    Hashing all of them would cost as much as reading the new one.
    """
    return length, _print(messages[0]), _print(messages[length - 1]), _print(messages[max(0, length - 2)])


def _print(message: Any) -> object:
    """Return what a message, or its last part, is like: the sizes and endings of its texts."""
    if type(message) is dict:
        content = message.get("content") or message.get("parts")
        if type(content) is str:
            return len(content), content[-_ENDING:]
        if type(content) is list and content and type(content[-1]) is dict:
            message = content[-1]
        return tuple([(len(value), value[-_ENDING:]) for value in message.values() if type(value) is str])
    return (len(message), message[-_ENDING:]) if type(message) is str else None
