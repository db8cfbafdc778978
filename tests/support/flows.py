"""Drives flows with answers that a test computes: no loop, no clock, no network."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from plano_extproc.flow import Callout, CalloutFailed, Flow, ModelCall, Reply, Together

T = TypeVar("T")
Answer = Callable[[Any], Reply | CalloutFailed]


def drive(flow: Flow[T], answer: Answer) -> T:
    """Run a flow to its end; `answer` is given each question."""
    try:
        question = next(flow)
        while True:
            if isinstance(question, Together):
                question = flow.send([answer(one) for one in question.questions])
                continue
            told = answer(question)
            question = flow.throw(told) if isinstance(told, CalloutFailed) else flow.send(told)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]


class Script:
    """Gives the answers of a list in their order, and keeps the questions."""

    def __init__(self, *answers: Reply | CalloutFailed) -> None:
        self._answers = list(answers)
        self.questions: list[Any] = []

    def __call__(self, question: Callout | ModelCall) -> Reply | CalloutFailed:
        self.questions.append(question)
        return self._answers.pop(0)


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """Return a reply; a body that is no bytes is written as JSON. Underscores in header names are dashes."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    return Reply(status, {"content-type": b"application/json", **named}, raw)
