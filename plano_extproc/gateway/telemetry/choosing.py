"""What the spans of an exchange say of who was chosen to serve it, and how long that took."""

from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.work import Work
from plano_extproc.telemetry.spans import AGENT, ORCHESTRATOR, ROUTING, AnySpan, agent


def agent_chosen(
    span: AnySpan, gateway: Gateway, listener: str, work: Work | None, decision: Decision, *, began: int, now: int
) -> AnySpan:
    """Tell of the agent that serves, and return the span of its work, which has begun. Times are in nanoseconds."""
    choice = decision.plan.choice
    assert choice.agent is not None
    span.is_about(ORCHESTRATOR)
    ran = work.handed.ran if work is not None and work.handed is not None else ()
    span.update(
        {
            "component": ORCHESTRATOR.component,
            "selection.listener": listener,
            "selection.agent_count": len(ran) + 1,
            "selection.agents": ",".join((*ran, choice.agent)),
            "selection.reason": decision.reason or choice.reason,
            "selection.determination_ms": _milliseconds(began, now),
        }
    )
    begun = span.child(AGENT, now)
    begun.name = f"{choice.agent} /v1/chat/completions"
    custom = gateway.tracer.custom(work.ask.headers) if work is not None else {}
    begun.update({**agent(choice.agent), "message_count": _messages(work), **custom})
    return begun


def model_chosen(
    span: AnySpan, gateway: Gateway, path: str, work: Work | None, decision: Decision, *, began: int, now: int
) -> None:
    """Tell of the model that serves, by a span of the choice alone. Times are in nanoseconds."""
    choice = decision.plan.choice
    asked = str(work.request.get("model") or "") if work is not None else ""
    routing = span.child(ROUTING, began)
    routing.update(
        {
            "component": ROUTING.component,
            "http.method": "POST",
            "http.target": path,
            **({"model.requested": asked} if asked else {}),
            "model.alias_resolved": gateway.directory.unaliased(asked) or choice.name,
            "route.selected_model": choice.name,
            "routing.selection_reason": decision.reason or choice.reason,
            "routing.determination_ms": _milliseconds(began, now),
        }
    )
    routing.end(now)


def _milliseconds(began: int, now: int) -> float:
    return round((now - began) / 1e6, 3)


def _messages(work: Work | None) -> int:
    """Return how many messages the agent gets, which agents before it may have added to."""
    if work is None:
        return 0
    sent = work.request if work.handed is None else work.handed.spoken.request
    found = sent.get("messages")
    return len(found) if isinstance(found, list) else 0
