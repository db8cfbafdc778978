"""How governed agents stand, and the latest rows of the ledger, for the page."""

from dataclasses import asdict
from typing import Any, Final

from plano_extproc.config import Config
from plano_extproc.governance import Rulebook
from plano_extproc.limits.buckets import NANOS
from plano_extproc.stores import StoreError
from plano_extproc.stores.ledger import Query
from planoai import governing
from planoai.errors import Failure
from planoai.governing import Governed
from planoai.home import Home

_ROWS: Final = 50
_SHOWN: Final = (
    "tenant",
    "agent",
    "client",
    "action",
    "decision",
    "confidence",
    "model",
    "status",
    "reason",
    "trace_id",
)


def standing(config: Config, home: Home) -> dict[str, Any] | None:
    """Return what the page shows; None where nothing is governed. May wait for a store."""
    if config.governance is None or not config.governance.agents:
        return None
    found = Governed(Rulebook.of(config), config.governance, home)
    try:
        return {"agents": governing.run(governing.rows(found)), "ledger": _latest(found)}
    except (Failure, StoreError) as error:
        return {"agents": [], "ledger": [], "problem": str(error)}


def _latest(found: Governed) -> list[dict[str, Any]]:
    ledger = found.ledger()
    if ledger is None:
        return []
    try:
        rows = list(ledger.rows(Query(limit=_ROWS)))
    finally:
        ledger.close()
    return [
        {
            **{name: value for name, value in asdict(row.entry).items() if name in _SHOWN},
            "at": row.entry.at / 1_000_000,
            "tokens": row.entry.input_tokens + row.entry.output_tokens,
            "cost": None if row.entry.nanos is None else row.entry.nanos / NANOS,
        }
        for row in reversed(rows)
    ]
