"""Filters of type mcp: a tool of an MCP server takes `{body, path}` and gives the body back.

Streamable HTTP, in both of its kinds. Until revision 2025-11-25 a client shakes hands once and has a session; it is
kept in `Sessions` and renewed when the server has forgotten it. A server that knows no handshake is spoken to as
revision 2026-07-28 says, where every request stands for itself.
https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer, Relayed
from plano_extproc.filters.http import asked, refusal
from plano_extproc.filters.service import Deadline, Filter, FilterFailed, Passing
from plano_extproc.flow import Callout, Flow, Reply, Together
from plano_extproc.translate.framing.sse import SseParser

Json = dict[str, Any]

_ASKED_VERSION: Final = "2025-11-25"
_WITHOUT_HANDSHAKE: Final = "2026-07-28"
_CLIENT: Final[Json] = {"name": "plano", "version": "1"}
_META: Final[Json] = {
    "io.modelcontextprotocol/protocolVersion": _WITHOUT_HANDSHAKE,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": _CLIENT,
}
_FORGOTTEN: Final = frozenset({400, 404})
"""How servers answer a session that they do not know: 404 by the specification, 400 in some SDKs."""


@dataclass(frozen=True, slots=True)
class Session:
    """What one server and we agreed on. `id` is None where the server keeps no sessions."""

    version: str
    id: bytes | None = None

    @property
    def has_handshake(self) -> bool:
        """Whether requests leave out what the handshake said."""
        return self.version < _WITHOUT_HANDSHAKE


class Sessions:
    """The sessions of one worker, and the numbers of its requests. Its flows may run at the same time."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[Filter, Session]] = {}
        self._last = 0

    def number(self) -> int:
        """Return an id that no other request has."""
        self._last += 1
        return self._last

    def get(self, filter_: Filter) -> Session | None:
        """Return what is agreed on with a filter's server, if anything is."""
        _, session = self._sessions.get(filter_.upstream.cluster, (None, None))
        return session

    def keep(self, filter_: Filter, session: Session) -> None:
        """Use a session from here on."""
        self._sessions[filter_.upstream.cluster] = filter_, session

    def drop(self, filter_: Filter, session: Session) -> None:
        """Forget a session, unless a newer one has taken its place."""
        if self.get(filter_) == session:
            del self._sessions[filter_.upstream.cluster]

    def close(self, timeout: float) -> Flow[None]:
        """Tell the servers that their sessions are over, within `timeout` seconds; they need not answer."""
        left, self._sessions = self._sessions, {}
        goodbyes = tuple(
            Callout(
                one.upstream.cluster,
                "DELETE",
                one.upstream.at(""),
                _session_headers(session),
                b"",
                f"filter {one.id}",
                timeout,
            )
            for one, session in left.values()
            if session.id is not None
        )
        if goodbyes:
            yield Together(goodbyes)


def call(filter_: Filter, body: Any, passing: Passing, sessions: Sessions) -> Flow[Any]:
    """Return the body as the tool wants it. Raises `Relayed` for its refusal, else `FilterFailed`.

    A body is parsed JSON, or text.
    """
    end = Deadline(passing.clock, filter_.timeout)
    session = sessions.get(filter_)
    is_known = session is not None
    if session is None:
        session = yield from _open(filter_, passing, sessions, end)
    reply, number = yield from _call_tool(filter_, body, passing, sessions, session, end)
    if is_known and reply.status in _FORGOTTEN:
        sessions.drop(filter_, session)
        session = yield from _open(filter_, passing, sessions, end)
        reply, number = yield from _call_tool(filter_, body, passing, sessions, session, end)
    if not 200 <= reply.status < 300:
        sessions.drop(filter_, session)
        raise refusal(filter_, reply)
    return _body(_result(reply, number))


