"""What the ledger is told of an exchange: a row for each governed agent's part in it, and one for each refused call."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.work import Work
from plano_extproc.governance import AgentRules, Decision, Declared, Entry, Refused
from plano_extproc.governance.budget import ErrorKind
from plano_extproc.stores.agent_quota import AgentReservation
from plano_extproc.translate.chat import Usage

CALLS, SERVES = "call_model", "serve"
_NOTHING = Usage()


@dataclass(slots=True)
class Part:
    """One governed agent's part in an exchange. `refused` are calls of tools that it was not allowed."""

    rules: AgentRules
    action: str
    reservation: AgentReservation | None = None
    refused: list[Refused] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an exchange came to. `at` is in seconds since 1970, `cost` in billionths of a dollar, None if not known.

    `is_answered` says that it was not us who answered, `asked` who was to. `said` is what an answer declares, `speaker`
    whose words those are. `is_cut` and `is_withheld` say that the client did not get what was answered.
    """

    work: Work
    tenant: str
    at: float
    status: int = 0
    is_complete: bool = True
    is_answered: bool = False
    asked: Plan | None = None
    usage: Usage = _NOTHING
    cost: int | None = 0
    said: Declared | None = None
    speaker: str = ""
    is_cut: bool = False
    is_withheld: bool = False


def rows(outcome: Outcome, part: Part) -> Iterator[Entry]:
    """Yield the rows of an agent's part."""
    said = _said(outcome, part)
    reasons = [f"not offered: {', '.join(part.not_offered)}"] if part.not_offered else []
    if effects := _forbidden_effects(outcome, part):
        reasons.append(f"side effects that are not allowed: {', '.join(effects)}")
    decision: Decision = said.decision if said else "EXECUTE"
    if outcome.is_cut or not _is_good(outcome.status) or not outcome.is_complete:
        decision = "ERROR"
        reasons.append(_why(outcome))
    elif _is_unsure(outcome, part):
        decision = "ESCALATE" if decision == "EXECUTE" else decision
        reasons.append("below the confidence threshold")
    yield row(outcome, part, decision, reason="; ".join(reasons), said=said)
    for refused in part.refused:
        yield row(Outcome(outcome.work, outcome.tenant, outcome.at), part, "SKIP", refused.rule, f"tool:{refused.tool}")


def row(
    outcome: Outcome,
    part: Part,
    decision: Decision,
    reason: str = "",
    action: str | None = None,
    said: Declared | None = None,
) -> Entry:
    """Return one row."""
    ask = outcome.work.ask
    return Entry(
        at=int(outcome.at * 1_000_000),
        tenant=outcome.tenant,
        agent=part.rules.id,
        tier=part.rules.tier,
        client=ask.client.id if ask.client else "",
        action=(action or part.action)[:_LONGEST],
        decision=decision,
        confidence=said.confidence if said else None,
        input_tokens=outcome.usage.prompt,
        output_tokens=outcome.usage.output,
        nanos=outcome.cost,
        model=outcome.asked.choice.name if outcome.asked is not None and part.action == CALLS else "",
        status=outcome.status,
        trace_id=_trace_id(ask.headers.get("traceparent", b"")),
        request_id=ask.headers.get("x-request-id", b"").decode("latin-1")[:_LONGEST],
        reason=reason[:_LONGEST],
        side_effects=said.side_effects if said else (),
    )


def errors(outcome: Outcome, part: Part) -> Iterator[ErrorKind]:
    """Yield what counts against an agent's budget. What we answered ourselves does not, but for what guards blocked."""
    if outcome.is_answered and outcome.status in (408, 504):
        yield "timeout"
    elif outcome.is_answered and outcome.status >= 500:
        yield "server_error"
    if _is_blocked(outcome.work):
        yield "guard_block"
    if part.refused or _forbidden_effects(outcome, part):
        yield "forbidden_action"
    if _is_unsure(outcome, part):
        yield "low_confidence"


def _said(outcome: Outcome, part: Part) -> Declared | None:
    """Return what an answer declares, if it speaks for this agent."""
    return outcome.said if part.rules.id == outcome.speaker else None


def _is_unsure(outcome: Outcome, part: Part) -> bool:
    threshold, said = part.rules.confidence_threshold, _said(outcome, part)
    return threshold is not None and said is not None and said.confidence is not None and said.confidence < threshold


def _forbidden_effects(outcome: Outcome, part: Part) -> tuple[str, ...]:
    said = _said(outcome, part)
    if said is None or not part.rules.allowed_side_effects:
        return ()
    return tuple(one for one in said.side_effects if part.rules.actions.offered(one) is not None)


def _why(outcome: Outcome) -> str:
    if outcome.is_cut:
        return "cut: the agent may not act any more"
    if _is_blocked(outcome.work):
        return "blocked by a guard"
    if outcome.is_withheld:
        return "withheld for a forbidden call"
    if outcome.status == 0:
        return "no answer"
    if not _is_good(outcome.status):
        return f"status {outcome.status}"
    return "the answer broke off, or nobody waited for it"


def _is_blocked(work: Work) -> bool:
    """Return whether a guard has refused the request or the answer."""
    lists = (value for value in work.facts.values() if isinstance(value, list))
    return any(isinstance(one, dict) and one.get("blocked") for found in lists for one in found)


def _is_good(status: int) -> bool:
    # 101 opens a WebSocket.
    return 200 <= status < 300 or status == 101


def _trace_id(traceparent: bytes) -> str:
    pieces = traceparent.decode("latin-1").split("-")
    return pieces[1] if len(pieces) == 4 and len(pieces[1]) == 32 else ""


_LONGEST = 300
