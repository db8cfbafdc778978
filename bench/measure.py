"""Measures the cases in rounds, A B C A B C, so that a noisy minute of the machine falls on all alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from bench.cases import CASES, Case
from bench.gateway import Gateway
from bench.load import Job
from bench.rig import PARTS, Rig
from bench.translators import Translator

Figures = Mapping[str, float]
"""What one case brought in one round: a rate per second, milliseconds, CPU microseconds, messages."""

_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how often. Slices are short and many: noise on shared machines lasts for seconds."""

    rounds: int
    load_seconds: float
    stream_seconds: float
    single_requests: int
    """Requests of the latency run, which has one connection."""
    connections: int = 32
    stream_connections: int = 8
    warmup_seconds: float = 0.08


QUICK = Settings(rounds=6, load_seconds=0.4, stream_seconds=0.7, single_requests=150)
FULL = Settings(rounds=20, load_seconds=0.6, stream_seconds=0.9, single_requests=300)


@dataclass(frozen=True, slots=True)
class Memory:
    """Idle memory in MB: resident, and with shared pages counted once among their users."""

    envoy_rss: float
    envoy_pss: float
    workers_rss: float
    workers_pss: float
    workers: int


@dataclass(frozen=True, slots=True)
class Results:
    """All rounds of all cases."""

    rounds: Mapping[str, Sequence[Figures]]
    memory: Memory | None = None
    translators: Sequence[Translator] = ()

    def median(self, case: str, figure: str) -> float | None:
        """Return the median over the rounds, or None when it was not measured."""
        values = [each[figure] for each in self.rounds.get(case, ()) if figure in each]
        return statistics.median(values) if values else None

    def ratio(self, case: str, other: str, figure: str) -> float | None:
        """Return the median of the ratios that two cases have within each round."""
        pairs = zip(self.rounds.get(case, ()), self.rounds.get(other, ()), strict=False)
        ratios = [one[figure] / two[figure] for one, two in pairs if figure in one and two.get(figure)]
        return statistics.median(ratios) if ratios else None


def measure(
    rig: Rig, cases: Sequence[Case], settings: Settings, tell: Callable[[str], None]
) -> dict[str, list[Figures]]:
    """Measure every case once a round."""
    rounds: dict[str, list[Figures]] = {case.name: [] for case in cases}
    for number in range(settings.rounds):
        tell(f"round {number + 1} of {settings.rounds}")
        for case in cases:
            rounds[case.name].append(_measure_once(rig, case, settings))
    return rounds


def _measure_once(rig: Rig, case: Case, settings: Settings) -> Figures:
    figures: dict[str, float] = {}
    port = rig.port(case.proxy)
    if not case.stream:
        single = Job(
            port,
            case.dialect,
            case.model,
            connections=1,
            requests=settings.single_requests,
            warmup_seconds=settings.warmup_seconds,
        )
        rig.load.prepare(single)
        latency = rig.load.run().latency
        figures |= {"single_p50": latency.p50, "single_p90": latency.p90, "single_p99": latency.p99}
    loaded = Job(
        port,
        case.dialect,
        case.model,
        connections=settings.stream_connections if case.stream else settings.connections,
        seconds=settings.stream_seconds if case.stream else settings.load_seconds,
        warmup_seconds=settings.warmup_seconds,
        stream=case.stream,
    )
    rig.load.prepare(loaded)
    messages, cpu = rig.messages(case.proxy), rig.cpu(case.proxy)
    outcome = rig.load.run()
    cpu_after, messages_after = rig.cpu(case.proxy), rig.messages(case.proxy)
    return figures | {
        "requests": outcome.requests,
        "rate": outcome.requests / outcome.seconds,
        "load_p50": outcome.latency.p50,
        "load_p99": outcome.latency.p99,
        "first_p50": outcome.first_byte.p50,
        "first_p99": outcome.first_byte.p99,
        "messages": (messages_after - messages) / outcome.requests,
        **{f"cpu_{part}": (cpu_after[part] - cpu[part]) / outcome.requests * 1e6 for part in PARTS},
    }


def measure_memory(rig: Rig, workers: int = 2) -> Memory:
    """Start a gateway of its own, let it serve a little of everything, and weigh it when it is idle."""
    with rig.gateway(workers=workers, envoy_threads=None) as gateway:
        for case in (case for case in CASES if case.proxy == "gateway"):
            job = Job(gateway.port, case.dialect, case.model, connections=8, requests=64, stream=case.stream)
            rig.load.prepare(job)
            rig.load.run()
        time.sleep(2)
        return _weigh(gateway, workers)


def _weigh(gateway: Gateway, workers: int) -> Memory:
    def total(processes: Sequence[psutil.Process]) -> tuple[float, float]:
        found: list[Any] = [process.memory_full_info() for process in processes]
        # Only Linux tells the proportional share.
        pss = sum(getattr(each, "pss", each.rss) for each in found)
        return sum(each.rss for each in found) / _BYTES_PER_MB, pss / _BYTES_PER_MB

    envoy, python = total(gateway.envoy), total(gateway.workers)
    return Memory(*envoy, *python, workers=workers)
