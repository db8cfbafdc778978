import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from planoai.home import Home
from planoai.probe import ask
from planoai.supervise import is_supervisor, strays
from tests.cli.commands import Shell, config
from tests.support.gateway import until
from tests.support.ports import free_port

pytestmark = pytest.mark.envoy


def start(user: Shell, port: int) -> subprocess.Popen[str]:
    user.write(config(port))
    process = user.start("up", "--foreground", "--workers", "1")
    await_greeting(process)
    return process


def await_greeting(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = [""]
    while "planoai down" not in said[-1]:
        said.append(process.stdout.readline())
        assert said[-1], f"it ended before it was ready: {said}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_stops_all_of_it(user: Shell, number: signal.Signals) -> None:
    process = start(user, free_port())

    process.send_signal(number)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in said
    assert strays(Home(user.home)) == []
    assert not (user.home / "run" / "state.json").exists()


def test_logs_are_shown_as_they_are_written(user: Shell) -> None:
    port = free_port()
    process = start(user, port)
    assert process.stdout is not None
    ask(f"http://127.0.0.1:{port}/watched")

    while "/watched" not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert line.startswith("[access] ")


def test_down_from_another_terminal_ends_it(user: Shell) -> None:
    process = start(user, free_port())

    assert user.planoai("down").returncode == 0
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_an_end_that_nobody_asked_for_is_an_error_and_leaves_nothing(user: Shell) -> None:
    process = start(user, free_port())

    next(filter(is_supervisor, strays(Home(user.home)))).kill()
    process.communicate(timeout=60)

    assert process.returncode == 1
    assert until(lambda: not strays(Home(user.home)))


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace of one's own needs root")
def test_it_works_as_the_first_process_of_a_container(user: Shell, tmp_path: Path) -> None:
    """As process 1 it must take signals that have no default there, and bury what nobody else does."""
    port = free_port()
    user.write(config(port))
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-m", "planoai"]
    probe = subprocess.run([*command[:5], "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"unshare does not work here: {probe.stderr.decode().strip()}")
    process = user.run([*command, "up", "--foreground", "--workers", "1"])
    await_greeting(process)
    first = next(child for child in _children(process.pid))

    os.kill(first, signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
