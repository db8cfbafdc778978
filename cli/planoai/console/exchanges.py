"""Requests as the console shows them, put together from lines of the access log and from spans of models' calls.

Either may come first, and either may be missing: without tracing there are no spans, and a gateway that runs elsewhere
has no log here.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from planoai.collector.calls import Call
from planoai.collector.spans import Span, attributes_of

Exchange = dict[str, Any]

KEPT: Final = 5_000

_PROBES: Final = frozenset(("/healthz", "/readyz", "/metrics"))

_FIELDS: Final[Mapping[str, str]] = {
    "listener": "listener",
    "method": "method",
    "path": "path",
    "status": "status",
    "flags": "flags",
    "details": "details",
    "duration_ms": "duration_ms",
    "first_byte_ms": "first_byte_ms",
    "overhead_ms": "overhead_ms",
    "upstream": "upstream",
    "cluster": "cluster",
    "attempts": "attempts",
    "model": "model",
    "route": "route",
    "reason": "reason",
    "agent": "agent",
    "way": "way",
    "client_api": "client_api",
    "provider_api": "provider_api",
    "client_id": "client",
    "client": "address",
    "trace_id": "trace_id",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cached_tokens",
    "cost_usd": "cost",
    "signal_quality": "quality",
    "signal_score": "score",
    "signals": "signals",
}
"""Keys of the access log, and what they are called here."""

_NUMBERS: Final = frozenset(
    [
        *("status", "duration_ms", "first_byte_ms", "overhead_ms", "attempts", "cost", "score"),
        *("input_tokens", "output_tokens", "cached_tokens"),
    ]
)
_LISTS: Final = frozenset(("signals",))


class Exchanges:
    """The latest exchanges by the id of their request, each with the number of its last change."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[tuple[str, str], Exchange] = OrderedDict()
        self.sequence = 0

    def take_line(self, line: str) -> bool:
        """Take a line of the access log; return whether it was an exchange."""
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(found, dict) or found.get("path") in _PROBES or not found.get("request_id"):
            return False
        about = {ours: value for key, ours in _FIELDS.items() if (value := _read(ours, found.get(key))) is not None}
        about["at"] = _seconds(found.get("time"))
        if why := found.get("route_reason"):
            # Where no route was found, what was done instead counts first.
            about["reason"] = why if about.get("route") or "reason" not in about else f"{about['reason']}; {why}"
        if isinstance(ran := found.get("agents"), list):
            before = [str(one["agent"]) for one in ran if isinstance(one, dict) and "agent" in one]
            about["agent"] = ",".join(dict.fromkeys([*before, *([str(about["agent"])] if "agent" in about else [])]))
        if verdicts := [*_verdicts(found.get("guards")), *_verdicts(found.get("output_guards"))]:
            about["guards"] = verdicts
        self._put(str(found["request_id"]), about)
        return True

    def take_call(self, call: Call, span: Span) -> None:
        """Take the call of a model that a span tells of."""
        attributes = attributes_of(span)
        about = {
            "at": call.at,
            "listener": attributes.get("plano.listener"),
            "trace_id": call.trace_id,
            "status": call.status or None,
            "model": (call.model if "/" in call.model else f"{call.provider}/{call.model}") if call.model else None,
            "route": call.route or None,
            "reason": attributes.get("routing.selection_reason") or attributes.get("plano.callout"),
            "agent": call.agents or attributes.get("plano.agent"),
            "client": attributes.get("plano.client"),
            "input_tokens": call.prompt_tokens or None,
            "output_tokens": call.completion_tokens or None,
            "cached_tokens": call.cached_tokens or None,
            "cost": call.cost,
            "duration_ms": round(call.latency_ms, 1),
            "first_byte_ms": call.first_token_ms,
            "quality": call.quality or None,
            "score": attributes.get("signals.quality_score"),
            "signals": [event["name"].removeprefix("signal.") for event in span["events"] if _is_signal(event)] or None,
        }
        self._put(
            call.request_id or call.trace_id,
            {key: value for key, value in about.items() if value is not None},
            over=False,
        )

    def _put(self, request_id: str, about: Exchange, *, over: bool = True) -> None:
        """Add what is known of a request; what the log says goes over what a span says."""
        self.sequence += 1
        key = request_id, str(about.get("listener") or "")
        known = self._known.setdefault(key, {"id": f"{key[0]}@{key[1]}", "request_id": request_id})
        merged = {**known, **about} if over else {**about, **known}
        known.update(merged, sequence=self.sequence)
        self._known.move_to_end(key)
        if len(self._known) > self._kept:
            self._known.popitem(last=False)

    def after(self, sequence: int, most: int = 2000) -> list[Exchange]:
        """Return what changed after a number, the earliest first; of many the latest."""
        found: list[Exchange] = []
        for exchange in reversed(self._known.values()):
            if exchange["sequence"] <= sequence or len(found) == most:
                break
            found.append(exchange)
        return found[::-1]

    def sums(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return tokens, money, errors and times by model, client, agent and route."""
        return {name: _grouped(self._known.values(), name) for name in ("model", "client", "agent", "route")}

    def __len__(self) -> int:
        return len(self._known)


def _grouped(exchanges: Iterable[Exchange], name: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        if name == "agent":
            *before, last = str(exchange.get(name) or "").split(",")
            for agent in before:
                groups[agent].append(exchange | _UNKNOWN)
            if last:
                groups[last].append(exchange)
        elif exchange.get(name):
            groups[str(exchange[name])].append(exchange)
    return {key: _summed(groups[key]) for key in sorted(groups, key=lambda key: (-len(groups[key]), key))}


_UNKNOWN: Final[Exchange] = dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "cost"))
"""What is known of the last agent of several alone, whose answer the caller gets."""


def _summed(exchanges: list[Exchange]) -> dict[str, Any]:
    costs = [exchange["cost"] for exchange in exchanges if exchange.get("cost") is not None]
    times = sorted(exchange["duration_ms"] for exchange in exchanges if exchange.get("duration_ms") is not None)
    return {
        "requests": len(exchanges),
        "errors": sum((exchange.get("status") or 0) >= 400 for exchange in exchanges),
        "input_tokens": sum(exchange.get("input_tokens") or 0 for exchange in exchanges),
        "output_tokens": sum(exchange.get("output_tokens") or 0 for exchange in exchanges),
        "cached_tokens": sum(exchange.get("cached_tokens") or 0 for exchange in exchanges),
        "cost": round(sum(costs), 9) if costs else None,
        "p50_ms": _percentile(times, 50),
        "p95_ms": _percentile(times, 95),
    }


def _percentile(ranked: list[float], percent: int) -> float | None:
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] if ranked else None


def _read(name: str, value: object) -> object:
    if value in (None, "", "-"):
        return None
    if name in _NUMBERS:
        return _number(value)
    if name in _LISTS:
        found = value if isinstance(value, list) else str(value).split(",")
        return [str(entry).strip() for entry in found if str(entry).strip()] or None
    return value


def _verdicts(found: object) -> list[str]:
    """Return what guards said, each as `guard:verdict`."""
    entries = found if isinstance(found, list) else []
    return [f"{entry['guard']}:{entry['verdict']}" for entry in entries if isinstance(entry, dict) and "guard" in entry]


def _number(value: object) -> float | int | None:
    try:
        found = float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None
    return int(found) if found is not None and found.is_integer() else found


def _seconds(value: object) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0


def _is_signal(event: Mapping[str, Any]) -> bool:
    return str(event["name"]).startswith("signal.")
