"""Sample servers behind flows: questions go to real applications, by cluster."""

import warnings
from collections.abc import Mapping

from starlette.applications import Starlette

from plano_extproc.flow import Callout, Reply

with warnings.catch_warnings():
    # Starlette asks for another release of httpx, beside that which the official SDKs need.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


class Live:
    """Answers questions by asking the application of their cluster."""

    def __init__(self, apps: Mapping[str, Starlette]) -> None:
        self._clients = {cluster: TestClient(app) for cluster, app in apps.items()}
        self.questions: list[Callout] = []

    def __call__(self, question: Callout) -> Reply:
        self.questions.append(question)
        told = self._clients[question.cluster].request(
            question.method,
            question.path,
            headers={name: value.decode() for name, value in question.headers},
            content=question.body,
        )
        return Reply(told.status_code, {name: value.encode() for name, value in told.headers.items()}, told.content)
