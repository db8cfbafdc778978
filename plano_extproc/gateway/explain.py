"""The decision on a prompt, without an exchange: for `planoai explain`. Nothing is asked and nothing is kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from plano_extproc.agents import Candidate
from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models import ModelProvider
from plano_extproc.flow import CalloutFailed, Question
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.drive import run
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.ports import Ports
from plano_extproc.gateway.prompts import step as prompts
from plano_extproc.gateway.prompts.meant import Meant
from plano_extproc.gateway.routing import intent
from plano_extproc.gateway.routing import step as route
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.work import Doing, Wait, Work
from plano_extproc.prompts import Desk
from plano_extproc.providers import agents


class _Unheard:
    """Metrics of a gateway that serves nobody."""

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Nobody is answered."""

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Nothing is measured."""

    def count(self, figure: Counter, labels: tuple[str, ...], amount: float = 1) -> None:
        """Nothing is counted."""

    def change(self, figure: Gauge, labels: tuple[str, ...], by: float) -> None:
        """No level rises or falls."""

    def observe(self, figure: Histogram, labels: tuple[str, ...], value: float) -> None:
        """Nothing is recorded."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Who would serve: `plans` in the order of tries, `agents` in the order in which they speak, or a prompt `target`.

    `entry` is that of the first of them, None for an agent without chat completions. `reasons` are in the order in
    which things would be decided; `scores` those of the nearest routes or agents, where a local router decides.
    """

    plans: tuple[Plan, ...] = ()
    agents: tuple[str, ...] = ()
    target: str | None = None
    entry: ModelProvider | None = None
    route: str | None = None
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


def explained(config: Config, listener: str, prompt: str, model: str | None) -> Explained:
    """Return who would serve a prompt, and why. A router that is a model is not asked: the local one decides instead.

    Raises the `GatewayError` that a client would be shown, and `EncoderMissing`.
    """
    ports = Ports(clock=lambda: 0.0, now=lambda: 0.0, metrics=_Unheard(), exposition=lambda: b"")
    gateway = Gateway(config, generation=0, ports=ports)
    request = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    work = Work(Ask(listener, Surface("openai.chat"), {}, ""), b"", request)
    return asyncio.run(run(_explained(gateway, gateway.listeners[listener], work), _answer))


def _explained(gateway: Gateway, listener: Listener, work: Work) -> Doing[Explained]:
    """Ask in the order of the pipeline: targets, agents, models."""
    meant = Meant()
    if listener.type in prompts.TYPES:
        found = _target(gateway, listener, work, meant)
        if found is not None:
            return found
    if listener.agents:
        found = yield from _agents(gateway, listener, work, meant)
        if found is not None:
            return found
    desk = Desk.of(gateway.config, listener)
    if listener.type in prompts.TYPES and desk.default is not None:
        return Explained(target=desk.default.name, reasons=("default target: nothing else is meant",))
    return (yield from _model(gateway, work))


def _target(gateway: Gateway, listener: Listener, work: Work, meant: Meant) -> Explained | None:
    desk = Desk.of(gateway.config, listener)
    if not desk.targets:
        return None
    text = intent.said(work).turns[-1].text
    name, score = prompts.compiled(gateway, listener, desk).look(text, meant)
    if name is None:
        return None
    model = desk.decider.model
    stands_in = (f"model {model} decides in a running gateway",) if model else ()
    return Explained(target=name, reasons=(f"target by words, {score:.2f}", *stands_in), scores={name: score})


def _model(gateway: Gateway, work: Work) -> Doing[Explained]:
    chosen = yield from gateway.models.choose(work, gateway.ports.now())
    if chosen is None:
        plans = gateway.by_name(work.ask, work.request.get("model"))
        reasons: tuple[str, ...] = ()
    else:
        plans = route.plans(gateway, work, chosen)
        reasons = chosen.reasons
    first = plans.first.choice
    return Explained(
        plans.tries,
        entry=first.provider,
        route=chosen.session.route if chosen else None,
        reasons=reasons or (first.reason,),
        scores=chosen.scores if chosen else {},
    )


def _agents(gateway: Gateway, listener: Listener, work: Work, meant: Meant) -> Doing[Explained | None]:
    """Return the agents that are meant; None where it is none of them, and models stand behind them."""
    uses = listener.agents
    has_default = any(use.default for use in uses)
    may_pass = listener.type != "agent" and not has_default
    if len(uses) == 1 and not may_pass:
        return _spoken(gateway, listener, (uses[0].id,), ("only agent",))
    routers = intent.Routers(gateway.config, "agent_orchestration_model", gateway.directory.has, gateway.ports.now)
    candidates = tuple(Candidate(use.id, use.description) for use in uses)
    decided = yield from intent.AgentChoice(routers).decide(work, candidates, many=True)
    # Where targets were looked for, one look has told the agents from them too.
    names = tuple(m.route.name for m in meant.matches if m.route and m.route.name in {use.id for use in uses})
    names = (names or decided.names)[: listener.max_agents]
    if names:
        return _spoken(gateway, listener, names, (decided.reason,), decided.scores)
    if may_pass:
        return None
    default = next((use for use in uses if use.default), uses[0])
    return _spoken(gateway, listener, (default.id,), ("default agent", decided.reason), decided.scores)


def _spoken(
    gateway: Gateway,
    listener: Listener,
    names: tuple[str, ...],
    reasons: tuple[str, ...],
    scores: Mapping[str, float] | None = None,
) -> Explained:
    entries = {entry.name: entry for entry in agents.entries(gateway.config)}
    first = entries.get(agents.entry_name(listener.name, names[0], 0))
    return Explained(agents=names, entry=first, reasons=reasons, scores=scores or {})


async def _answer(question: Question | Wait) -> Any:
    if isinstance(question, Wait):
        return await question.make()
    raise CalloutFailed("only a running gateway asks it")
