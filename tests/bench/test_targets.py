import json
from typing import Any

import pytest

from bench import machine
from bench.cases import LONG, SHORT
from bench.measure import Memory, Results
from bench.report import Run, markdown
from bench.targets import TARGETS, judge


def _results(**cases: dict[str, float]) -> Results:
    return Results({name.replace("_", "-"): [figures] for name, figures in cases.items()})


def _verdict(results: Results, about: str) -> Any:
    return next(verdict for verdict in judge(results) if verdict.about.startswith(about))


def test_worker_cpu_is_compared_within_each_round() -> None:
    null = [{"cpu_workers": cpu} for cpu in (100.0, 200.0, 100.0)]
    bypass = [{"cpu_workers": cpu} for cpu in (220.0, 440.0, 500.0)]
    results = Results({"null": null, "bypass": bypass})

    assert _verdict(results, "bypass: worker CPU").value == pytest.approx(2.2)
    assert _verdict(results, "bypass: worker CPU").is_met


def test_added_latency_leaves_out_what_envoy_alone_takes() -> None:
    results = _results(plain={"single_p99": 1}, null={"single_p99": 2}, bypass={"single_p99": 3.5})

    assert _verdict(results, "bypass: added p99").value == pytest.approx(2.5)
    assert not _verdict(results, "bypass: added p99").is_met


def test_cpu_of_an_event_is_what_longer_streams_cost_more() -> None:
    events = LONG.events - SHORT.events
    results = _results(bypass_stream={"cpu_workers": 300.0 + 5 * events}, bypass_stream_short={"cpu_workers": 300.0})

    assert _verdict(results, "bypass stream: worker CPU").value == pytest.approx(5)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    verdicts = judge(Results({}))

    assert len(verdicts) == len(TARGETS)
    assert all(verdict.value is None and verdict.is_met is None for verdict in verdicts)


def test_a_run_reads_back_from_its_json_as_it_was() -> None:
    figures = {"rate": 10.0, "cpu_workers": 1.0}
    results = Results({"null": [figures]}, Memory(66, 60, 90, 80, 2))
    settings = {"rounds": 1, "connections": 32, "stream_connections": 8}
    facts = {"cpu": "a", "cores": "2", "system": "b", "python": "3", "envoy": "1", "grpcio": "1"}
    run = Run(facts, settings, results)
    again = Run.of(json.loads(json.dumps(run.document())))

    assert again == run
    assert "| null |" in markdown(again)
    assert "| idle memory of Envoy and two workers, resident | 156.00 MB | 250 MB | met |" in markdown(again)


@pytest.mark.parametrize(("others", "is_busy"), [("3%", False), ("40%", True)])
def test_a_run_on_a_busy_machine_says_so(others: str, is_busy: bool) -> None:
    facts = {"cpu": "a", "cores": "2", "system": "b", "python": "3", "envoy": "1", "grpcio": "1"}
    busy = {machine.OTHERS: others, machine.STOLEN: "1%"}
    settings = {"rounds": 1, "connections": 32, "stream_connections": 8}

    assert ("BUSY" in markdown(Run(facts | busy, settings, Results({})))) is is_busy
