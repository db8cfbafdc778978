"""Governance of one exchange: which governed agents take part in it, what they may do, and what is recorded of them.

Two agents may: the one whose key the request came with, which calls, and the one that serves it. Each has its own row
in the ledger when the exchange is over, and one more for each of its calls of tools that were refused.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from plano_extproc.agents import Record
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.chain import Chain
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.work import Doing, Ending, Work, wait_for
from plano_extproc.governance import AgentRules, Decision, Declared, Entry, LedgerUnavailable, Refused
from plano_extproc.governance.budget import ErrorKind
from plano_extproc.limits import Estimate
from plano_extproc.routing import Choice
from plano_extproc.stores.agent_quota import AgentReservation
from plano_extproc.stores.governor import Governor
from plano_extproc.translate.chat import Usage

CALLS, SERVES = "call_model", "serve"


@dataclass(slots=True)
class Part:
    """One governed agent's part in an exchange. `refused` are calls of tools that it was not allowed."""

    rules: AgentRules
    action: str
    reservation: AgentReservation | None = None
    refused: list[Refused] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)


class Governed:
    """What governance keeps of an exchange, for a tenant, from its body to its end."""

    def __init__(self, governor: Governor, work: Work, tenant: str, now: Callable[[], float]) -> None:
        self.governor = governor
        self.tenant = tenant
        self.caller: Part | None = None
        self.servers: dict[str, Part] = {}
        self.reader: UsageReader | None = None
        self.declared: Declared | None = None
        self.tokens = Estimate(0)
        self._work = work
        self._now = now
        self._is_recorded = False
        self._is_told = False
        self._cut: asyncio.Event | None = None

    def refusal(self, rules: AgentRules) -> GatewayError | None:
        """Return why an agent may not act at this moment."""
        return self.governor.refusal(rules, self.tenant)

    def refuse(self, part: Part, error: GatewayError) -> Doing[None]:
        """Record that an agent's part ends here, and raise the error."""
        self._is_recorded = True
        yield from self.skip(part, error)
        raise error

    def skip(self, part: Part, error: GatewayError) -> Doing[None]:
        """Record that an agent was passed over."""
        entry = self._entry(part, "SKIP", status=error.status, reason=error.code or error.type)
        yield from wait_for(partial(self.governor.record, entry))

    def barred(self, agents: Iterable[str | None]) -> dict[str, GatewayError]:
        """Return which of these agents may not serve at this moment, and why."""
        rules = (self.governor.book.serving(agent) for agent in dict.fromkeys(agents) if agent is not None)
        errors = ((one.id, self.refusal(one)) for one in rules if one is not None)
        return {agent: error for agent, error in errors if error is not None}

    def pass_over(self, barred: Mapping[str, GatewayError], *, is_last: bool) -> Doing[None]:
        """Record that agents were passed over; raise the first one's error where nobody else is left."""
        for agent, error in barred.items():
            yield from self.skip(Part(self.governor.book.agents[agent], SERVES), error)
        if is_last:
            self._is_recorded = True
            raise next(iter(barred.values()))

    def enter(self, agents: Iterable[str | None]) -> None:
        """Note that agents take part, or may."""
        for agent in agents:
            rules = self.governor.book.serving(agent) if agent is not None else None
            if rules is not None:
                self.servers.setdefault(rules.id, Part(rules, SERVES))

    def reserve(self, choice: Choice) -> Doing[None]:
        """Take from the limits of those who take part for sure: who calls, who serves first, who was asked before.

        Raises `LimitReached`.
        """
        asked = {record.agent for record in self._work.notes.get(Record, ())} | {choice.agent}
        for part in (*((self.caller,) if self.caller else ()), *self.servers.values()):
            if part.rules.limits and (part is self.caller or part.rules.id in asked):
                served = None if choice.agent else choice
                try:
                    part.reservation = yield from wait_for(
                        partial(self.governor.reserve, part.rules, self.tenant, served, self.tokens)
                    )
                except GatewayError as error:
                    yield from self.refuse(part, error)

    @property
    def server(self) -> Part | None:
        """The governed agent that serves, as far as that is known."""
        plan = self._plan()
        return self.servers.get(plan.choice.agent or "") if plan is not None else None

    @property
    def parts(self) -> Iterator[Part]:
        """The governed agents that take part."""
        if self.caller is not None:
            yield self.caller
        if (server := self.server) is not None:
            yield server

    def watch(self) -> asyncio.Event:
        """Return an event that is set once one of the agents may not act any more."""
        parts = (*((self.caller,) if self.caller else ()), *self.servers.values())
        self._cut = self.governor.board.watch(*((part.rules.id, self.tenant) for part in parts))
        return self._cut

    def cut_error(self) -> GatewayError | None:
        """Return why the answer must not go on; None where it may, or where the client has been told."""
        if self._is_told or self._cut is None or not self._cut.is_set():
            return None
        errors = (self.governor.board.standing.refusal(part.rules.id, self.tenant, self._now()) for part in self.parts)
        return next((error for error in errors if error is not None), None)

    def told(self) -> None:
        """Note that the client was told why the answer does not go on."""
        self._is_told = True

    def settled(self) -> Doing[None]:
        """Record all parts of an answer that is about to end well. Raises `LedgerUnavailable`."""
        self._is_recorded = True
        entries = [entry for part in self.parts for entry in self._entries(part, 200, is_complete=True)]
        for entry in entries:
            yield from wait_for(partial(self.governor.record, entry))

    async def __call__(self, ending: Ending) -> None:
        """Do what is left when the exchange is over: rows, errors, limits, and a sign of life."""
        if self._cut is not None:
            self.governor.board.unwatch(self._cut)
        if self._work.served is None:
            self._work.served = ending.served
        for part in self.parts:
            await self._settle(part, ending)
        await self._failed_before(ending)
        await self._asked_before()

    async def _settle(self, part: Part, ending: Ending) -> None:
        usage = self._usage()
        if part.reservation is not None:
            await self.governor.settle(part.reservation, usage, self._cost(usage))
        if not self._is_recorded:
            for entry in self._entries(part, ending.status, is_complete=ending.is_complete):
                await self._recorded_anyway(entry)
        for kind in self._errors(part, ending):
            await self.governor.erred(part.rules, self.tenant, kind)
        await self.governor.beat(part.rules, self.tenant)

    async def _failed_before(self, ending: Ending) -> None:
        """Count the agents that were tried in vain before the one that answered."""
        plans = self._work.plans
        if not isinstance(plans, Chain) or ending.attempts < 2:
            return
        for plan in plans.plans[: plans.served(ending.attempts)]:
            part = self.servers.get(plan.choice.agent or "")
            if part is None:
                continue
            await self._recorded_anyway(self._entry(part, "ERROR", reason="failed; the next one was tried"))
            await self.governor.erred(part.rules, self.tenant, "server_error")

    async def _asked_before(self) -> None:
        """Record the agents that were asked before the one that answered."""
        for record in self._work.notes.get(Record, ()):
            rules = self.governor.book.serving(record.agent)
            if rules is None:
                continue
            part = self.servers.get(rules.id) or Part(rules, SERVES)
            if part.reservation is not None and part is not self.server:
                await self.governor.settle(part.reservation, Usage(), None)
            has_said = record.outcome in ("answered", "empty")
            await self._recorded_anyway(
                self._entry(part, "EXECUTE" if has_said else "ERROR", status=record.status, reason=record.reason)
            )
            if not has_said:
                await self.governor.erred(
                    rules, self.tenant, "timeout" if record.reason == "timeout" else "server_error"
                )
            await self.governor.beat(rules, self.tenant)

    def _plan(self) -> Plan | None:
        if self._work.served is not None:
            return self._work.served
        plans = self._work.plans
        return plans.plans[0] if isinstance(plans, Chain) else plans

    def _usage(self) -> Usage:
        if self.reader is None or self._work.served is None:
            return Usage()
        return self.reader.usage or Usage()

    def _cost(self, usage: Usage) -> int | None:
        plan = self._plan()
        if plan is None or plan.choice.agent is not None:
            return None
        return self.governor.cost(plan.choice, usage)

    def _errors(self, part: Part, ending: Ending) -> Iterator[ErrorKind]:
        if ending.status in (408, 504):
            yield "timeout"
        elif ending.status >= 500:
            yield "server_error"
        if is_blocked(self._work):
            yield "guard_block"
        if part.refused or self._forbidden_effects(part):
            yield "forbidden_action"
        if self._is_unsure(part):
            yield "low_confidence"

    def _is_unsure(self, part: Part) -> bool:
        threshold, said = part.rules.confidence_threshold, self.declared
        if threshold is None or said is None or said.confidence is None or not self._is_said_by(part):
            return False
        return said.confidence < threshold

    def _is_said_by(self, part: Part) -> bool:
        """Whether an answer's declaration is this agent's: a model that it calls speaks for it, unless one serves."""
        return part.action == SERVES or self.server is None

    def _forbidden_effects(self, part: Part) -> tuple[str, ...]:
        allowed = part.rules.allowed_side_effects
        if not allowed or self.declared is None or not self._is_said_by(part):
            return ()
        return tuple(one for one in self.declared.side_effects if part.rules.actions.offered(one) is not None)

    def _entries(self, part: Part, status: int, *, is_complete: bool) -> Iterator[Entry]:
        """Yield the rows of an agent's part that went as far as an answer."""
        said = self.declared if self._is_said_by(part) else None
        reasons = [f"not offered: {', '.join(part.not_offered)}"] if part.not_offered else []
        if effects := self._forbidden_effects(part):
            reasons.append(f"side effects that are not allowed: {', '.join(effects)}")
        decision: Decision = said.decision if said else "EXECUTE"
        if self._is_told or not _is_good(status) or not is_complete:
            decision = "ERROR"
            reasons.append(self._why(status))
        elif self._is_unsure(part):
            decision = "ESCALATE" if decision == "EXECUTE" else decision
            reasons.append("below the confidence threshold")
        usage = self._usage()
        yield self._entry(
            part,
            decision,
            status=status,
            reason="; ".join(reasons),
            usage=usage,
            cost=self._cost(usage) if self._work.served is not None else 0,
            said=said,
        )
        for refused in part.refused:
            yield self._entry(part, "SKIP", action=f"tool:{refused.tool}", reason=refused.rule)

    def _why(self, status: int) -> str:
        if self._is_told or self.cut_error() is not None:
            return "cut: the agent may not act any more"
        if is_blocked(self._work):
            return "blocked by a guard"
        if self.governor.settings.on_forbidden == "block" and any(part.refused for part in self.parts):
            return "withheld for a forbidden call"
        if status == 0:
            return "no answer"
        return f"status {status}" if not _is_good(status) else "the answer broke off, or nobody waited for it"

    def _entry(
        self,
        part: Part,
        decision: Decision,
        *,
        action: str | None = None,
        status: int = 0,
        reason: str = "",
        usage: Usage | None = None,
        cost: int | None = 0,
        said: Declared | None = None,
    ) -> Entry:
        sent, plan = self._work.ask.headers, self._plan()
        tokens = usage or Usage()
        return Entry(
            at=int(self._now() * 1_000_000),
            tenant=self.tenant,
            agent=part.rules.id,
            tier=part.rules.tier,
            client=self._work.ask.client.id if self._work.ask.client else "",
            action=(action or part.action)[:_LONGEST],
            decision=decision,
            confidence=said.confidence if said else None,
            input_tokens=tokens.prompt,
            output_tokens=tokens.output,
            nanos=cost,
            model=plan.choice.name if plan is not None and part.action == CALLS else "",
            status=status,
            trace_id=_trace_id(sent.get("traceparent", b"")),
            request_id=sent.get("x-request-id", b"").decode("latin-1")[:_LONGEST],
            reason=reason[:_LONGEST],
            side_effects=said.side_effects if said else (),
        )

    async def _recorded_anyway(self, entry: Entry) -> None:
        """Record what nobody waits for any more."""
        try:
            await self.governor.record(entry)
        except LedgerUnavailable:
            # It is written when the ledger is back.
            return


def is_blocked(work: Work) -> bool:
    """Return whether a guard has refused the request or the answer."""
    lists = (value for value in work.facts.values() if isinstance(value, list))
    return any(isinstance(one, dict) and one.get("blocked") for found in lists for one in found)


def governed(work: Work) -> Governed | None:
    """Return what governance keeps of an exchange; None where no governed agent takes part."""
    found: Governed | None = work.notes.get(Governed)
    return found


def _is_good(status: int) -> bool:
    # 101 opens a WebSocket.
    return 200 <= status < 300 or status == 101


def _trace_id(traceparent: bytes) -> str:
    pieces: list[Any] = traceparent.decode("latin-1").split("-")
    return pieces[1] if len(pieces) == 4 and len(pieces[1]) == 32 else ""


_LONGEST = 300
