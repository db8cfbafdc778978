"""A binding: the model that a session stays with, and what leaving it has cost. On the wire as Plano 0.4 has it.

Models are named `provider/model`. Times are seconds since 1970, whole ones on the wire. Money is in US dollars.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.routing.ranking import usable

_VISITS_KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class Visit:
    """A model that served the session, when it last did, and how long the prompt was then."""

    model: str
    last_used: float
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Binding:
    """What is known of a session's lane.

    `anchor_model` served last and has the conversation in its cache; `default_model` is where the session began, and
    `baseline_usd` what it would have cost to stay there. `switch_spend_usd` is what leaving warm caches has cost.
    """

    anchor_model: str
    default_model: str
    requested_model: str
    route_name: str | None
    prefix_hash: int | None
    last_used: float
    cached_tokens: int = 0
    baseline_usd: float = 0.0
    switch_spend_usd: float = 0.0
    switches: int = 0
    history: tuple[Visit, ...] = ()
    session_cost_usd: float = 0.0

    def encoded(self) -> bytes:
        """Return the binding as a store keeps it."""
        absent = {name for name in ("route_name", "prefix_hash") if getattr(self, name) is None}
        held: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS if name not in absent}
        held["last_used"] = int(self.last_used)
        if self.history:
            held["history"] = [
                {"model": one.model, "last_used": int(one.last_used), "cached_tokens": one.cached_tokens}
                for one in self.history
            ]
        return orjson.dumps(held)


_FIELDS: Final = (
    "anchor_model",
    "default_model",
    "requested_model",
    "route_name",
    "prefix_hash",
    "cached_tokens",
    "baseline_usd",
    "switch_spend_usd",
    "switches",
    "session_cost_usd",
)


def decoded(raw: bytes | None) -> Binding | None:
    """Return a stored binding; None for what is absent, cannot be read, or names no model.

    Plano stores "none" where it found no route: nothing could serve that.
    """
    try:
        held: Any = orjson.loads(raw or b"null")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(held, dict):
        return None
    try:
        anchor = str(held["anchor_model"])
        if anchor in ("", "none"):
            return None
        prefix = held.get("prefix_hash")
        return Binding(
            anchor_model=anchor,
            default_model=str(held.get("default_model") or anchor),
            requested_model=str(held.get("requested_model") or ""),
            route_name=held.get("route_name"),
            prefix_hash=None if prefix is None else int(prefix),
            last_used=float(held["last_used"]),
            cached_tokens=_tokens(held),
            baseline_usd=_dollars(held, "baseline_usd"),
            switch_spend_usd=_dollars(held, "switch_spend_usd"),
            switches=int(held.get("switches", 0)),
            history=tuple(
                Visit(str(one["model"]), float(one["last_used"]), _tokens(one)) for one in held.get("history", ())
            ),
            session_cost_usd=_dollars(held, "session_cost_usd"),
        )
    except (KeyError, TypeError, ValueError):
        return None


def visited(history: Iterable[Visit], visit: Visit) -> tuple[Visit, ...]:
    """Return a history with one visit more; of many models, those used last are kept."""
    others = [one for one in history if one.model != visit.model]
    newest = sorted(others, key=lambda one: one.last_used)[-(_VISITS_KEPT - 1) :]
    return (*newest, visit)


def _tokens(held: Mapping[str, Any]) -> int:
    return max(int(held.get("cached_tokens", 0)), 0)


def _dollars(held: Mapping[str, Any], name: str) -> float:
    return usable(float(held.get(name, 0.0))) or 0.0
