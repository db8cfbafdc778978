import os
from pathlib import Path

import pytest

from planoai import machine
from planoai.errors import Failure


def test_the_quota_of_a_container_counts(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")

    assert machine.cores(quota) == 1


@pytest.mark.parametrize("text", ["max 100000\n", "", "garbage"])
def test_without_a_quota_all_cores_count(tmp_path: Path, text: str) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(text)

    assert machine.cores(quota) == len(os.sched_getaffinity(0))


def test_envoy_comes_with_us_unless_another_is_named(tmp_path: Path) -> None:
    other = tmp_path / "my-envoy"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)

    assert Path(machine.envoy_path({})).is_file()
    assert machine.envoy_path({"PLANO_ENVOY": str(other)}) == str(other)
    assert machine.envoy_path({"PLANO_ENVOY": "my-envoy", "PATH": str(tmp_path)}) == str(other)


def test_an_envoy_that_cannot_be_run_is_an_error() -> None:
    with pytest.raises(Failure, match="PLANO_ENVOY=/no/such is not a program"):
        machine.envoy_path({"PLANO_ENVOY": "/no/such"})


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_a_concurrency_that_is_no_number_of_threads_is_an_error(text: str) -> None:
    with pytest.raises(Failure, match="PLANO_ENVOY_CONCURRENCY"):
        machine.envoy_concurrency({"PLANO_ENVOY_CONCURRENCY": text})


@pytest.mark.parametrize(
    ("level", "envoys"),
    [
        ("debug", "debug"),
        ("WARN", "warning"),
        ("warning", "warning"),
        ("trace", "trace"),
        ("nonsense", "info"),
        ("", "info"),
    ],
)
def test_any_log_level_becomes_one_that_envoy_knows(level: str, envoys: str) -> None:
    assert machine.envoy_log_level({"LOG_LEVEL": level}) == envoys
