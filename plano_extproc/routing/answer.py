"""The answer of `/routing/v1/*`: what would serve a request, and why, without asking any provider."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from plano_extproc.routing.identity import Identity
from plano_extproc.routing.sessions import Decision

NONE: Final = "none"
"""Stands for the models where no route fits."""


def body(
    decision: Decision,
    ranked: Sequence[str],
    trace_id: str,
    *,
    identity: Identity | None = None,
    reasons: Sequence[str] = (),
    scores: Mapping[str, float] | None = None,
    is_replay: bool = False,
) -> bytes:
    """Return the JSON, to be sent with status 200 also where nothing was found.

    `ranked` are the route's models, best first; what the session decided on is moved before them. A replayed decision
    has no others. `reasons` are short, in the order in which things were decided.
    """
    chosen = decision.model
    others = () if is_replay else tuple(model for model in dict.fromkeys(ranked) if model != chosen)
    held: dict[str, Any] = {
        "models": [NONE] if chosen is None else [chosen, *others],
        "route": None if chosen is None else decision.route,
        "trace_id": trace_id,
        "pinned": decision.is_pinned,
        "switched": decision.has_switched,
    }
    if identity is not None:
        held["session_id"] = identity.id
    held["reasons"] = list(reasons)
    if scores:
        held["scores"] = dict(scores)
    return orjson.dumps(held)


def trace_id(traceparent: bytes | None, otherwise: str) -> str:
    """Return the trace's id out of a `traceparent` header; `otherwise`, a random one, where it has none."""
    parts = (traceparent or b"").split(b"-")
    if len(parts) >= 4 and len(parts[1]) == 32 and parts[1].strip(b"0123456789abcdef") == b"" and parts[1].strip(b"0"):
        return parts[1].decode()
    return otherwise
