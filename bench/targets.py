"""The figures to reach, as ratios within one run: a ratio holds on a slow machine and on a fast one.

F is what the null sidecar's worker spends on a request.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.cases import LONG, SHORT
from bench.measure import Results
from bench.translators import Translator


@dataclass(frozen=True, slots=True)
class Target:
    """One figure; without a limit it is only told."""

    about: str
    value: Callable[[Results], float | None]
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a target in one run. `is_met` is None where nothing was measured, or no limit is set."""

    about: str
    value: float | None
    limit: float | None
    unit: str
    is_met: bool | None


def judge(results: Results) -> list[Verdict]:
    """Hold the results against every target."""
    verdicts = []
    for target in TARGETS:
        value = target.value(results)
        is_met = None if value is None or target.limit is None else value <= target.limit
        verdicts.append(Verdict(target.about, value, target.limit, target.unit, is_met))
    return verdicts


def in_f(results: Results, translator: Translator) -> float | None:
    """Return a translator's CPU time per chunk as a part of F, or None when F was not measured."""
    f = results.median("null", "cpu_workers")
    return translator.chunk_us / f if f else None


def _worker_ratio(case: str, to: str = "null") -> Callable[[Results], float | None]:
    return lambda results: results.ratio(case, to, "cpu_workers")


def _added(figure: str) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        plain, null, ours = (results.median(case, figure) for case in ("plain", "null", "bypass"))
        if plain is None or null is None or ours is None or null <= plain:
            return None
        return (ours - plain) / (null - plain)

    return value


def _per_event(case: str, figure: str) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        long, short = results.median(case, figure), results.median(f"{case}-short", figure)
        if long is None or short is None:
            return None
        return (long - short) / (LONG.events - SHORT.events)

    return value


def _memory(results: Results) -> float | None:
    memory = results.memory
    return None if memory is None else memory.envoy_rss + memory.workers_rss


def _dearest_chunk(results: Results) -> float | None:
    shares = [in_f(results, each) for each in results.translators]
    return max((share for share in shares if share is not None), default=None)


def _worst_growth(results: Results) -> float | None:
    return max((each.growth for each in results.translators), default=None)


TARGETS = (
    Target("bypass: worker CPU per request / F", _worker_ratio("bypass"), 2.3, "x"),
    Target("bypass: added p99 at one connection / the null sidecar's", _added("single_p99"), 2.0, "x"),
    Target("bypass stream: messages to Python per event", _per_event("bypass-stream", "messages"), 0.01),
    Target("bypass stream: worker CPU per event", _per_event("bypass-stream", "cpu_workers"), 1.0, "us"),
    Target("chain that its first candidate answers: worker CPU / bypass", _worker_ratio("chain", "bypass"), 1.15, "x"),
    Target(
        "chain that its first candidate answers, translated: worker CPU / direct",
        _worker_ratio("chain-to-anthropic", "direct-to-anthropic"),
        1.6,
        "x",
    ),
    Target("idle memory of Envoy and two workers, resident", _memory, 250, "MB"),
    Target("dearest streaming translator: CPU per chunk / F", _dearest_chunk, 0.4, "x"),
    # Half-way between growth with the size and growth with its square.
    Target("translators: cost of twice the size, at worst", _worst_growth, 3.0, "x"),
    Target("three null messages: worker CPU per request / F", _worker_ratio("null-3"), unit="x"),
    Target("bypass: added p50 at one connection / the null sidecar's", _added("single_p50"), unit="x"),
    Target("Anthropic to OpenAI: worker CPU per request / F", _worker_ratio("direct-to-openai"), unit="x"),
    Target("OpenAI to Anthropic: worker CPU per request / F", _worker_ratio("direct-to-anthropic"), unit="x"),
    Target(
        "renamed for Anthropic's clients: worker CPU per request / bypass",
        _worker_ratio("renamed", "bypass-anthropic"),
        unit="x",
    ),
    Target("renamed stream: messages to Python per event", _per_event("renamed-stream", "messages"), unit=""),
    Target("translated stream: worker CPU per event", _per_event("direct-stream", "cpu_workers"), unit="us"),
    Target("translated stream: messages to Python per event", _per_event("direct-stream", "messages")),
)
