"""Governance of one exchange: which governed agents take part in it, what they may do, and what is recorded of them.

Two agents may: the one whose key the request came with, which calls, and the one that serves it. Each has its own row
in the ledger when the exchange is over, and one more for each of its calls of tools that were refused.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NoReturn

from plano_extproc.agents import Record
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.governance import earlier
from plano_extproc.gateway.governance.rows import SERVES, Outcome, Part, row, rows
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.work import Cut, Doing, Work, wait_for
from plano_extproc.governance import AgentRules, Decision, Declared, Entry
from plano_extproc.limits import Estimate
from plano_extproc.routing import Choice
from plano_extproc.stores.governor import Governor
from plano_extproc.translate.chat import Usage


class Governed:
    """What governance keeps of an exchange, for a tenant, from its body to its end.

    `servers` are those who serve or may, by id; `passed` is who is asked in a protocol of its own (`is_passage`), where
    `is_refused` says that we answer. `declared` is what the answer says of itself, `holds_end` that its end waits.
    """

    def __init__(self, governor: Governor, work: Work, tenant: str, now: Callable[[], float]) -> None:
        self.governor = governor
        self.work = work
        self.tenant = tenant
        self.caller: Part | None = None
        self.servers: dict[str, Part] = {}
        self.passed: Part | None = None
        self.is_passage = False
        self.is_refused = False
        self.tokens = Estimate(0)
        self.reader: UsageReader | None = None
        self.declared: Declared | None = None
        self.holds_end = False
        self._now = now
        self._is_recorded = False
        self._are_earlier_recorded = False
        self._is_told = False
        self._cut: asyncio.Event | None = None

    def refusal(self, rules: AgentRules) -> GatewayError | None:
        """Return why an agent may not act at this moment."""
        return self.governor.refusal(rules, self.tenant)

    def refuse(self, part: Part, error: GatewayError) -> Doing[NoReturn]:
        """Record that an agent's part ends here, and raise the error; `LedgerUnavailable` where it cannot be."""
        self._is_recorded = True
        yield from self.skip(part, error)
        raise error

    def skip(self, part: Part, error: GatewayError) -> Doing[None]:
        """Record that an agent may not act."""
        entry = row(self._moment(error.status), part, "SKIP", error.code or error.type)
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
        asked = {record.agent for record in self.work.notes.get(Record, ())} | {choice.agent}
        for part in (*((self.caller,) if self.caller else ()), *self.servers.values()):
            if part is self.caller or part.rules.id in asked:
                yield from self._reserve(part, None if choice.agent else choice)

    def reserve_passage(self) -> Doing[None]:
        """Take a call from the limits of those between whom a request passes. Raises `LimitReached`."""
        for part in self.parts:
            yield from self._reserve(part, None)

    def _reserve(self, part: Part, served: Choice | None) -> Doing[None]:
        if not part.rules.limits:
            return
        try:
            part.reservation = yield from wait_for(
                partial(self.governor.reserve, part.rules, self.tenant, served, self.tokens)
            )
        except GatewayError as error:
            yield from self.refuse(part, error)

    @property
    def server(self) -> Part | None:
        """The governed agent that serves, as far as that is known."""
        if self.passed is not None:
            return self.passed
        plan = self._plan()
        return self.servers.get(plan.choice.agent or "") if plan is not None else None

    @property
    def parts(self) -> Iterator[Part]:
        """The governed agents that take part."""
        if self.caller is not None:
            yield self.caller
        if (server := self.server) is not None:
            yield server

    def cut(self) -> Cut:
        """Return what breaks the answer off, once one of the agents may not act any more."""
        parts = [part for part in (self.caller, self.passed, *self.servers.values()) if part is not None]
        self._cut = self.governor.board.watch(*((part.rules.id, self.tenant) for part in parts))
        return Cut(self._cut, lambda: self.cut_error() is not None, lambda: self._is_told)

    def cut_error(self) -> GatewayError | None:
        """Return why the answer must not go on; None where it may, or where the client has been told."""
        if self._is_told or self._cut is None or not self._cut.is_set():
            return None
        errors = (self.governor.board.standing.refusal(part.rules.id, self.tenant, self._now()) for part in self.parts)
        return next((error for error in errors if error is not None), None)

    @property
    def reads_passages(self) -> bool:
        """Whether answers that pass through must be read in line: to hold their end, or to cut them."""
        return self.governor.is_strict or self.governor.settings.cut_streams

    def told(self) -> None:
        """Note that the client was told why the answer does not go on."""
        self._is_told = True

    def unwatch(self) -> None:
        """Forget the answer, which there is nothing left of to break off."""
        if self._cut is not None:
            self.governor.board.unwatch(self._cut)

    def due(self, status: int, *, is_read: bool = False, is_complete: bool = True) -> Doing[None]:
        """Record all parts of an answer before it ends, once. Raises `LedgerUnavailable`.

        One that is read to its end is recorded there, with what it says, if `holds_end` says so.
        """
        if is_read and self.holds_end:
            return
        if entries := self.unrecorded(self.outcome(status, is_complete=is_complete)):
            yield from wait_for(partial(self.governor.record, *entries))

    def unrecorded(self, outcome: Outcome) -> list[Entry]:
        """Return the rows that were not given to the ledger yet; from here on they count as given."""
        found = [] if self._is_recorded else [entry for part in self.parts for entry in rows(outcome, part)]
        if not self._are_earlier_recorded:
            why = "failed; the next one was tried"
            found += [row(self._moment(), part, "ERROR", why) for part in earlier.failed(self.work, self.servers)]
            for record, part in earlier.asked(self.work, self.servers, self.governor.book):
                decision: Decision = "EXECUTE" if earlier.has_said(record) else "ERROR"
                found.append(row(self._moment(record.status), part, decision, record.reason))
        self._is_recorded = self._are_earlier_recorded = True
        return found

    def _moment(self, status: int = 0) -> Outcome:
        """Return what there is to tell of an agent that did not answer the client."""
        return Outcome(self.work, self.tenant, self._now(), status, asked=self._plan())

    def outcome(self, status: int, *, is_complete: bool) -> Outcome:
        """Return what the exchange has come to."""
        server = self.server
        is_answered = self.work.served is not None or (self.is_passage and not self.is_refused)
        usage = self.reader.usage if self.reader is not None and self.work.served is not None else None
        withholds = self.is_passage or self.governor.settings.on_forbidden == "block"
        return Outcome(
            self.work,
            self.tenant,
            self._now(),
            status,
            is_complete,
            is_answered,
            self._plan(),
            usage or Usage(),
            self._cost(usage or Usage()) if self.work.served is not None else 0,
            self.declared,
            # A model speaks for the agent that calls it, unless an agent serves.
            server.rules.id if server is not None else self.caller.rules.id if self.caller is not None else "",
            is_cut=self._is_told or self.cut_error() is not None,
            is_withheld=withholds and any(part.refused for part in self.parts),
        )

    def _plan(self) -> Plan | None:
        if self.work.served is not None:
            return self.work.served
        return self.work.plans.first if self.work.plans is not None else None

    def _cost(self, usage: Usage) -> int | None:
        plan = self._plan()
        if plan is None or plan.choice.agent is not None:
            return None
        return self.governor.cost(plan.choice, usage)


def governed(work: Work) -> Governed | None:
    """Return what governance keeps of an exchange; None where no governed agent takes part."""
    found: Governed | None = work.notes.get(Governed)
    return found
