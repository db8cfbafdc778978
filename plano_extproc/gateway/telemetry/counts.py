"""What an exchange is counted as when it is over: what was found in it, who was tried, who served, and what it cost."""

from collections.abc import Iterable, Sequence

from plano_extproc import agents
from plano_extproc.gateway.ports import Metrics
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.telemetry.costing import count_tokens
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Ending, Work
from plano_extproc.guardrails.verdict import Record as Verdict
from plano_extproc.routing import Choice
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split, status_class


def count(metrics: Metrics, listener: str, work: Work, ending: Ending) -> None:
    """Count an exchange that came as far as its body."""
    verdicts: Sequence[Verdict] = work.notes.get(Verdict, ())
    asked: Sequence[agents.Record] = work.notes.get(agents.Record, ())
    for verdict in verdicts:
        metrics.count(figures.GUARDS, (listener, verdict.guard, verdict.verdict))
        metrics.observe(figures.GUARD, (verdict.guard,), verdict.milliseconds / 1000)
    for part in asked:
        metrics.count(figures.AGENTS, (listener, part.agent, part.outcome))
    if isinstance(found := work.facts.get("cache"), str):
        metrics.count(figures.CACHE, (listener, found))
    served = ending.served
    if served is None:
        return
    choice = served.choice
    if ending.place > 1 and work.plans is not None and (failed := work.plans.before(ending.place)):
        first = work.plans.first.choice
        metrics.count(figures.FALLBACKS, (first.agent or first.name, choice.agent or choice.name, "failed"))
        _count_failed(metrics, listener, (plan.choice for plan in failed))
    if choice.agent is not None:
        became = "answered" if 0 < ending.status < 300 else "failed"
        metrics.count(figures.AGENTS, (listener, choice.agent, became))
    else:
        _count_call(metrics, choice, work, ending)


def _count_failed(metrics: Metrics, listener: str, before: Iterable[Choice]) -> None:
    """Count those that were tried in vain; only Envoy knows how each of them failed."""
    for choice in before:
        if choice.agent is not None:
            metrics.count(figures.AGENTS, (listener, choice.agent, "failed"))
        else:
            metrics.count(figures.LLM_REQUESTS, (*split(choice.name), status_class(None), "other"))


def _count_call(metrics: Metrics, choice: Choice, work: Work, ending: Ending) -> None:
    """Count the call of the model that answered."""
    provider, model = split(choice.name)
    error = "none" if ending.status and ending.is_complete else "stream" if ending.status else "other"
    metrics.count(figures.LLM_REQUESTS, (provider, model, status_class(ending.status), error))
    metrics.observe(figures.LLM_DURATION, (provider, model), ending.seconds - ending.overhead)
    watched: Watched | None = work.notes.get(Watched)
    if watched is not None and watched.first is not None:
        metrics.observe(figures.LLM_FIRST_TOKEN, (provider, model), watched.first - watched.sent)
    reader: UsageReader | None = work.notes.get(UsageReader)
    if reader is None or ending.status >= 300:
        return
    if reader.usage is None:
        metrics.count(figures.LLM_USAGE_MISSING, (provider, model))
    else:
        count_tokens(metrics, choice, reader.usage, work.ask.client)
