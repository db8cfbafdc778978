"""The conversations of one worker, so that each message is read once.

A client sends the whole history with every request. It is recognised by a running hash over its messages, and what
was known of it is taken on from there. A history that was edited, or that another worker has served, is read anew.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson

from plano_extproc.apis import Api
from plano_extproc.signals import compatible
from plano_extproc.signals.rows import messages_of, rows_of, rows_of_answer
from plano_extproc.signals.standard import Conversation
from plano_extproc.signals.taxonomy import Report
from plano_extproc.translate.chat import Answer

Mode = Literal["standard", "compatible"]

_KEPT = 2000
"""Conversations remembered; each takes some 5 KB."""


class Conversations:
    """Reports on requests. Nothing here waits, and what is kept is bounded."""

    def __init__(self, mode: Mode = "standard", *, kept: int = _KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[int, Conversation] = OrderedDict()
        self._told: OrderedDict[int, frozenset[tuple[str, int]]] = OrderedDict()
        self._mode = mode

    def report(self, api: Api, body: Mapping[str, Any], answer: Answer | None = None) -> Report:
        """Return what a request tells, and its answer where that was read."""
        messages = messages_of(api, body)
        marks = _marks(messages)
        if self._mode == "compatible":
            return self._compatible(api, messages, marks, answer)
        length, conversation = self._recall(marks)
        for index in range(length, len(messages)):
            for row in rows_of(api, messages[index], index):
                conversation.take(row)
        if messages:
            self._keep(self._known, marks[-1], conversation)
        if answer is not None:
            conversation.foresee(rows_of_answer(answer, len(messages)))
        return conversation.report()

    def _recall(self, marks: list[int]) -> tuple[int, Conversation]:
        """Return how many messages are known already, and the conversation that they make."""
        for length in range(len(marks) - 1, 0, -1):
            if (found := self._known.pop(marks[length], None)) is not None:
                return length, found
        return 0, Conversation()

    def _compatible(self, api: Api, messages: list[Any], marks: list[int], answer: Answer | None) -> Report:
        rows = [row for index, message in enumerate(messages) for row in rows_of(api, message, index)]
        if answer is not None:
            rows += rows_of_answer(answer, len(messages))
        report = compatible.analyse(rows)
        told = next((self._told.pop(mark) for mark in reversed(marks) if mark in self._told), frozenset())
        keys = frozenset(signal.key for signal in report.signals)
        self._keep(self._told, marks[-1], told | keys)
        return replace(report, new=tuple(signal for signal in report.signals if signal.key not in told))

    def _keep(self, where: OrderedDict[int, Any], mark: int, value: object) -> None:
        where[mark] = value
        if len(where) > self._kept:
            where.popitem(last=False)


def _marks(messages: list[Any]) -> list[int]:
    """Return a hash of each beginning of a history, the empty one first."""
    mark, marks = 0, [0]
    for message in messages:
        content = message.get("content") if type(message) is dict else None
        if type(content) is str and len(message) == 2:
            mark = hash((mark, message.get("role"), content))
        else:
            mark = hash((mark, orjson.dumps(message)))
        marks.append(mark)
    return marks
