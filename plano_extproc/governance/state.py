"""What an agent is doing: its phase and its last sign of life, and what it has locked. How both are kept in a store."""

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson

STATE_PREFIX: Final = "plano:governance:state:"
LOCK_PREFIX: Final = "plano:governance:lock:"


class AgentPhase(Enum):
    """Where an agent is in its work."""

    BOOTSTRAP = "bootstrap"
    PREFLIGHT = "preflight"
    PLAN = "plan"
    EXECUTE = "execute"
    VERIFY = "verify"
    REPORT = "report"
    HANDOFF = "handoff"
    IDLE = "idle"
    EXIT = "exit"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class AgentState:
    """The last that is known of an agent. Times are in seconds since 1970, 0 where there was none.

    `phase` is what the agent itself says, empty where it says nothing; `heartbeat` is when it last said so, served, or
    called a model through the gateway.
    """

    phase: str = ""
    heartbeat: float = 0.0
    since: float = 0.0
    note: str = ""

    def write(self) -> bytes:
        """Return it as bytes."""
        return orjson.dumps(asdict(self))

    @classmethod
    def read(cls, value: bytes | None) -> "AgentState":
        """Read what `write` wrote; anything else is a state of which nothing is known."""
        told = _object(value)
        return cls(
            str(told.get("phase", "")),
            _number(told.get("heartbeat")),
            _number(told.get("since")),
            str(told.get("note", "")),
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """What one owner holds until a time, in seconds since 1970."""

    owner: str
    at: float
    until: float

    def write(self) -> bytes:
        """Return it as bytes."""
        return orjson.dumps(asdict(self))

    @classmethod
    def read(cls, value: bytes | None) -> "Lock | None":
        """Read what `write` wrote; None for anything else."""
        told = _object(value)
        if not isinstance(told.get("owner"), str):
            return None
        return cls(told["owner"], _number(told.get("at")), _number(told.get("until")))


def state_key(tenant: str, agent: str) -> str:
    """Return where the state of an agent is kept."""
    return STATE_PREFIX + _joined(tenant, agent)


def lock_key(tenant: str, name: str) -> str:
    """Return where a lock is kept; an agent's own has its id for a name."""
    return LOCK_PREFIX + _joined(tenant, name)


def parts(key: str, prefix: str) -> tuple[str, str]:
    """Return tenant and agent, or name, of a key."""
    tenant, _, name = key.removeprefix(prefix).partition(":")
    return unquote(tenant), unquote(name)


def _joined(tenant: str, name: str) -> str:
    return f"{quote(tenant, safe='')}:{quote(name, safe='')}"


def _object(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        told = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
