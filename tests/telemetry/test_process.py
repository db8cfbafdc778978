import os

from plano_extproc.telemetry import figures
from plano_extproc.telemetry.process import Process


def value(name: str) -> float:
    found = figures.REGISTRY.get_sample_value(name)
    assert found is not None
    return found


def test_a_process_is_measured_when_it_is_due_and_its_time_counted_once() -> None:
    process, before = Process(period=10), value("process_cpu_seconds_total")
    process.tick(100)
    spent = os.times()
    counted = value("process_cpu_seconds_total") - before
    figures.PROCESS_THREADS.set(-1)
    process.tick(109)
    early = value("process_threads")
    process.tick(110)

    assert 0 < counted <= spent.user + spent.system
    assert early == -1
    assert value("process_threads") >= 1
    assert value("process_cpu_seconds_total") - before < counted + 5
    assert 0 < value("process_resident_memory_bytes") < value("process_virtual_memory_bytes")
    assert value("process_start_time_seconds") > 1_600_000_000
