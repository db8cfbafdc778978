from collections.abc import Iterator

import psutil
import pytest

from bench.cases import CASES, ProxyName
from bench.load import BadAnswerError, Job
from bench.measure import Settings, measure
from bench.payloads import DIALECTS, DialectName, Pace, request
from bench.processes import tree
from bench.rig import Rig

TINY = Settings(
    rounds=1,
    load_seconds=0.05,
    stream_seconds=0.05,
    single_requests=20,
    connections=4,
    stream_connections=2,
    warmup_seconds=0,
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("bench"), ("plain", "null", "null-3")) as running:
        yield running
    assert [each for each in tree([psutil.Process().pid]) if _is_of_the_bench(each)] == []


def _is_of_the_bench(process: psutil.Process) -> bool:
    try:
        return "bench." in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        # Another test's, which has ended meanwhile.
        return False


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [None, Pace(3), Pace(3, pace_ms=1)])
def test_load_generator_takes_the_providers_answers(rig: Rig, dialect: DialectName, stream: Pace | None) -> None:
    rig.load.prepare(Job(rig.provider_port, dialect, "m", 2, requests=6, warmup_seconds=0, stream=stream))
    outcome = rig.load.run()

    assert outcome.requests == 6
    assert outcome.latency.p50 >= outcome.first_byte.p50 > 0


@pytest.mark.envoy
@pytest.mark.parametrize(("proxy", "messages"), [("plain", 0), ("null", 1), ("null-3", 3)])
def test_a_yardstick_sees_each_request_with_its_number_of_messages(rig: Rig, proxy: ProxyName, messages: int) -> None:
    before = rig.messages(proxy)
    rig.load.prepare(Job(rig.port(proxy), "openai", "m", 4, requests=50, warmup_seconds=0))
    outcome = rig.load.run()

    assert outcome.requests == 50
    assert rig.messages(proxy) - before == 50 * messages


@pytest.mark.envoy
def test_a_round_brings_every_figure_of_every_case(rig: Rig) -> None:
    cases = [case for case in CASES if case.name in {"plain", "null", "plain-stream"}]
    rounds = measure(rig, cases, TINY, lambda _text: None)

    assert {name: len(figures) for name, figures in rounds.items()} == {case.name: 1 for case in cases}
    assert rounds["null"][0]["cpu_workers"] > 0
    assert rounds["null"][0]["messages"] == 1
    assert rounds["plain"][0]["cpu_workers"] == 0
    assert "single_p99" in rounds["null"][0]


@pytest.mark.envoy
def test_a_wrong_answer_ends_the_job_with_what_came(rig: Rig) -> None:
    rig.load.prepare(Job(rig._admin["plain"], "openai", "m", 1, requests=1, warmup_seconds=0))

    with pytest.raises(BadAnswerError, match=r"expected 200 .*\n.*404"):
        rig.load.run()


def test_nobody_listening_ends_the_job_with_the_reason(rig: Rig) -> None:
    with pytest.raises(BadAnswerError, match=r"refused|Connect"):
        rig.load.prepare(Job(1, "openai", "m", 1, requests=1, warmup_seconds=0))


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_request_is_as_large_as_a_clients(dialect: DialectName) -> None:
    head, _, body = request(dialect, "openai/bench", stream=Pace(5, 1)).partition(b"\r\n\r\n")

    assert 20 <= head.count(b"\r\n") <= 26
    assert 1500 <= len(body) <= 2500
    assert Pace.of(body) == Pace(5, 1)
    assert 1000 <= len(DIALECTS[dialect].answer) <= 1500
