"""Answers what an exchange asks: other services through Envoy, configured models in any dialect, and our own stores."""

import asyncio
from typing import Any

import orjson

from plano_extproc import headers
from plano_extproc.errors import GatewayError
from plano_extproc.flow import Callout, CalloutFailed, ModelCall, Question, Reply, Together
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import serve
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.limits import on_behalf
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.surface import surface
from plano_extproc.gateway.telemetry.calling import call
from plano_extproc.gateway.work import Wait
from plano_extproc.translate import profile_for

_AGAIN = frozenset({408, 429, *range(500, 600)})


class Outside:
    """Answers the questions of one exchange, whose request is `ask`."""

    __slots__ = ("_ask", "_gateway")

    def __init__(self, gateway: Gateway, ask: Ask) -> None:
        self._gateway = gateway
        self._ask = ask

    async def __call__(self, question: Question | Wait) -> Any:
        """Answer one question; raises what its kind says."""
        match question:
            case Wait(make):
                return await make()
            case Together(questions):
                return await asyncio.gather(*map(self._unfailing, questions))
            case ModelCall():
                return await self._model(question)
            case Callout():
                return await call(self._gateway, self._ask.headers, question)

    async def _unfailing(self, question: Callout | ModelCall) -> Reply | CalloutFailed:
        try:
            reply: Reply = await self(question)
        except CalloutFailed as failed:
            return failed
        return reply

    async def _model(self, asked: ModelCall) -> Reply:
        """Ask a configured model, and who stands behind it where it fails; its answer comes in chat's own words."""
        found = surface(asked.path)
        assert found is not None, "a path of a model"
        ask = Ask("", found, _traced(self._ask), "")
        request = {**asked.body, "model": asked.model}
        body = orjson.dumps(request)
        deadline = asyncio.get_running_loop().time() + asked.timeout
        try:
            candidates = self._gateway.by_name(ask, asked.model).tries
            for left, plan in zip(reversed(range(len(candidates))), candidates, strict=True):
                taken, fields = _taken(plan, body, request)
                decision = serve(self._gateway, ask, plan, taken, fields)
                seconds = deadline - asyncio.get_running_loop().time()
                try:
                    sent = _callout(asked, ask, decision, taken, seconds)
                    reply = await call(self._gateway, ask.headers, sent, plan)
                except CalloutFailed as failed:
                    if not left or failed.reason == "timeout":
                        raise
                    continue
                if not left or reply.status not in _AGAIN:
                    answer = _in_chat(decision, reply)
                    await on_behalf.charge(self._gateway, self._ask, plan, asked, answer)
                    return answer
        except GatewayError as error:
            raise CalloutFailed("unreachable") from error
        raise AssertionError("the last candidate's reply is returned")


def _taken(plan: Plan, body: bytes, request: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return a request of ours without what the model would refuse; a translation leaves that out by itself."""
    refused = profile_for("openai.chat", plan.choice.model).refused if plan.way is Way.BYPASS else frozenset()
    if not refused & request.keys():
        return body, request
    made = {name: held for name, held in request.items() if name not in refused}
    return orjson.dumps(made), made


def _traced(ask: Ask) -> dict[str, bytes]:
    return {name: ask.headers[name] for name in _FORWARDED if name in ask.headers}


def _callout(call: ModelCall, ask: Ask, decision: Decision, body: bytes, seconds: float) -> Callout:
    """Return the request for a provider, with what Envoy would be told to change."""
    sent = {"content-type": b"application/json", **ask.headers, **dict(decision.changes.set), **dict(decision.extra)}
    cluster, path = sent.pop(headers.CLUSTER).decode(), sent.pop(":path").decode()
    # Its own to set: the client's.
    sent.pop("content-length", None)
    made = body if decision.body is None else decision.body
    return Callout(cluster, "POST", path, tuple(sent.items()), made, call.what, max(seconds, 0.001))


def _in_chat(decision: Decision, reply: Reply) -> Reply:
    translation = decision.translation
    if translation is None:
        return reply
    if reply.status >= 300:
        return Reply(reply.status, reply.headers, translation.error(reply.status, reply.body))
    return Reply(reply.status, reply.headers, translation.response(reply.body))


_FORWARDED = ("x-request-id", "traceparent", "tracestate")
