"""A2A and MCP below a listener's own paths."""

import orjson
import pytest

from plano_extproc.agents.passthrough import headers, passage, read, refusal, with_address
from plano_extproc.errors import Forbidden, NotFound
from tests.agents.making import agent

AGENTS = {
    "concierge": ("a2a", agent("concierge", url="http://h:1/rpc")),
    "maps": ("mcp", agent("maps", url="http://h:2/mcp?v=1")),
    "two words": ("a2a", agent("two words", url="http://h:3")),
}


@pytest.mark.parametrize(
    ("path", "ident", "target", "is_card"),
    [
        ("/a2a/concierge", "concierge", "/rpc", False),
        ("/a2a/concierge/", "concierge", "/rpc", False),
        ("/a2a/concierge/v1/message:send?x=1", "concierge", "/rpc/v1/message:send?x=1", False),
        ("/a2a/concierge/.well-known/agent-card.json", "concierge", "/rpc/.well-known/agent-card.json", True),
        ("/mcp/maps", "maps", "/mcp?v=1", False),
        ("/mcp/maps?x=2", "maps", "/mcp?v=1&x=2", False),
        ("/a2a/two%20words", "two words", "/", False),
    ],
)
def test_a_path_names_its_agent(path: str, ident: str, target: str, is_card: bool) -> None:
    found = passage(path, AGENTS, b"k")  # type: ignore[arg-type]

    assert found is not None
    assert (found.agent, found.path, found.is_card) == (ident, target, is_card)


def test_other_paths_are_not_for_it() -> None:
    assert passage("/v1/chat/completions", AGENTS, b"k") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/a2a/nobody", "/a2a/maps", "/mcp/concierge", "/mcp/"])
def test_an_unknown_agent_is_not_found(path: str) -> None:
    with pytest.raises(NotFound, match="known:"):
        passage(path, AGENTS, b"k")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/a2a/concierge/../admin", "/a2a/concierge/x/%2e%2e/y", "/a2a/concierge/..%5cx"])
def test_a_path_may_not_leave_the_agents_own(path: str) -> None:
    with pytest.raises(NotFound):
        passage(path, AGENTS, b"k")  # type: ignore[arg-type]


def test_the_protocols_headers_pass_and_credentials_do_not() -> None:
    client = {"mcp-session-id": b"s", "accept": b"a", "authorization": b"x", "content-type": b"application/json"}

    assert dict(headers(client, (("content-type", b"mine"), ("x-key", b"k")))) == {
        "accept": b"a",
        "mcp-session-id": b"s",
        "content-type": b"mine",
        "x-key": b"k",
    }


def test_what_is_asked_is_read_for_guards_and_spans() -> None:
    message = {"role": "user", "parts": [{"kind": "text", "text": "hello"}, {"kind": "data", "data": {"a": ["b"]}}]}
    (sent,) = read(orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}))
    (called,) = read(
        orjson.dumps({"id": "x", "method": "tools/call", "params": {"name": "find", "arguments": {"q": "pubs"}}})
    )

    assert (sent.method, sent.id, sent.tool) == ("message/send", 1, None)
    assert {"hello", "b"} <= set(sent.texts)
    assert (called.method, called.id, called.tool, called.texts) == ("tools/call", "x", "find", ("pubs",))
    assert [one.method for one in read(b'[{"method": "a"}, {"method": "b"}, 3]')] == ["a", "b"]
    assert read(b"garbage") == read(b'"text"') == ()


def test_deep_nesting_is_read() -> None:
    deep = b'{"method": "x", "params": {"message": ' + b"[" * 500 + b'"hi"' + b"]" * 500 + b"}}"

    assert read(deep)[0].texts == ("hi",)


def test_a_refusal_speaks_json_rpc() -> None:
    told = orjson.loads(refusal(Forbidden("revoked"), 7))

    assert told["id"] == 7
    assert told["error"] == {
        "code": -32600,
        "message": "revoked",
        "data": {"type": "permission_error", "status": 403},
    }


def test_a_card_says_where_the_gateway_has_the_agent() -> None:
    card = {
        "name": "c",
        "url": "http://h:1/rpc",
        "additionalInterfaces": [{"url": "http://h:1/rpc", "transport": "JSONRPC"}, {"url": "http://h:1/rpc/rest"}],
        "signatures": [{}],
    }

    assert orjson.loads(with_address(orjson.dumps(card), "https://gw/a2a/c")) == {
        "name": "c",
        "url": "https://gw/a2a/c",
        "additionalInterfaces": [
            {"url": "https://gw/a2a/c", "transport": "JSONRPC"},
            {"url": "https://gw/a2a/c/rest"},
        ],
    }


def test_a_card_of_version_one_has_its_interfaces_changed() -> None:
    card = {"supportedInterfaces": [{"url": "http://h:1/rpc"}, {"url": "grpc://h:2"}]}

    assert orjson.loads(with_address(orjson.dumps(card), "https://gw/a2a/c")) == {
        "supportedInterfaces": [{"url": "https://gw/a2a/c"}, {"url": "https://gw/a2a/c"}]
    }


@pytest.mark.parametrize("body", [b"garbage", b"[1]"])
def test_what_is_no_card_stays(body: bytes) -> None:
    assert with_address(body, "https://gw") == body
