"""Governed agents whose part is refused, where that cannot be written into a strict ledger."""

from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from plano_extproc.gateway import Exchange, Gateway
from plano_extproc.gateway.actions import PROCEED, Action, Reply
from plano_extproc.gateway.agents.passing import Passing
from plano_extproc.gateway.events import RequestBody, RequestHeaders
from plano_extproc.governance import Rulebook
from plano_extproc.stores import MemoryStore
from plano_extproc.stores.board import Board
from plano_extproc.stores.governor import Governor
from plano_extproc.stores.ledger import SqliteLedger
from plano_extproc.stores.ledger_writer import LedgerWriter
from tests.gateway import support

CONFIG = """
version: v0.5.0
listeners:
  - type: agent
    name: team
    port: 8001
    agents: [{id: planner, description: plans, default: true}, {id: tools, description: has tools}]
agents:
  - {id: planner, url: "http://127.0.0.1:10510"}
  - {id: tools, url: "http://127.0.0.1:10511/rpc", protocol: mcp}
governance:
  ledger: {mode: strict}
  agents: [{id: planner}, {id: tools}]
"""
BODY = b'{"messages": [{"role": "user", "content": "hello"}]}'


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
