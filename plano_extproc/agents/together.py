"""Several flows at once: their questions are asked together, round by round."""

from collections.abc import Sequence
from typing import Any, TypeVar

from plano_extproc.errors import GatewayError
from plano_extproc.flow import Callout, CalloutFailed, Flow, ModelCall, Question, Together

T = TypeVar("T")


def all_of(flows: Sequence[Flow[T]]) -> Flow[list[T | GatewayError]]:
    """Run all flows; return what each came to, in their order, an error in its place.

    A round lasts as long as its slowest question. Bugs come out at once; the other flows are closed then.
    """
    results: dict[int, T | GatewayError] = {}
    waiting: dict[int, Question] = {}

    def go_on(at: int, told: Any) -> None:
        try:
            step = flows[at].throw if isinstance(told, CalloutFailed) else flows[at].send
            waiting[at] = step(told)
        except StopIteration as ended:
            results[at] = ended.value
        except GatewayError as error:
            results[at] = error

    try:
        for at in range(len(flows)):
            go_on(at, None)
        while waiting:
            asked = list(waiting.items())
            waiting.clear()
            questions = [one for _, question in asked for one in _each(question)]
            answers = iter((yield Together(tuple(questions))))
            for at, question in asked:
                if isinstance(question, Together):
                    go_on(at, [next(answers) for _ in question.questions])
                else:
                    go_on(at, next(answers))
    finally:
        for flow in flows:
            flow.close()
    return [results[at] for at in range(len(flows))]


def _each(question: Question) -> tuple[Callout | ModelCall, ...]:
    return question.questions if isinstance(question, Together) else (question,)
