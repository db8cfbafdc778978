import subprocess

import pytest

from bench.processes import environment, python

pytestmark = pytest.mark.timeout(300)


@pytest.mark.envoy
def test_every_way_of_being_seen_is_measured() -> None:
    run = subprocess.run(
        python("bench.seen", "--rounds", "1", "--seconds", "0.05", "--only", "signals", "traced"),
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=280,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert [line.split("  ")[0] for line in run.stdout.splitlines()[1:]] == ["signals", "traced"]


def test_every_conversation_is_timed() -> None:
    run = subprocess.run(
        python("bench.signals", "--count", "1"),
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=280,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "an agent at work, Anthropic" in run.stdout
