"""Run a memory for any agent: `python -m plano_agents.memory_filter [--port 10500]`.

An HTTP filter at two URLs. `/before` adds what is known of a user to a request, in whichever dialect it is; `/after`
sees the answer and keeps what the user said of themselves, so that nothing is kept of a request that failed. The two
calls of an exchange have the same `x-request-id`. Whose memory it is says the header `x-user`, else the request's
`user` or `metadata.user_id`. What is kept is in this process only.
"""

import json
import re
import sys
from collections import OrderedDict
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plano_agents import chat_agent, serving
from plano_agents.dev_model.ask import Json

_FACTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bmy name is \w+",
        r"\bI (?:live|work) (?:in|at|for) [\w ]+",
        r"\bI (?:like|love|prefer|hate) [\w ]+",
        r"\bI am (?:allergic to|from|learning) [\w ]+",
        r"\bremember that [^.!?\n]+",
    )
)
_MOST_USERS: Final = 10_000
_MOST_FACTS: Final = 50
_MOST_PENDING: Final = 10_000


class Memory:
    """Facts by user, oldest first, and those of exchanges that have no answer yet. All of it is bounded."""

    def __init__(self) -> None:
        self._facts: OrderedDict[str, list[str]] = OrderedDict()
        self._pending: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()

    def known(self, user: str) -> list[str]:
        """Return the facts about a user."""
        return list(self._facts.get(user, ()))

    def expect(self, exchange: str, user: str, facts: list[str]) -> None:
        """Keep facts for the time when the exchange is answered."""
        self._pending[exchange] = user, facts
        while len(self._pending) > _MOST_PENDING:
            self._pending.popitem(last=False)

    def store(self, exchange: str) -> None:
        """Remember the facts of an exchange; a second answer to it changes nothing."""
        user, facts = self._pending.pop(exchange, ("", []))
        if not facts:
            return
        held = self._facts.setdefault(user, [])
        held.extend(fact for fact in facts if fact not in held)
        del held[:-_MOST_FACTS]
        self._facts.move_to_end(user)
        while len(self._facts) > _MOST_USERS:
            self._facts.popitem(last=False)


def facts_in(text: str) -> list[str]:
    """Return what a user says of themselves."""
    return [match.group().strip() for pattern in _FACTS for match in pattern.finditer(text)]


def with_facts(path: str, body: Json, facts: list[str]) -> Json:
    """Return a request with facts, where its dialect has the operator's words."""
    if not facts:
        return body
    known = "Known of the user: " + "; ".join(facts) + "."
    if path.endswith("/messages"):
        system = body.get("system")
        blocks = system if isinstance(system, list) else [{"type": "text", "text": system}] if system else []
        return body | {"system": [*blocks, {"type": "text", "text": known}]}
    if path.endswith("/responses"):
        return body | {"instructions": "\n".join(filter(None, (body.get("instructions"), known)))}
    return body | {"messages": [{"role": "system", "content": known}, *body.get("messages", [])]}


def _said(body: Json) -> str:
    asked = body.get("messages", body.get("input"))
    if isinstance(asked, str):
        return asked
    messages = [one for one in asked if isinstance(one, dict)] if isinstance(asked, list) else []
    return next(iter(chat_agent.asked_of(messages)), "")


def _user(request: Request, body: Json) -> str:
    metadata = body.get("metadata")
    named: Any = body.get("user") or (metadata.get("user_id") if isinstance(metadata, dict) else None)
    return request.headers.get("x-user") or (named if isinstance(named, str) else "") or "somebody"


def app(memory: Memory | None = None) -> Starlette:
    """Build the server."""
    held = memory or Memory()

    async def before(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return JSONResponse({"detail": "the body is no JSON object"}, 400)
        user = _user(request, body)
        facts = facts_in(_said(body))
        if exchange := request.headers.get("x-request-id"):
            held.expect(exchange, user, facts)
        return JSONResponse(with_facts(request.url.path, body, held.known(user)))

    async def after(request: Request) -> Response:
        held.store(request.headers.get("x-request-id", ""))
        return Response(await request.body(), media_type=request.headers.get("content-type"))

    return Starlette(
        routes=[
            Route("/before/{path:path}", before, methods=["POST"]),
            Route("/after/{path:path}", after, methods=["POST"]),
            Route("/healthz", chat_agent.healthz),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    options = serving.parser("plano_agents.memory_filter", "A memory for any agent.").parse_args(arguments)
    return serving.main(options, "memory filter (a sample, kept in this process)", app)


if __name__ == "__main__":
    sys.exit(main())
