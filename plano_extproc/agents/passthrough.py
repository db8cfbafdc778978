"""Agents that speak A2A and MCP servers: their own protocol passes through, below a path that names them.

    /a2a/<id>                                  JSON-RPC: the agent's URL itself
    /a2a/<id>/<path>                           below its URL: HTTP+JSON, and cards
    /a2a/<id>/.well-known/agent-card.json      the agent's card, with this gateway's address in it
    /mcp/<id>, /mcp/<id>/<path>                the server's URL, and below it

No router is asked: who calls has chosen. What is read of a body is what identity, guards, governance and spans need.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote

import orjson

from plano_extproc.agents.agent import Agent
from plano_extproc.agents.instances import upstream
from plano_extproc.errors import GatewayError, NotFound
from plano_extproc.flow import Headers

Protocol = Literal["a2a", "mcp"]
Json = dict[str, Any]

PREFIXES: Final[dict[str, Protocol]] = {"/a2a/": "a2a", "/mcp/": "mcp"}
METHODS: Final = ("GET", "POST", "DELETE")
CARDS: Final = ("/.well-known/agent-card.json", "/.well-known/agent.json")
"""Where a card is; the second is that of A2A before 0.3."""

FORWARDED: Final = (
    "accept",
    "content-type",
    "last-event-id",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "a2a-version",
    "a2a-extensions",
    "x-a2a-extensions",
)
"""The protocols' own headers, which pass in both directions."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a request goes as it is. `is_card` says that the answer is to be put through `with_address`."""

    agent: str
    protocol: Protocol
    cluster: str
    path: str
    prefix: str
    is_card: bool = False


@dataclass(frozen=True, slots=True)
class Rpc:
    """What a JSON-RPC request asks for. `tool` is the name of an MCP tool that it calls, with `arguments` in JSON."""

    method: str
    id: str | int | None
    tool: str | None
    texts: tuple[str, ...]
    arguments: str = ""


def passage(path: str, agents: Mapping[str, tuple[Protocol, Agent]], key: bytes) -> Passage | None:
    """Return where a request for `path`, with its query, goes; None where the path is for no such agent.

    `agents` are those of the listener that are passed through to, by id; `key` is what a session has in common.
    Raises `NotFound` for an id that none of them has.
    """
    bare, mark, query = path.partition("?")
    prefix = next((one for one in PREFIXES if bare.startswith(one)), None)
    if prefix is None:
        return None
    written, slash, rest = bare.removeprefix(prefix).partition("/")
    protocol, agent = agents.get(unquote(written), (None, None))
    if agent is None or protocol != PREFIXES[prefix]:
        known = ", ".join(sorted(ident for ident, (spoken, _) in agents.items() if spoken == PREFIXES[prefix]))
        raise NotFound(f"no agent '{unquote(written)}' at {prefix}; known: {known or 'none'}")
    if any(part in (".", "..") for part in unquote(rest).replace("\\", "/").split("/")):
        raise NotFound("a path may not leave the agent's own")
    one = upstream(agent, key)
    below = slash + rest
    is_card = PREFIXES[prefix] == "a2a" and below in CARDS
    target = one.at("" if below == "/" else below)
    if query:
        target += ("&" if "?" in target else mark) + query
    return Passage(agent.id, PREFIXES[prefix], one.cluster, target, prefix + written, is_card)


def headers(client: Mapping[str, bytes], own: Headers) -> Headers:
    """Return the headers of a request that passes: the protocol's, and `own`, which win.

    `own` is what `Running.headers` has for the agent.
    """
    named = {name for name, _ in own}
    return (*((name, client[name]) for name in FORWARDED if name in client and name not in named), *own)


def read(body: bytes) -> tuple[Rpc, ...]:
    """Return the requests in a body, several where it is a batch; none where it is no JSON-RPC."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    listed = told if isinstance(told, list) else [told]
    return tuple(_rpc(one) for one in listed if isinstance(one, dict) and isinstance(one.get("method"), str))


def _rpc(message: Json) -> Rpc:
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    name, ident = params.get("name"), message.get("id")
    is_tool = message["method"] == "tools/call" and isinstance(name, str)
    said = params.get("arguments") if is_tool else params.get("message", params)
    return Rpc(
        message["method"],
        ident if isinstance(ident, (str, int)) else None,
        name if is_tool else None,
        tuple(_texts(said)),
        orjson.dumps(said).decode() if is_tool else "",
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield all strings in a value: what a guard must see."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text if text:
                yield text
            case dict() as held:
                stack.extend(reversed(list(held.values())))
            case list() as held:
                stack.extend(reversed(held))


def is_last(protocol: Protocol, data: bytes, ident: str | int | None) -> bool:
    """Return whether an event of a stream, by its data, is the one at which clients hang up: the answer to `ident`.

    MCP's streams say what they are about before that in requests and notifications; A2A's answer several times, and
    say which answer is the last: a message, or a status that is final.
    """
    if ident is None or (b'"result"' not in data and b'"error"' not in data):
        return False
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(told, dict) or told.get("id") != ident or "method" in told:
        return False
    if "error" in told or protocol == "mcp":
        return True
    result = told.get("result")
    return isinstance(result, dict) and (result.get("final") is True or result.get("kind") == "message")


def refusal(error: GatewayError, ident: str | int | None) -> bytes:
    """Return an error of ours as JSON-RPC, for the body of an answer with the error's status."""
    code = _CODES.get(error.status, -32603 if error.status >= 500 else -32600)
    told = {"code": code, "message": error.message, "data": {"type": error.type, "status": error.status}}
    return orjson.dumps({"jsonrpc": "2.0", "id": ident, "error": told})


_CODES: Final = {404: -32601, 413: -32600}


def with_address(card: bytes, address: str) -> bytes:
    """Return an agent's card with the address at which this gateway has it, so that clients come back here.

    An interface keeps the part of its path that lies below the card's main URL. What is no card stays as it is.
    Signatures go: they are for the card that the agent wrote.
    """
    try:
        told = orjson.loads(card)
    except orjson.JSONDecodeError:
        return card
    if not isinstance(told, dict):
        return card
    own = told.get("url")
    lists = [told.get(name) for name in ("supportedInterfaces", "additionalInterfaces", "interfaces")]
    listed = [one for found in lists if isinstance(found, list) for one in found if isinstance(one, dict)]
    main = own if isinstance(own, str) else next((one["url"] for one in listed if isinstance(one.get("url"), str)), "")
    if isinstance(own, str):
        told["url"] = address
    for one in listed:
        if isinstance(one.get("url"), str):
            below = one["url"].removeprefix(main.rstrip("/")) if main else ""
            one["url"] = address + below if below.startswith("/") and below != "/" else address
    told.pop("signatures", None)
    return orjson.dumps(told)
