"""Run house rules as an MCP filter: `python -m plano_agents.mcp_filter [--port 10501] [--secret WORD]`.

An MCP server by streamable HTTP at `/mcp` with one tool, `house_rules`, which takes `body` and `path` and gives the
body back. A request that holds a secret word is refused; in the text of an answer the word is masked.
"""

import json
import re
import secrets
import sys
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plano_agents import chat_agent, serving
from plano_agents.dev_model.ask import Json

TOOL: Final = {
    "name": "house_rules",
    "description": "Refuses requests with a secret word, and masks it in answers.",
    "inputSchema": {
        "type": "object",
        "properties": {"body": {}, "path": {"type": "string"}},
        "required": ["body", "path"],
    },
}
_VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")


class RefusedError(Exception):
    """The rules forbid it."""


def apply(body: Any, words: tuple[str, ...]) -> Any:
    """Return the body under the rules. Raises `RefusedError` for a request; texts of answers are masked."""
    pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    if isinstance(body, str):
        return pattern.sub(lambda match: "*" * len(match.group()), body)
    is_answer = isinstance(body, dict) and ("choices" in body or "output" in body or body.get("type") == "message")
    text = json.dumps(body, ensure_ascii=False)
    if not pattern.search(text):
        return body
    if is_answer:
        return json.loads(pattern.sub(lambda match: "*" * len(match.group()), text))
    raise RefusedError("The house rules forbid this: it names something secret.")


class Server:
    """The MCP server of one process: which sessions are open."""

    def __init__(self, words: tuple[str, ...], *, as_sse: bool) -> None:
        """Serve rules about `words`; `as_sse` answers with server-sent events, which MCP allows as well."""
        self._words = words
        self._as_sse = as_sse
        self._sessions: set[str] = set()

    async def serve(self, request: Request) -> Response:
        """Answer one message."""
        if request.method == "DELETE":
            self._sessions.discard(request.headers.get("mcp-session-id", ""))
            return Response(status_code=204)
        try:
            message = json.loads(await request.body())
        except (ValueError, RecursionError):
            return JSONResponse(_error(None, -32700, "not JSON"), 400)
        if not isinstance(message, dict):
            return JSONResponse(_error(None, -32600, "not a request"), 400)
        if message.get("method") == "initialize":
            return self._open(message)
        if request.headers.get("mcp-session-id", "") not in self._sessions:
            return JSONResponse(_error(message.get("id"), -32600, "session not found"), 404)
        if "id" not in message:
            return Response(status_code=202)
        return self._written(self._answer(message))

    def _open(self, message: Json) -> Response:
        asked = (message.get("params") or {}).get("protocolVersion")
        result: Json = {
            "protocolVersion": asked if asked in _VERSIONS else _VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "house-rules", "version": "1"},
        }
        session = secrets.token_hex(16)
        self._sessions.add(session)
        answer = self._written({"jsonrpc": "2.0", "id": message.get("id"), "result": result})
        answer.headers["mcp-session-id"] = session
        return answer

    def _answer(self, message: Json) -> Json:
        ident, params = message["id"], message.get("params") or {}
        match message.get("method"):
            case "ping":
                return {"jsonrpc": "2.0", "id": ident, "result": {}}
            case "tools/list":
                return {"jsonrpc": "2.0", "id": ident, "result": {"tools": [TOOL]}}
            case "tools/call" if params.get("name") == TOOL["name"]:
                return {"jsonrpc": "2.0", "id": ident, "result": self._call(params.get("arguments") or {})}
            case _:
                return _error(ident, -32601, "no such method or tool")

    def _call(self, arguments: Json) -> Json:
        try:
            result = apply(arguments.get("body"), self._words)
        except RefusedError as refused:
            return {"isError": True, "content": [{"type": "text", "text": str(refused)}]}
        text = json.dumps(result, ensure_ascii=False)
        return {"content": [{"type": "text", "text": text}], "structuredContent": {"result": result}, "isError": False}

    def _written(self, answer: Json) -> Response:
        if not self._as_sse:
            return JSONResponse(answer)
        return Response(f"event: message\ndata: {json.dumps(answer)}\n\n", media_type="text/event-stream")


def _error(ident: Any, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": message}}


def app(words: tuple[str, ...] = ("project bluebird",), *, as_sse: bool = False) -> Starlette:
    """Build the server."""
    server = Server(words, as_sse=as_sse)
    return Starlette(
        routes=[
            Route("/mcp", server.serve, methods=["POST", "DELETE"]),
            Route("/healthz", chat_agent.healthz),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    parser = serving.parser("plano_agents.mcp_filter", "House rules as an MCP filter.")
    parser.add_argument("--secret", action="append", help="a word that is secret (default: project bluebird)")
    parser.add_argument("--sse", action="store_true", help="answer with server-sent events")
    options = parser.parse_args(arguments)
    words = tuple(options.secret or ["project bluebird"])
    return serving.main(options, "MCP filter (a sample)", lambda: app(words, as_sse=options.sse))


if __name__ == "__main__":
    sys.exit(main())
