"""The paths below which kept answers and conversations are read, changed and forgotten, as OpenAI's clients ask.

GET, DELETE        /v1/responses/{id}                 GET  /v1/responses/{id}/input_items
POST               /v1/conversations
GET, POST, DELETE  /v1/conversations/{id}             GET, POST    /v1/conversations/{id}/items
                                                      GET, DELETE  /v1/conversations/{id}/items/{item}
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import orjson

from plano_extproc.errors import InvalidRequest, NotFound
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.conversation.owner import owner
from plano_extproc.gateway.local import details
from plano_extproc.gateway.work import Doing, wait_for
from plano_extproc.stores.conversations import Conversations

Json = dict[str, Any]

RESPONSES: Final = "/v1/responses/"
CONVERSATIONS: Final = "/v1/conversations"


def is_stored(path: str) -> bool:
    """Return whether a path is one of these."""
    return path.startswith((RESPONSES, CONVERSATIONS + "/")) or path == CONVERSATIONS


def has_body(method: bytes | None) -> bool:
    """Return whether a request by this method comes with a body."""
    return method == b"POST"


def reply(gateway: Gateway, ask: Ask, path: str, body: bytes | None) -> Doing[Reply]:
    """Do what is asked. Raises `NotFound` for what is not there, or belongs to another client."""
    conversations = gateway.ports.conversations(gateway.config)
    if conversations is None:
        raise NotFound("no conversations are kept here; state_storage is not configured", code="not_found")
    method = ask.headers[":method"].decode("latin-1")
    names = tuple(unquote(part) for part in path.removeprefix("/v1/").split("/"))
    whose = owner(ask, gateway.listeners[ask.listener])
    what = _asked(conversations, whose, method, names, ask.query, body)
    if what is None:
        raise NotFound(f"nothing is served at {method} {path}", code="not_found")
    told = yield from wait_for(what)
    return Reply(200, JSON, orjson.dumps(told), details("stored"))


def _asked(
    kept: Conversations, whose: str, method: str, names: tuple[str, ...], query: str, body: bytes | None
) -> Callable[[], Awaitable[Json]] | None:
    sent = _object(body) if method == "POST" else {}
    match method, *names:
        case "GET", "responses", ident:
            _demand_no_stream(query)
            return lambda: kept.response(whose, ident)
        case "DELETE", "responses", ident:
            return lambda: kept.forget(whose, ident)
        case "GET", "responses", ident, "input_items":
            return lambda: kept.input_items(whose, ident, query)
        case "POST", "conversations":
            return lambda: kept.create(whose, sent)
        case "GET", "conversations", ident:
            return lambda: kept.conversation(whose, ident)
        case "POST", "conversations", ident:
            return lambda: kept.update(whose, ident, sent)
        case "DELETE", "conversations", ident:
            return lambda: kept.end(whose, ident)
        case "GET", "conversations", ident, "items":
            return lambda: kept.items(whose, ident, query)
        case "POST", "conversations", ident, "items":
            return lambda: kept.put(whose, ident, sent)
        case "GET", "conversations", ident, "items", item:
            return lambda: kept.item(whose, ident, item)
        case "DELETE", "conversations", ident, "items", item:
            return lambda: kept.remove(whose, ident, item)
    return None


def _object(body: bytes | None) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        held: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error.msg} at byte {error.pos}") from None
    if not isinstance(held, dict):
        raise InvalidRequest("the body must be a JSON object")
    return held


def _demand_no_stream(query: str) -> None:
    if parse_qs(query).get("stream", ["false"])[-1].lower() in ("true", "1"):
        raise InvalidRequest("stream: a kept answer is not streamed again; leave it out", param="stream")
