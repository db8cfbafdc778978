"""A server that speaks A2A and MCP, as agents behind a gateway do that passes both."""

from collections.abc import Sequence

import orjson

from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded, Wait

CARD = {"name": "planner", "url": "http://internal:9/plan", "skills": [], "signatures": [{"signature": "x"}]}
EVENTS = [b'data: {"jsonrpc":"2.0","id":1,"result":{"part":%d}}\n\n' % number for number in range(3)]


class Service:
    """Answers as an A2A agent and an MCP server do, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Recorded] = []
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.asked.append(request)
        if request.path == "/slow" and request.method == "POST":
            return [Wait(60), *_json({})]
        if request.path.endswith("agent-card.json"):
            return _json(CARD)
        if "text/event-stream" in (request.header("accept") or ""):
            events = [step for event in EVENTS for step in (Data(event), Wait(0.05))]
            return [Head(200, (("content-type", "text/event-stream"), ("mcp-session-id", "s-1"))), *events, End()]
        return _json({"jsonrpc": "2.0", "id": 1, "result": {"path": request.target}})


def _json(body: object) -> list[Action]:
    raw = orjson.dumps(body)
    return [Head(200, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]