def _call_tool(
    filter_: Filter, body: Any, passing: Passing, sessions: Sessions, session: Session, end: Deadline
) -> Flow[tuple[Reply, int]]:
    number = sessions.number()
    params: Json = {"name": filter_.tool, "arguments": {"body": body, "path": passing.path}}
    more = _session_headers(session)
    if not session.has_handshake:
        params["_meta"] = _META
        more = (*more, ("mcp-method", b"tools/call"), ("mcp-name", filter_.tool.encode()))
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return (yield from _post(filter_, message, passing, end, *more)), number


def _open(filter_: Filter, passing: Passing, sessions: Sessions, end: Deadline) -> Flow[Session]:
    number = sessions.number()
    params = {"protocolVersion": _ASKED_VERSION, "capabilities": {}, "clientInfo": _CLIENT}
    message = {"jsonrpc": "2.0", "id": number, "method": "initialize", "params": params}
    reply = yield from _post(filter_, message, passing, end)
    answer = _message(reply, number) if reply.status < 500 else None
    if answer is not None and isinstance(answer.get("error"), dict):
        session = Session(_WITHOUT_HANDSHAKE)
    elif answer is None or not 200 <= reply.status < 300:
        raise FilterFailed(f"answered the MCP handshake with status {reply.status}")
    else:
        session = Session(_version(answer.get("result")), reply.headers.get("mcp-session-id"))
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        yield from _post(filter_, initialized, passing, end, *_session_headers(session))
    sessions.keep(filter_, session)
    return session


def _version(result: Any) -> str:
    version = result.get("protocolVersion") if isinstance(result, dict) else None
    if not isinstance(version, str):
        raise FilterFailed("answered the MCP handshake without a protocol version")
    return version


def _session_headers(session: Session) -> tuple[tuple[str, bytes], ...]:
    version = ("mcp-protocol-version", session.version.encode())
    return (version,) if session.id is None else (version, ("mcp-session-id", session.id))


def _post(filter_: Filter, message: Json, passing: Passing, end: Deadline, *more: tuple[str, bytes]) -> Flow[Reply]:
    headers = passing.headers(
        filter_,
        ("content-type", b"application/json"),
        ("accept", b"application/json, text/event-stream"),
        *more,
    )
    return (yield from asked(filter_, filter_.upstream.at(""), headers, orjson.dumps(message), end))


def _message(reply: Reply, number: int) -> Json | None:
    """Return the answer to the request with this number; what else the server had to say is passed over."""
    if reply.headers.get("content-type", b"").lower().startswith(b"text/event-stream"):
        parser = SseParser()
        try:
            texts = [event.data for event in (*parser.feed(reply.body), *parser.end())]
        except BadProviderAnswer:
            return None
    else:
        texts = [reply.body]
    for text in texts:
        try:
            told = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        for one in told if isinstance(told, list) else [told]:
            if isinstance(one, dict) and one.get("id") == number and ("result" in one or "error" in one):
                return one
    # Some servers cannot tell which request an error is for.
    return one if len(texts) == 1 and isinstance(one := _parsed(texts[0]), dict) and "error" in one else None


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _result(reply: Reply, number: int) -> Json:
    answer = _message(reply, number)
    if answer is None:
        raise FilterFailed("sent no answer to the MCP call")
    result = answer.get("result")
    if not isinstance(result, dict):
        raise FilterFailed("answered the MCP call with an error")
    if result.get("isError") is True:
        raise Relayed(_text(result) or "refused by a filter", 400, code="filter_refused")
    return result


def _body(result: Json) -> Any:
    """Return what the tool gave back: its structured content, else the JSON in its text, else the text."""
    structured = result.get("structuredContent")
    if isinstance(structured, dict):
        # A tool that gives back what is no object has it wrapped.
        return structured["result"] if structured.keys() == {"result"} else structured
    text = _text(result)
    if text is None:
        raise FilterFailed("answered the MCP call with no text")
    return text


def _text(result: Json) -> str | None:
    content = result.get("content")
    texts = [
        part["text"]
        for part in (content if isinstance(content, list) else ())
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
    ]
    return texts[0] if texts else None
