"""Running what may ask: at once where it asks nothing, else as a coroutine."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from plano_extproc.flow import Question
from plano_extproc.gateway.work import Doing, Wait

T = TypeVar("T")

Answer = Callable[[Question | Wait], Awaitable[Any]]
"""Answers one question; what it raises is raised where the question was asked."""


async def drive(doing: Doing[T], question: Question | Wait, answer: Answer) -> T:
    """Run something to its end that has asked its first question."""
    try:
        while True:
            try:
                told = await answer(question)
            except Exception as error:  # noqa: BLE001 - it belongs to who asked, whatever it is
                question = doing.throw(error)
            else:
                question = doing.send(told)
    except StopIteration as ended:
        value: T = ended.value
        return value
    finally:
        # The client may be gone: whoever waits is told by GeneratorExit.
        doing.close()


async def run(doing: Doing[T], answer: Answer) -> T:
    """Run something from its beginning to its end."""
    try:
        question = next(doing)
    except StopIteration as ended:
        value: T = ended.value
        return value
    return await drive(doing, question, answer)
