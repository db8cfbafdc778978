"""What becomes of an answer's headers: the explanation of the decision, and what the body passes where it is read."""

from collections.abc import Mapping
from typing import Final

from plano_extproc import headers
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import Changes, Headers, Reply
from plano_extproc.gateway.answer import JSON, Answer
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.work import Work


def explanation(
    decision: Decision, work: Work, plan: Plan, sent: Mapping[str, bytes], place: int, overhead: float
) -> list[tuple[str, bytes]]:
    """Return the headers that say how a request was served: by `plan`, at a `place`, after seconds of `overhead`."""
    told = [(headers.OVERHEAD_MS, b"%.2f" % (overhead * 1000))]
    if decision.reason:
        told.append((headers.ROUTE_REASON, decision.told(place).encode("ascii", "replace")))
    dropped = decision.dropped_by(sent, place)
    if dropped:
        told.append((headers.DROPPED, dropped))
    told += work.headers
    if work.handed is not None and work.handed.ran:
        ran = (*work.handed.ran, plan.choice.agent or "")
        told.append((headers.AGENT, ",".join(ran).encode("ascii", "replace")))
    return told


def read(
    ask: Ask, decision: Decision, work: Work, plan: Plan, sent: Mapping[str, bytes], status: int, place: int
) -> Answer | None:
    """Return what reads an answer's body; None where nothing needs to."""
    is_good, agent = status < 300, plan.choice.agent
    edits = work.in_order() if is_good and work.edits else ()
    heard = work.handed.heard.get(agent or "") if work.handed is not None and is_good else None
    translation = decision.reader(place)
    if translation is None and decision.last is None and not edits and heard is None:
        return None
    return Answer(
        ask.surface.api,
        translation,
        status,
        sent,
        agent=agent,
        heard=heard,
        edits=edits,
        last=decision.last,
        framing=ask.framing,
        asks_for_stream=decision.is_stream,
        due=work.due,
    )


def without_body(answer: Answer, status: int, sent: Mapping[str, bytes], changes: Changes, told: Headers) -> Reply:
    """Return an answer of our own in the place of one that ends with its headers: a client expects a body."""
    kept = [(name, sent[name]) for name in _KEPT if name in sent]
    return Reply(status, (*JSON, *changes.set, *told, *kept), answer.translated(b""), local.details("provider_answer"))


_KEPT: Final = ("retry-after",)
"""Of a provider's headers, what an answer of our own in its place must not lose."""
