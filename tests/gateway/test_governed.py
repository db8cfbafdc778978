"""Governed agents: what a strict ledger must hold before anything is said."""

from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from plano_extproc.gateway import Exchange, Gateway
from plano_extproc.gateway.actions import PROCEED, Action, Continue, Reply
from plano_extproc.gateway.agents.passed_answer import LONGEST
from plano_extproc.gateway.agents.passing import Passing
from plano_extproc.gateway.events import RequestBody, RequestHeaders, ResponseBody, ResponseHeaders
from plano_extproc.governance import Rulebook
from plano_extproc.stores import MemoryStore
from plano_extproc.stores.board import Board
from plano_extproc.stores.governor import Governor
from plano_extproc.stores.ledger import Query, SqliteLedger
from plano_extproc.stores.ledger_writer import LedgerWriter
from tests.gateway import support

CONFIG = """
version: v0.5.0
listeners:
  - type: agent
    name: team
    port: 8001
    agents:
      - {id: planner, description: plans, default: true}
      - {id: tools, description: has tools}
      - {id: other, description: asks}
agents:
  - {id: planner, url: "http://127.0.0.1:10510"}
  - {id: tools, url: "http://127.0.0.1:10511/rpc", protocol: mcp}
  - {id: other, url: "http://127.0.0.1:10512/", protocol: a2a}
governance:
  ledger: {mode: strict}
  agents: [{id: planner}, {id: tools}, {id: other}]
"""
BODY = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true}'
WORD = b'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with a ledger that cannot be written, as nobody has noticed yet."""
    (tmp_path / "ledger.sqlite").mkdir()
    writer = LedgerWriter(lambda: SqliteLedger(tmp_path / "ledger.sqlite", "n1"))
    yield support.gateway(CONFIG, governor=lambda config: Governor(Rulebook.of(config), Board(MemoryStore()), writer))
    writer.close()


async def told(handled: Action | Awaitable[Action]) -> str:
    """Return the code of a refusal."""
    action = await handled if isinstance(handled, Awaitable) else handled
    assert isinstance(action, Reply), action
    return action.details


@pytest.mark.parametrize(("made", "path"), [(Passing, "/mcp/tools"), (Exchange, "/v1/chat/completions")])
async def test_no_refusal_goes_unrecorded(gateway: Gateway, made: type[Passing | Exchange], path: str) -> None:
    assert gateway.governor is not None
    await gateway.governor.board.change(
        lambda standing: standing.with_revoked("planner", "", 0.0).with_revoked("tools", "", 0.0)
    )
    exchange = made(gateway, "team")
    handled = exchange.handle(RequestHeaders({":method": b"POST", ":path": path.encode()}, end_of_stream=False))
    if handled is PROCEED:
        handled = exchange.handle(RequestBody(BODY, end_of_stream=True))

    assert await told(handled) == "plano_ledger_unavailable"


async def done(
    exchange: Exchange | Passing, event: RequestHeaders | RequestBody | ResponseHeaders | ResponseBody
) -> Action:
    handled = exchange.handle(event)
    return await handled if isinstance(handled, Awaitable) else handled


async def strict(path: Path) -> tuple[Gateway, LedgerWriter]:
    """Return a gateway whose ledger can be written, and who writes it."""
    writer = LedgerWriter(lambda: SqliteLedger(path, "n1"))
    board = Board(MemoryStore())
    await board.look()
    return support.gateway(CONFIG, governor=lambda config: Governor(Rulebook.of(config), board, writer)), writer


async def test_a_stream_is_recorded_before_its_last_event_is_told(tmp_path: Path) -> None:
    """That is where clients hang up."""
    path = tmp_path / "ledger.sqlite"
    gateway, writer = await strict(path)
    exchange = Exchange(gateway, "team")
    await done(exchange, RequestHeaders({":method": b"POST", ":path": b"/v1/chat/completions"}, end_of_stream=False))
    assert isinstance(await done(exchange, RequestBody(BODY, end_of_stream=True)), Continue)
    sent = {":status": b"200", "content-type": b"text/event-stream"}
    await done(exchange, ResponseHeaders(sent, end_of_stream=False))

    assert await done(exchange, ResponseBody(WORD, end_of_stream=False)) == Continue(body=WORD)
    assert recorded(path) == []
    last = await done(exchange, ResponseBody(b"data: [DONE]\n\n", end_of_stream=False))
    assert last == Continue(body=b"data: [DONE]\n\n")
    assert recorded(path) == [("planner", "EXECUTE")]
    writer.close()


