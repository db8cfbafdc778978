"""Calls of models and agents, read from spans, and what they add up to.

A span with `llm.model` is a call of a model; one with `selection.agents` is a request that agents answered.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plano_extproc.config.models_catalogue import model_of
from planoai.collector.spans import Span, attributes_of, end, start

Prices = Callable[[str, str], "Price | None"]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; `cached` None is not known."""

    input: float
    output: float
    cached: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Times are milliseconds, `cost` is in US dollars, None is not known."""

    at: float
    request_id: str
    trace_id: str
    provider: str
    model: str
    requested: str
    route: str
    session: str
    status: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    latency_ms: float
    first_token_ms: float | None
    cost: float | None
    quality: str
    agents: str = ""
    """Those who answered, in their order, where no model did."""
    is_streaming: bool = False
    strategy: str = ""
    """What chose the route, such as `lexical` or a model."""
    reason: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the caller got an error."""
        return self.status >= 400

    @property
    def tokens_per_second(self) -> float | None:
        """How fast the answer was written."""
        writing = self.latency_ms - (self.first_token_ms or 0)
        return self.completion_tokens * 1000 / writing if self.completion_tokens and writing > 0 else None


def call_of(span: Span, prices: Prices) -> Call | None:
    """Return the call that a span is, if it is one."""
    found = attributes_of(span)
    model, agents = found.get("llm.model") or "", found.get("selection.agents") or ""
    if not model and not agents:
        return None
    provider = str(found.get("llm.provider") or span["service"])
    used = {
        name: _whole(found.get(f"llm.usage.{name}_tokens"))
        for name in ("prompt", "completion", "cached_input", "cache_creation", "reasoning")
    }
    cost = _number(found.get("llm.usage.total_cost_usd"))
    price = prices(provider, str(model)) if cost is None and model else None
    lasted = _number(found.get("llm.duration_ms"))
    return Call(
        at=start(span) / 1e9,
        request_id=str(found.get("request_id") or found.get("http.request_id") or ""),
        trace_id=span["traceId"],
        provider=provider,
        model=str(model),
        requested=str(found.get("model.requested") or ""),
        route=str(found.get("plano.route.name") or ""),
        session=str(found.get("plano.session_id") or ""),
        status=_whole(found.get("http.status_code")),
        prompt_tokens=used["prompt"],
        completion_tokens=used["completion"],
        cached_tokens=used["cached_input"],
        cache_write_tokens=used["cache_creation"],
        reasoning_tokens=used["reasoning"],
        latency_ms=lasted if lasted is not None else (end(span) - start(span)) / 1e6,
        first_token_ms=_number(found.get("llm.time_to_first_token")),
        cost=cost if cost is not None else _cost(price, used),
        quality=str(found.get("signals.quality") or ""),
        agents="" if model else str(agents),
        is_streaming=found.get("llm.is_streaming") is True,
        strategy=str(found.get("routing.strategy") or ""),
        reason=str(found.get("routing.selection_reason") or found.get("selection.reason") or ""),
    )


def catalogue_price(provider: str, model: str) -> Price | None:
    """Return what our own catalogue says."""
    entry = model_of(provider, model.removeprefix(f"{provider}/"))
    price = entry.price if entry is not None else None
    if price is None or price.output is None or not (price.input or price.output):
        return None
    return Price(price.input, price.output, price.cache_read)


def _cost(price: Price | None, used: dict[str, int]) -> float | None:
    if price is None:
        return None
    cached = used["cached_input"] if price.cached is not None else 0
    fresh = max(0, used["prompt"] - cached)
    total = fresh * price.input + used["completion"] * price.output + cached * (price.cached or 0)
    return round(total / 1e6, 6)


class Calls:
    """The latest calls, and their sums."""

    def __init__(self, capacity: int, prices: Prices) -> None:
        self._prices = prices
        self._seen: set[str] = set()
        self.latest: deque[Call] = deque(maxlen=capacity)

    def take(self, spans: Iterable[Span]) -> None:
        """Add the calls among spans; each once."""
        found = []
        for span in spans:
            key = span["traceId"] + span["spanId"]
            if key not in self._seen and (call := call_of(span, self._prices)) is not None:
                self._seen.add(key)
                found.append(call)
        self.latest.extend(sorted(found, key=lambda call: call.at))

    def snapshot(self, recent: int = 15) -> dict[str, Any]:
        """Return everything that is shown, as JSON."""
        calls = list(self.latest)
        by_model, by_route, by_agent = defaultdict(list), defaultdict(list), defaultdict(list)
        for call in calls:
            if call.model:
                by_model[call.model].append(call)
            for agent in filter(None, call.agents.split(",")):
                by_agent[agent].append(call)
            if call.route:
                by_route[call.route].append(call)
        return {
            "totals": {**sums(calls), "sessions": len({call.session for call in calls if call.session})},
            "models": {name: sums(each) for name, each in sorted(by_model.items())},
            "routes": {name: sums(each) for name, each in sorted(by_route.items())},
            "agents": {name: sums(each) for name, each in sorted(by_agent.items())},
            "calls": [{**asdict(call), "tokens_per_second": call.tokens_per_second} for call in calls[-recent:][::-1]],
        }


def sums(calls: Sequence[Call]) -> dict[str, Any]:
    """Return what calls add up to."""
    costs = [call.cost for call in calls if call.cost is not None]
    speeds = [call.tokens_per_second for call in calls if call.tokens_per_second is not None]
    firsts = [call.first_token_ms for call in calls if call.first_token_ms is not None]
    return {
        "requests": len(calls),
        "client_errors": sum(400 <= call.status < 500 for call in calls),
        "server_errors": sum(call.status >= 500 for call in calls),
        "prompt_tokens": sum(call.prompt_tokens for call in calls),
        "completion_tokens": sum(call.completion_tokens for call in calls),
        "cached_tokens": sum(call.cached_tokens for call in calls),
        "cache_write_tokens": sum(call.cache_write_tokens for call in calls),
        "cost": round(sum(costs), 6) if costs else None,
        "tokens_per_second": sum(speeds) / len(speeds) if speeds else None,
        "latency_ms": _percentiles([call.latency_ms for call in calls]),
        "first_token_ms": _percentiles(firsts),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    ranked = sorted(values)
    return {f"p{p}": ranked[min(len(ranked) - 1, len(ranked) * p // 100)] if ranked else None for p in (50, 95, 99)}


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def _whole(value: object) -> int:
    return int(_number(value) or 0)
