"""The agents of one exchange, run one after another or at once.

One after another, each but the last is asked by the gateway, and what it said is in the conversation that the next
one sees. The last is not asked here: the client's own request is handed over to it, so that its answer, its status
and its stream come straight from it. At once, all are asked, and the client gets what they said, joined.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from plano_extproc import headers
from plano_extproc.agents.agent import Agent, Outcome, Record, Running
from plano_extproc.agents.answer import AgentFailed, completion, filtered_text, lost, text_of
from plano_extproc.agents.history import Request, for_an_answer, joined, with_said
from plano_extproc.agents.instances import upstream, upstreams
from plano_extproc.agents.together import all_of
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.flow import Callout, CalloutFailed, Flow, Headers, ask
from plano_extproc.services import Upstream

Said = tuple[tuple[str, str], ...]
"""Ids of agents, and their words."""

MOST_INSTANCES = 3
"""Instances that are tried for one request where no retries are configured."""

Filtered = Callable[[tuple[str, ...], bytes], Flow[bytes]]
"""Puts a body, a request's or an answer's, through the filters with these ids. Raises a `GatewayError` of one."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The client's request, for the agent that answers it. `body` is a chat completion request, `path` absolute.

    `ran` are the ids of all agents so far, in order, this one last; `said` is what the others said. When the agent
    fails, `fallback` takes over; without one, `may_skip` says that `said` is the answer, if it holds anything.
    `output_filters` are the ids of those that see its answer.
    """

    agent: str
    cluster: str
    path: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    timeout: float
    retries: int
    ran: tuple[str, ...]
    said: Said = field(repr=False)
    may_skip: bool = False
    fallback: "Handover | None" = None
    output_filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer itself: what all agents said, in declared order."""

    text: str = field(repr=False)
    ran: tuple[str, ...]
    said: Said = field(repr=False)


@dataclass(slots=True)
class _Chain:
    """One exchange's run. `taken` are agents that run, ran or will run; none of them is started again."""

    agents: Mapping[str, Agent]
    running: Running
    filtered: Filtered
    taken: set[str]
    ran: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


def run(
    chosen: Sequence[Agent],
    request: Request,
    listed: Sequence[Agent],
    running: Running,
    filtered: Filtered,
    *,
    at_once: bool = False,
) -> Flow[Handover | Joined]:
    """Run the `chosen` of a listener's `listed` agents on a chat completion request.

    Raises the error of an agent that fails, or of a filter that refuses.
    """
    assert chosen, "at least one agent"
    chain = _Chain({one.id: one for one in listed}, running, filtered, {one.id for one in chosen})
    if at_once and len(chosen) > 1:
        order = {one.id: at for at, one in enumerate(listed)}
        return (yield from _at_once(chain, sorted(chosen, key=lambda one: order[one.id]), request))
    said: Said = ()
    for agent in chosen[:-1]:
        turn = yield from _turn(chain, agent, for_an_answer(with_said(request, said)))
        said += turn
    body = orjson.dumps(with_said(request, said))
    return (yield from _hand_over(chain, chosen[-1], {(): body}, said))


def _at_once(chain: _Chain, agents: Sequence[Agent], request: Request) -> Flow[Joined]:
    asked = for_an_answer(request)
    turns = yield from all_of([_turn(chain, agent, asked) for agent in agents])
    for turn in turns:
        if isinstance(turn, GatewayError):
            raise turn
    said = tuple(one for turn in turns if not isinstance(turn, GatewayError) for one in turn)
    if not said:
        raise BadProviderAnswer("none of the agents answered")
    return Joined(joined(said), tuple(ident for ident, _ in said), said)


def _turn(chain: _Chain, agent: Agent, request: Request) -> Flow[Said]:
    """Return what the agent said, or the one that takes over from it; nothing where it is skipped."""
    began = chain.running.clock()
    tries = made = 0

    def report(outcome: Outcome, status: int = 0, reason: str = "") -> None:
        seconds = chain.running.clock() - began
        chain.running.report(Record(agent.id, outcome, seconds, tries, status, reason))

    body = orjson.dumps(request)
    if agent.input_filters:
        body = yield from chain.filtered(agent.input_filters, body)
    while True:
        one = upstreams(agent, chain.running.key)[tries % len(agent.upstreams)]
        tries += 1
        try:
            text = yield from _ask(agent, one, body, chain.running)
        except AgentFailed as failed:
            # Envoy has tried other instances, but not after one that was late.
            made += 1 if failed.reason == "timeout" else min(len(one.hosts), MOST_INSTANCES)
            if failed.is_passing and (made <= agent.retries or tries < len(agent.upstreams)):
                continue
            chain.failed.add(agent.id)
            successor = _successor(chain, agent)
            if successor is not None:
                report("replaced", failed.status, f"{failed.reason}; {successor.id} takes over")
                return (yield from _turn(chain, successor, request))
            is_skipped = agent.may_skip or _runs_anyway(chain, agent)
            report("skipped" if is_skipped else "failed", failed.status, failed.reason)
            if is_skipped:
                return ()
            raise failed.told from None
        report("answered" if text else "empty", 200)
        chain.ran.append(agent.id)
        if agent.output_filters and text:
            seen = yield from chain.filtered(agent.output_filters, completion(text))
            text = filtered_text(agent.id, seen)
        return ((agent.id, text),)


def _ask(agent: Agent, one: Upstream, body: bytes, running: Running) -> Flow[str]:
    sent = _headers(agent, one, running)
    question = Callout(one.cluster, "POST", agent.path(one), sent, body, f"agent {agent.id}", agent.timeout)
    try:
        reply = yield from ask(question)
    except CalloutFailed as failed:
        raise lost(agent.id, failed) from None
    return text_of(agent.id, reply)


def _headers(agent: Agent, one: Upstream, running: Running) -> Headers:
    several = ((headers.INSTANCES, b"%d" % len(one.hosts)),) if len(one.hosts) > 1 else ()
    return (*running.headers(agent), *several)


def _successor(chain: _Chain, agent: Agent) -> Agent | None:
    """Take the fallback of an agent, unless it runs, ran or failed already."""
    found = chain.agents.get(agent.fallback or "")
    if found is None or found.id in chain.taken:
        return None
    chain.taken.add(found.id)
    return found


def _runs_anyway(chain: _Chain, agent: Agent) -> bool:
    """Whether what would take over is in the chain by itself, and has not failed there."""
    return agent.fallback in chain.taken and agent.fallback not in chain.failed


def _hand_over(chain: _Chain, agent: Agent, bodies: dict[tuple[str, ...], bytes], said: Said) -> Flow[Handover]:
    """Hand over to an agent; `bodies` holds what each list of filters made of the request, () is the request itself."""
    if agent.input_filters not in bodies:
        bodies[agent.input_filters] = yield from chain.filtered(agent.input_filters, bodies[()])
    successor = _successor(chain, agent)
    fallback = None
    if successor is not None:
        try:
            fallback = yield from _hand_over(chain, successor, bodies, said)
        except GatewayError:
            # Its filters keep the request from it, which is no reason to keep it from the agent that was chosen.
            fallback = None
    one = upstream(agent, chain.running.key)
    return Handover(
        agent.id,
        one.cluster,
        agent.path(one),
        _headers(agent, one, chain.running),
        bodies[agent.input_filters],
        agent.timeout,
        agent.retries,
        (*chain.ran, agent.id),
        said,
        agent.may_skip,
        fallback,
        agent.output_filters,
    )
