"""Governed agents: who may call and serve, with which tools, how much, and what is recorded of it.

Two steps. The first knows who calls, before anything else looks at the request. The second knows who is to serve, and
what must be read of the answer. In between, who chooses agents asks `barred` and `pass_over`.
"""

from functools import partial
from typing import Final

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.governance.answer import ActionsEdit, CutEdit, DeclaredReader, StrictEdit
from plano_extproc.gateway.governance.ending import end
from plano_extproc.gateway.governance.governing import Governed, governed
from plano_extproc.gateway.governance.rows import CALLS, Part
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import demand_usage, tells_usage, usage_of
from plano_extproc.gateway.tries.chain import Policy
from plano_extproc.gateway.work import Doing, Rank, Step, Work
from plano_extproc.limits import Estimate, estimate
from plano_extproc.translate.calls import without_tools


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what lets agents call on a listener; None where no agent is governed that could call or serve there."""
    governor = gateway.governor
    if governor is None:
        return None
    book = governor.book
    serves = any(use.id in book.agents for use in listener.agents)
    if not serves and not any(rules.client for rules in book.agents.values()):
        return None

    def admit(work: Work) -> Doing[Reply | None]:
        ask = work.ask
        rules = book.calling(ask.client)
        if rules is None and not serves:
            return None
        found = Governed(governor, work, book.tenant(ask.headers, ask.client), gateway.ports.now)
        work.notes[Governed] = found
        work.endings.append(partial(end, found))
        if governor.is_strict:
            work.due = found.due
        if rules is None:
            return None
        part = found.caller = Part(rules, CALLS)
        error = found.refusal(rules)
        if error is not None:
            yield from found.refuse(part, error)
        if ask.surface.endpoint is None and rules.actions.has_rules:
            _filter_tools(work, part)
        return None

    return admit


def serve(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what lets agents serve on a listener; None where `step` returns None."""
    if step(gateway, listener) is None:
        return None

    def permit(work: Work) -> Doing[Reply | None]:
        found = governed(work)
        if found is None:
            return None
        yield from _keep_permitted(gateway, work, found)
        plans = _plans(work)
        found.enter(plan.choice.agent for plan in plans)
        if found.caller is None and not found.servers:
            return None
        tells = bool(work.body) and tells_usage(work)
        found.tokens = estimate(work.request) if tells else Estimate(0)
        yield from found.reserve(plans[0].choice)
        if found.governor.settings.cut_streams:
            work.cut = found.cut()
        if tells:
            _read(work, found)
        return None

    return permit


def _filter_tools(work: Work, part: Part) -> None:
    """Take out of a request the tools that the agent must not call."""

    def may_be_offered(tool: str) -> bool:
        refused = part.rules.actions.offered(tool)
        if refused is not None:
            part.not_offered.append(tool)
        return refused is None

    left = without_tools(work.ask.surface.api, work.request, may_be_offered)
    if left is not work.request:
        work.replace(left)


def _keep_permitted(gateway: Gateway, work: Work, found: Governed) -> Doing[None]:
    """Leave agents out of the tries that may not act. Raises the first one's error where nobody is left."""
    plans = _plans(work)
    barred = found.barred(plan.choice.agent for plan in plans)
    if not barred:
        return
    choices = tuple(plan.choice for plan in plans if plan.choice.agent not in barred)
    yield from found.pass_over(barred, is_last=not choices)
    work.plans = gateway.served_by(work.handed.spoken.ask if work.handed else work.ask, choices, _AGENTS)


def _read(work: Work, found: Governed) -> None:
    """Put in the answer's way what governance needs to see of it."""
    endpoint, settings = work.ask.surface.endpoint, found.governor.settings
    demand_usage(work)
    found.reader = usage_of(work)
    parts = (*((found.caller,) if found.caller else ()), *found.servers.values())
    if endpoint is None and any(part.rules.actions.has_rules for part in parts):
        work.edit(Rank.ACTIONS, ActionsEdit(found, work))
    if endpoint is None and (found.servers or any(part.rules.confidence_threshold for part in parts)):
        work.edit(Rank.ACTIONS, DeclaredReader(found, work))
    if settings.cut_streams:
        work.edit(Rank.USAGE, CutEdit(found))
    if found.governor.is_strict:
        found.holds_end = True
        work.edit(Rank.KEEPING, StrictEdit(found))


def _plans(work: Work) -> tuple[Plan, ...]:
    assert work.plans is not None, "this comes after the choice"
    return work.plans.tries


_AGENTS: Final = Policy()
