"""What a caller is told when governance refuses."""

from plano_extproc.errors import Forbidden, Unavailable


class AgentRevoked(Forbidden):
    """The agent is revoked; nothing it asks and nothing asked of it is served until someone restores it."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"agent '{agent}' is revoked; ask whoever runs the gateway", code="agent_revoked")


class AgentSuspended(Forbidden):
    """The agent has made too many errors; `seconds` is how long that counts yet."""

    def __init__(self, agent: str, seconds: float) -> None:
        whole = max(1, round(seconds))
        super().__init__(
            f"agent '{agent}' has spent its error budget and is suspended; try again in {whole} s",
            code="agent_suspended",
        )


class ActionForbidden(Forbidden):
    """An answer calls a tool that the agent must not call."""

    def __init__(self, agent: str, tool: str) -> None:
        super().__init__(f"agent '{agent}' may not call tool '{tool}'; the answer is withheld", code="action_forbidden")


class StandingUnknown(Unavailable):
    """The store cannot say whether an agent is revoked."""

    def __init__(self, agent: str) -> None:
        super().__init__(
            f"it cannot be checked at the moment whether agent '{agent}' may act; try again shortly",
            code="governance_store_unavailable",
        )


class LedgerUnavailable(Unavailable):
    """What an agent does cannot be recorded."""

    def __init__(self) -> None:
        super().__init__(
            "the ledger cannot be written at the moment, so governed agents wait; try again shortly",
            code="ledger_unavailable",
        )
