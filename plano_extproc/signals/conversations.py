"""The conversations of one worker, so that each message is read once.

A client sends the whole history with every request. It is recognised by what its beginning and its latest messages
are like, and what was known of it is taken on from there. A history whose latest messages were edited, or that another
worker has served, is read anew.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, Literal

from plano_extproc.apis import Api
from plano_extproc.signals import compatible
from plano_extproc.signals.rows import messages_of, reader, rows_of, rows_of_answer
from plano_extproc.signals.standard import Conversation
from plano_extproc.signals.taxonomy import Report
from plano_extproc.translate.chat import Answer

Mode = Literal["standard", "compatible"]

_KEPT: Final = 2000
"""Conversations remembered; each takes some 5 KB."""

_GROWTH: Final = (2, 0, 4, 1, 3, 5, 6, 7, 8)
"""Messages that a request may have more than the one before it, the usual number first: an answer and what follows."""

_NO_GROWTH: Final = (0,)

_SHORTEST: Final = 3
"""Messages of a conversation that goes on: a question, its answer, and another question."""

_OPENING, _ENDING = 32, 64
"""Characters of a text that are compared, at either end."""

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
        length, whole, known = _recall(self._known, messages)
        conversation = known or Conversation()
        if length < len(messages):
            _read(conversation, api, messages, length)
        self._keep(self._known, whole, conversation)
        if answer is not None:
            conversation.foresee(rows_of_answer(answer, len(messages)))
        return conversation.report()

    def _compatible(self, api: Api, messages: list[Any], answer: Answer | None) -> Report:
        rows = [row for index, message in enumerate(messages) for row in rows_of(api, message, index)]
        if answer is not None:
            rows += rows_of_answer(answer, len(messages))
        report = compatible.analyse(rows)
        _, whole, known = _recall(self._told, messages)
        told = known or frozenset()
        self._keep(self._told, whole, told | {signal.key for signal in report.signals})
        return report._replace(new=tuple(signal for signal in report.signals if signal.key not in told))

    def _keep(self, where: OrderedDict[Key, Any], whole: Key, value: object) -> None:
        if whole:
            where[whole] = value
            if len(where) > self._kept:
                where.popitem(last=False)


def _read(conversation: Conversation, api: Api, messages: list[Any], start: int) -> None:
    """Read messages from one on; those that most consist of, without a row for each."""
    rows = reader(api)
    for index in range(start, len(messages)):
        message = messages[index]
        if type(message) is not dict:
            continue
        if type(content := message.get("content")) is str:
            role = message.get("role")
            if role == "user":
                conversation.said(content, index)
                continue
            if role == "assistant" and len(message) == 2:
                conversation.answered(content, index)
                continue
            if role == "tool" and api == "openai.chat":
                conversation.observed(content, index)
                continue
        for row in rows(message, index):
            conversation.take(row)


def _recall(where: OrderedDict[Key, Any], messages: list[Any]) -> tuple[int, Key, Any]:
    """Take out what is known of a history, or of its earlier part.

    Return how many messages that is, what all of them are to be known by, and what was known.
    """
    length = len(messages)
    if not length:
        return 0, (), None
    beginning = _beginning(messages)
    whole = _key(beginning, messages, length)
    for growth in _GROWTH if length >= _SHORTEST else _NO_GROWTH:
        if growth < length:
            key = _key(beginning, messages, length - growth) if growth else whole
            if key in where:
                return length - growth, whole, where.pop(key)
    return 0, whole, None


def _beginning(messages: list[Any]) -> object:
    """Return what the first message is like that is not the system's, which many conversations share."""
    first = messages[0]
    if len(messages) > 1 and type(first) is dict and first.get("role") in ("system", "developer"):
        first = messages[1]
    return _print(first)


def _key(beginning: object, messages: list[Any], length: int) -> Key:
    """Return what tells the first so many messages from other conversations.

    Hashing all of them would cost as much as reading the new one.
    """
    return length, beginning, _print(messages[length - 1]), _print(messages[length - 2]) if length > 1 else None


def _print(message: Any) -> object:
    """Return what a message, or its last part, is like: the sizes and ends of its texts."""
    if type(message) is dict:
        content = message.get("content") or message.get("parts") or message.get("tool_calls")
        if type(content) is str:
            return content[:_OPENING], content[-_ENDING:], len(content)
        if type(content) is list and content and type(content[-1]) is dict:
            message = content[-1]
        return tuple(
            [(value[:_OPENING], value[-_ENDING:], len(value)) for value in message.values() if type(value) is str]
        )
    return (message[:_OPENING], message[-_ENDING:], len(message)) if type(message) is str else None