async def test_a_stream_that_breaks_off_is_recorded_as_such(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    gateway, writer = await strict(path)
    exchange = Exchange(gateway, "team")
    await done(exchange, RequestHeaders({":method": b"POST", ":path": b"/v1/messages"}, end_of_stream=False))
    asked = b'{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}], "stream": true}'
    assert isinstance(await done(exchange, RequestBody(asked, end_of_stream=True)), Continue)
    sent = {":status": b"200", "content-type": b"text/event-stream"}
    await done(exchange, ResponseHeaders(sent, end_of_stream=False))
    await done(exchange, ResponseBody(WORD, end_of_stream=False))

    last = await done(exchange, ResponseBody(b"", end_of_stream=True))

    assert isinstance(last, Continue)
    assert last.body is not None
    assert b"event: error" in last.body
    assert recorded(path) == [("planner", "ERROR")]
    writer.close()


@pytest.mark.parametrize(
    ("path", "before", "last"),
    [
        ("/mcp/tools", {"method": "notifications/progress", "params": {}}, {"id": 7, "result": {"tools": []}}),
        ("/mcp/tools", {"id": 8, "result": {}}, {"id": 7, "result": {"tools": ["x" * 3_000_000]}}),
        (
            "/mcp/tools",
            {"id": 7, "method": "sampling/createMessage"},
            {"id": 7, "error": {"code": -1, "message": "no"}},
        ),
        ("/a2a/other", {"id": 7, "result": {"kind": "task", "id": "t"}}, {"id": 7, "result": {"kind": "message"}}),
        ("/a2a/other", {"id": 7, "result": {"final": False}}, {"id": 7, "result": {"final": True}}),
    ],
)
async def test_a_passing_stream_is_recorded_before_its_answer_is_told(
    tmp_path: Path, path: str, before: dict[str, Any], last: dict[str, Any]
) -> None:
    """That is where clients of MCP and A2A hang up."""
    ledger = tmp_path / "ledger.sqlite"
    writer, board = LedgerWriter(lambda: SqliteLedger(ledger, "n1")), Board(MemoryStore())
    await board.look()
    gateway = support.gateway(CONFIG, governor=lambda config: Governor(Rulebook.of(config), board, writer))
    passing = Passing(gateway, "team")
    sent = {":method": b"POST", ":path": path.encode()}
    asked = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list"})
    await done(passing, RequestHeaders(sent, end_of_stream=False))
    assert isinstance(await done(passing, RequestBody(asked, end_of_stream=True)), Continue)
    await done(passing, ResponseHeaders({":status": b"200", "content-type": b"text/event-stream"}, end_of_stream=False))

    event = b"data: %b\r\n\r\n" % orjson.dumps({"jsonrpc": "2.0", **before})
    assert await done(passing, ResponseBody(event, end_of_stream=False)) == Continue(body=event)
    assert not passing.is_done
    rows = recorded(ledger)
    event = b"event: message\ndata: %b\n\n" % orjson.dumps({"jsonrpc": "2.0", **last})
    # What is longer than is held back goes on in pieces.
    cut = len(event) // 2
    first, second = (event[:cut], event[cut:]) if cut > LONGEST else (b"", event)
    assert await done(passing, ResponseBody(event[:cut], end_of_stream=False)) == Continue(body=first)
    assert not passing.is_done
    assert await done(passing, ResponseBody(event[cut:], end_of_stream=False)) == Continue(body=second)
    assert passing.is_done
    assert recorded(ledger)[len(rows) :] == [(path.rpartition("/")[2], "EXECUTE")]
    writer.close()


def recorded(path: Path) -> list[tuple[str, str]]:
    ledger = SqliteLedger(path, "n1")
    try:
        return [(row.entry.agent, row.entry.decision) for row in ledger.rows(Query())]
    finally:
        ledger.close()
