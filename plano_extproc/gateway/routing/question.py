"""A question about routes: `/routing/v1/*` tells what would serve a request, and why. No provider is asked."""

from plano_extproc import headers
from plano_extproc.errors import GatewayError
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.limits import step as quota
from plano_extproc.gateway.routing import step as route
from plano_extproc.gateway.routing.models import Chosen
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.routing import answer
from plano_extproc.telemetry import figures


def reply(gateway: Gateway, work: Work) -> Doing[Reply]:
    """Return the answer. What it decides for a session holds for the session's next request.

    It counts as a request: raises what `Quota.reserve` raises, before a router is asked.
    """
    ports, sent = gateway.ports, work.ask.headers
    begun = ports.clock()
    yield from quota.on_question(gateway, work, None)
    try:
        chosen = yield from gateway.models.choose(work, ports.now(), is_question=True)
    except GatewayError:
        ports.metrics.count(figures.ROUTING_SERVICE, ("policy_error",))
        raise
    assert chosen is not None, "a question has an answer"
    work.notes[Chosen] = chosen
    if chosen.chain is not None:
        yield from quota.on_question(gateway, work, chosen.chain.tries[0])
    route.count(gateway, chosen, ports.clock() - begun)
    outcome = "no_candidates" if chosen.session.model is None else "decision_served"
    ports.metrics.count(figures.ROUTING_SERVICE, (outcome,))
    told = answer.body(
        chosen.session,
        chosen.models,
        answer.trace_id(sent.get("traceparent"), _otherwise(sent.get(headers.REQUEST_ID, b""), ports.random())),
        identity=chosen.identity,
        reasons=chosen.reasons,
        scores=chosen.scores,
        is_replay=chosen.replayed is not None,
    )
    reason = (headers.ROUTE_REASON, chosen.reason.encode("ascii", "replace"))
    return Reply(200, (*JSON, *((reason,) if chosen.reasons else ())), told, local.details("routing"))


def _otherwise(request_id: bytes, draw: float) -> str:
    """Return an id for a request that is in no trace: its own, which Envoy makes at random."""
    digits = request_id.decode("latin-1").replace("-", "").lower()
    return digits if len(digits) == 32 and not digits.strip("0123456789abcdef") else f"{int(draw * 2**53):032x}"
