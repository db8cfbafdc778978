"""The request of an exchange that passes through: seen by guards, and with the headers that its upstream may have."""

from typing import Final

import orjson

from plano_extproc import headers
from plano_extproc.agents import Agent, passthrough
from plano_extproc.agents.passthrough import Passage
from plano_extproc.gateway.actions import Changes
from plano_extproc.gateway.addressing import PLAIN
from plano_extproc.gateway.agents.hops import Onward
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.guardrails.guarding import Side, tell
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.guardrails.verdict import Block, Redact
from plano_extproc.services import ALWAYS_FORWARDED, forwarded
from plano_extproc.translate.texts.place import leaves, replaced


def guarded(gateway: Gateway, work: Work, body: bytes) -> Doing[bytes]:
    """Return what guards leave of a body; what is not JSON they cannot read, which is for them to judge."""
    declared = gateway.config.prompt_guards
    side = Side.of("input", declared.input_guards) if declared else None
    if side is None or not body:
        return body
    try:
        told = {"body": orjson.loads(body)}
        places = [place for place in leaves(told, "user", "text", ()) if place.path[-1] not in _PROTOCOLS]
        unread = None
    except orjson.JSONDecodeError:
        told, places, unread = {}, [], "the body is no JSON"
    checked = yield from side.ask(places, gateway.ports.clock, unread=unread)
    tell(work, checked.records)
    if isinstance(checked.verdict, Block):
        raise checked.verdict.refusal
    if isinstance(checked.verdict, Redact):
        return orjson.dumps(replaced(told, checked.verdict.edits)["body"])
    return body


def changes(listener: str, agent: Agent, passage: Passage, onward: Onward, body: bytes | None) -> Changes:
    """Return what becomes of a request's headers on its way to an agent; `body` is what replaces the client's."""
    own = forwarded({}, (), agent.headers)
    allowed = {*passthrough.FORWARDED, *ALWAYS_FORWARDED, *agent.forward_headers, *_OF_HTTP}
    kept = (":", *headers.PREFIXES, "x-envoy-", "x-forwarded-")
    removed = tuple(name for name in onward if name not in allowed and not name.startswith(kept))
    extra = () if body is None else (("content-length", b"%d" % len(body)),)
    # What is asked for without a body is mostly a stream that is silent until something happens.
    if agent.timeout and onward.get(":method") == b"POST":
        extra = (*extra, ("x-envoy-upstream-rq-per-try-timeout-ms", b"%d" % int(agent.timeout * 1000)))
    target = ((headers.CLUSTER, passage.cluster.encode()), (":path", passage.path.encode("latin-1")))
    return Changes(
        set=(*onward.own.items(), *own, *target, *extra, *(PLAIN if passage.is_card else ())),
        remove=tuple(dict.fromkeys((*headers.CREDENTIALS, *removed))),
        clear_route=True,
        metadata={
            "listener": listener,
            "agent": passage.agent,
            "client_api": passage.protocol,
            "provider_api": passage.protocol,
            "way": "passed",
            "reason": "asked for by its id",
        },
    )


_OF_HTTP: Final = ("host", "content-length", "transfer-encoding", "accept-encoding", "user-agent", "te", "connection")
_PROTOCOLS: Final = frozenset({"jsonrpc", "method", "id", "messageId", "contextId", "taskId", "kind", "role", "name"})
"""Fields of the protocols that nobody writes words in."""
