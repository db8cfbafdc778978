"""What agents may do, and the record of what they did. All of it is pure.

`Rulebook` holds the rules of one configuration, `Standing` says who is revoked or suspended at the moment, and `ledger`
chains the record. `plano_extproc.stores.governor` keeps what workers share.
"""

from plano_extproc.governance.actions import Actions, Refused
from plano_extproc.governance.declared import Decision, Declared, declared
from plano_extproc.governance.errors import (
    ActionForbidden,
    AgentRevoked,
    AgentSuspended,
    LedgerUnavailable,
    StandingUnknown,
)
from plano_extproc.governance.ledger import Entry, Row
from plano_extproc.governance.rules import AgentRules, Rulebook
from plano_extproc.governance.standing import Standing, Suspension
from plano_extproc.governance.state import AgentPhase, AgentState, Lock

__all__ = [
    "ActionForbidden",
    "Actions",
    "AgentPhase",
    "AgentRevoked",
    "AgentRules",
    "AgentState",
    "AgentSuspended",
    "Decision",
    "Declared",
    "Entry",
    "LedgerUnavailable",
    "Lock",
    "Refused",
    "Row",
    "Rulebook",
    "Standing",
    "StandingUnknown",
    "Suspension",
    "declared",
]
