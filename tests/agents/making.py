"""Agents and their answers, as tests need them."""

from collections.abc import Mapping
from typing import Any

import orjson

from plano_extproc.agents import Agent, Record, Running
from plano_extproc.config.agents import Agent as Declared
from plano_extproc.config.listeners import ListenerAgent
from plano_extproc.flow import Callout, CalloutFailed, Reply
from tests.support.flows import reply

CLIENT = {"x-request-id": b"r1", "authorization": b"Bearer secret", "accept-language": b"fr"}


def agent(ident: str, description: str | None = None, url: Any = None, declared: Any = None, **used: Any) -> Agent:
    return Agent.of(
        ListenerAgent.model_validate(
            {"id": ident, "description": f"About {ident}." if description is None else description, **used}
        ),
        Declared.model_validate({"id": ident, "url": url or f"http://{ident}:80", **(declared or {})}),
        timeout=30.0,
    )


def running(records: list[Record] | None = None, client: Mapping[str, bytes] = CLIENT, key: bytes = b"s1") -> Running:
    return Running(client, key, lambda: 0.0, (records if records is not None else []).append)


def completion(text: str) -> Reply:
    return reply({"object": "chat.completion", "choices": [{"index": 0, "message": {"content": text}}]})


def streamed(*texts: str, end: bytes = b"data: [DONE]\n\n") -> Reply:
    events = (orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) for text in texts)
    return reply(b"".join(b"data: " + one + b"\n\n" for one in events) + end, content_type="text/event-stream")


class Agents:
    """Answers for agents by id, each from a list; the last of it is repeated. Keeps the questions."""

    def __init__(self, **answers: Reply | CalloutFailed | list[Any]) -> None:
        self._answers = {name: list(told) if isinstance(told, list) else [told] for name, told in answers.items()}
        self.questions: list[Callout] = []

    def __call__(self, question: Callout) -> Reply | CalloutFailed:
        self.questions.append(question)
        answers = self._answers[question.what.removeprefix("agent ")]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def asked(self) -> list[str]:
        """Who was asked, in order."""
        return [one.what.removeprefix("agent ") for one in self.questions]

    def messages(self, at: int) -> Any:
        """What one of them was sent."""
        return orjson.loads(self.questions[at].body)["messages"]
