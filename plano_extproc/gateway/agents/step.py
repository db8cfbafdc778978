"""Agents: which of them a request is for, those in the middle of a chain asked, and the last one chosen to serve.

Agents speak chat completions, whatever the client speaks: its request is put into chat once, here, and what the last
agent says is put back into the client's dialect on the way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from plano_extproc import headers
from plano_extproc.agents import (
    Agent,
    Candidate,
    Handover,
    Joined,
    Record,
    Routed,
    Router,
    Running,
    Selection,
    joined,
    run,
    select,
)
from plano_extproc.config.listeners import Listener
from plano_extproc.errors import InvalidRequest
from plano_extproc.flow import Flow
from plano_extproc.gateway.actions import Headers, Reply
from plano_extproc.gateway.agents.hops import Onward
from plano_extproc.gateway.agents.spoken import Spoken, in_chat
from plano_extproc.gateway.agents.standing_in import first_answer, may_skip
from plano_extproc.gateway.agents.team import Team
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.filters.filtering import AgentFilters
from plano_extproc.gateway.governance.governing import governed
from plano_extproc.gateway.prompts.meant import Meant
from plano_extproc.gateway.prompts.step import compiled
from plano_extproc.gateway.routing.intent import AgentChoice, Routers, said
from plano_extproc.gateway.say import edited, in_words, say
from plano_extproc.gateway.work import Doing, Handed, Step, Work
from plano_extproc.prompts import Desk, ToModel
from plano_extproc.routing.identity import AFFINITY, hashes, identify


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what finds the agents of a listener that are to answer; None where it has none."""
    team = gateway.teams.get(listener.name)
    if team is None or listener.type == "model":
        return None
    if not team.agents:
        return _nobody(listener)
    members = _Members(gateway, listener, team)

    def choose(work: Work) -> Doing[Reply | None]:
        if work.plans is not None or ToModel in work.notes:
            return None
        return (yield from members.serve(work))

    return choose


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is the same for all agents of one exchange."""

    spoken: Spoken
    onward: Onward
    key: bytes
    selection: Selection


class _Members:
    """The agents of one listener, ready to be asked."""

    def __init__(self, gateway: Gateway, listener: Listener, team: Team) -> None:
        self._gateway = gateway
        self._listener = listener
        self._team = team
        known, now = gateway.directory.has, gateway.ports.now
        routers = Routers(gateway.config, "agent_orchestration_model", known, now)
        self._choice = AgentChoice(routers)
        # Where only agents answer, the first of them takes what is for nobody.
        self._may_pass = listener.type != "agent" and not any(agent.is_default for agent in team.agents)
        desk = Desk.of(gateway.config, listener)
        is_local = gateway.config.overrides.agent_orchestration_model in (None, "local/lexical")
        self._targets = compiled(gateway, listener, desk) if listener.type != "agent" and is_local else None

    def serve(self, work: Work) -> Doing[Reply | None]:
        """Ask all agents but the last, and leave that one to Envoy; or answer, where all are asked at once."""
        onward = Onward(work.ask.headers)
        spoken = in_chat(work.ask, work.request, work.body, self._gateway.ports.now())
        key = _conversation(work) if self._team.is_sticky else b""
        router = self._router(work)
        if self._may_pass and not (yield from router(self._team.described)).names:
            return None
        selection = yield from select(self._team.agents, router, key, most=self._listener.max_agents)
        chosen, agents = yield from _permitted(work, selection.agents, self._team.agents)
        turn = _Turn(spoken, onward, key, selection)
        running = Running(onward, key, self._gateway.ports.clock, lambda record: _note(work, record))
        through = AgentFilters(self._gateway, work)
        done = yield from run(chosen, spoken.request, agents, running, through.through, at_once=self._listener.parallel)
        if isinstance(done, Joined):
            reply = say(self._gateway, work, in_words(done.text), _explained(done.ran, _reason(selection)))
            return (yield from edited(work, reply))
        self._hand_over(work, turn, done, through)
        return None

    def _router(self, work: Work) -> Router:
        """Return what says which agents are meant. Where targets were told from agents by words, it says so already."""
        ask = self._choice.router(work)
        routed: list[Routed] = []

        def once(candidates: tuple[Candidate, ...]) -> Flow[Routed]:
            if not routed and self._targets is not None and Meant in work.notes:
                routed.extend(filter(None, (self._targets.routed(work.notes[Meant]),)))
            if not routed:
                routed.append((yield from ask(candidates)))
            return routed[0]

        return once

    def _hand_over(self, work: Work, turn: _Turn, taking: Handover, filters: AgentFilters) -> None:
        reason = "default agent" if turn.selection.is_default else "agent by intent"
        if len(self._team.agents) == 1:
            reason = "only agent"
        choices, other = self._team.candidates(taking, reason)
        work.plans = self._gateway.served_by(turn.spoken.ask, choices, self._team.policy(taking, len(choices)))
        work.reason = _reason(turn.selection)
        otherwise = None
        if other is not None or (taking.said and may_skip(taking)):
            otherwise = partial(self._otherwise, work, turn, taking, other, filters)
        spoken = turn.spoken.with_body(taking.body)
        heard = {one.id: filters.on_answer(one.output_filters) for one in self._team.agents if one.output_filters}
        work.handed = Handed(spoken, tuple(turn.onward.own.items()), taking.ran[:-1], otherwise, heard)

    def _otherwise(
        self, work: Work, turn: _Turn, taking: Handover, other: Handover | None, filters: AgentFilters
    ) -> Doing[Reply | None]:
        """Answer in place of an agent that failed: by who takes over with a request of its own, else by the others."""
        why = f"{_reason(turn.selection)}; {taking.agent} failed"
        ran = taking.ran[:-1]
        found = yield from first_answer(other, filters)
        if found is not None:
            agent, answer = found
            return (yield from edited(work, say(self._gateway, work, answer, _explained((*ran, agent.agent), why))))
        if not taking.said or not may_skip(taking):
            return None
        return (yield from edited(work, say(self._gateway, work, in_words(joined(taking.said)), _explained(ran, why))))


def _permitted(
    work: Work, chosen: Sequence[Agent], listed: Sequence[Agent]
) -> Doing[tuple[Sequence[Agent], Sequence[Agent]]]:
    """Return those of the chosen and of the listed agents that governance lets serve. Raises if none is left.

    Where none of the chosen may, the default serves, and without one that may, the first of the others.
    """
    governance = governed(work)
    if governance is None:
        return chosen, listed
    barred = governance.barred(agent.id for agent in listed)
    left = [agent for agent in chosen if agent.id not in barred]
    others = [agent for agent in listed if agent.id not in barred]
    if len(left) < len(chosen):
        passed_over = {agent.id: barred[agent.id] for agent in chosen if agent.id in barred}
        yield from governance.pass_over(passed_over, is_last=not others)
        left = left or [next((agent for agent in others if agent.is_default), others[0])]
    governance.enter(agent.id for agent in left)
    return left, others


def _nobody(listener: Listener) -> Step | None:
    if listener.type != "agent":
        return None

    def refuse(_work: Work) -> Doing[Reply | None]:
        yield from ()
        raise InvalidRequest(f"no agent of listener '{listener.name}' answers chats; call one below /a2a/ or /mcp/")

    return refuse


def _conversation(work: Work) -> bytes:
    """Return what the requests of one conversation have in common."""
    explicit = work.ask.headers.get(AFFINITY, b"").decode("latin-1") or None
    found = identify(explicit, hashes(said(work), None), None, uses_implicit=True)
    return found.key.encode("utf-8", "surrogatepass") if found else b""


def _reason(selection: Selection) -> str:
    return f"default agent; {selection.reason}" if selection.is_default else selection.reason


def _explained(ran: tuple[str, ...], reason: str) -> Headers:
    told = {headers.AGENT: ",".join(ran), headers.ROUTE_REASON: reason}
    return tuple((name, value.encode("ascii", "replace")) for name, value in told.items())


def _note(work: Work, record: Record) -> None:
    """Keep what became of an agent, for its span and the access log."""
    work.notes.setdefault(Record, []).append(record)
    fact = {"agent": record.agent, "outcome": record.outcome, "ms": round(record.seconds * 1000, 3)}
    fact |= {"tries": record.tries, "status": record.status} | ({"reason": record.reason} if record.reason else {})
    work.facts.setdefault("agents", []).append(fact)
