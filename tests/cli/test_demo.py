import os
import signal
import subprocess

import pytest

from planoai.demo.scenes import EXCHANGES
from tests.cli.commands import Shell, flat
from tests.support.gateway import until
from tests.support.processes import of_home

pytestmark = pytest.mark.envoy


def test_once_shows_every_exchange_and_leaves_nothing_running(user: Shell) -> None:
    result = user.planoai("demo", "--once")

    words = flat(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
    assert words.count(" ok ") + words.startswith("ok") >= len(EXCHANGES)
    assert all(exchange.prompt in words for exchange in EXCHANGES)
    assert f"all {len(EXCHANGES)} answers were right" in words
    assert words.count("ok planner of Tier 0") == 3, "it refuses, it is revoked, and it plans again"
    assert of_home(user.home / "demo") == []


def test_it_stays_until_ctrl_c_and_can_be_repeated(user: Shell) -> None:
    for _ in range(2):
        process = user.start("demo")
        _read_until(process, "Ctrl-C stops everything")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

        assert process.returncode == 0
        assert of_home(user.home / "demo") == []


def test_a_demo_that_was_killed_is_cleaned_up_by_the_next(user: Shell) -> None:
    process = user.start("demo")
    _read_until(process, "Ctrl-C stops everything")
    process.kill()
    process.communicate(timeout=60)
    left = {found.pid for found in of_home(user.home / "demo")}
    assert left

    assert user.planoai("demo", "--once").returncode == 0

    assert until(lambda: of_home(user.home / "demo") == [])
    assert not any(_lives(pid) for pid in left)


def _read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    while words not in (line := process.stdout.readline()):
        assert line, "the demo ended early"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
