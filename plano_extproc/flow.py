"""Policy that asks the outside: generators that yield what they want to know and receive the answer.

A policy is pure: `next(flow)` gives its first question, `flow.send(reply)` goes on, and a question that could not be
answered is thrown into it as `CalloutFailed`. `plano_extproc.egress` drives flows in the running gateway.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to a configured model, in OpenAI's chat dialect; the gateway translates, signs and sends it.

    `body` is a chat completion request without `model` and never a stream. The reply's body is a chat completion.
    `what` names the caller in errors, spans and metrics, such as "router" or "moderation".
    """

    model: str
    body: Mapping[str, Any]
    what: str
    timeout: float
    path: str = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Callout:
    """One HTTP request to a service of the user's, sent through Envoy's egress listener.

    `cluster` is the name of an Envoy cluster, `path` is absolute with its query, `headers` are lower case and hold no
    credential of a client. `timeout` in seconds bounds the whole exchange.
    """

    cluster: str
    method: str
    path: str
    headers: Headers
    body: bytes
    what: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status. Header names are lower case."""

    status: int
    headers: Mapping[str, bytes] = field(repr=False)
    body: bytes = field(repr=False)


class CalloutFailed(Exception):
    """No reply: `reason` is "timeout", "unreachable", "reset" or "too_large"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Together:
    """Several questions at once. The answer is a list in the same order, a `CalloutFailed` in place of a lost one."""

    questions: tuple["Callout | ModelCall", ...]


Question = Callout | ModelCall | Together

Flow = Generator[Question, Any, T]
"""A policy under way, which ends with a `T`. It is sent a `Reply`, or for `Together` a list."""


def ask(question: Callout | ModelCall) -> Generator[Question, Any, Reply]:
    """Put one question, with `yield from`, and return its reply. Raises `CalloutFailed`."""
    reply = yield question
    assert isinstance(reply, Reply), "a driver answers one question with one reply"
    return reply


def ask_all(*questions: Callout | ModelCall) -> Generator[Question, Any, list["Reply | CalloutFailed"]]:
    """Put several questions at once; the answers come in the same order."""
    replies = yield Together(questions)
    assert isinstance(replies, list), "a driver answers several questions with a list"
    return replies
