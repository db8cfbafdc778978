"""Starts and ends the processes of the bench, and reads the operating system's accounts of them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).parent.parent
READY_WITHIN = 30.0


class StartError(Exception):
    """A process that did not come up; the message holds the end of its log."""


class Child:
    """A process of ours in a session of its own, so that Ctrl-C reaches the bench first.

    Its output goes to a log file, but for standard output when `speaks`: that is read line by line.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        speaks: bool = False,
        more_environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if speaks else sink,
                stderr=sink,
                start_new_session=True,
                env=environment(more_environment or {}),
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def say(self, line: str) -> None:
        """Write one line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Read one JSON line of its standard output."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise StartError(self.complaint())
        heard: dict[str, Any] = json.loads(line)
        return heard

    def complaint(self) -> str:
        """Describe a process that ended or does not serve, with the end of its log."""
        code = self._process.poll()
        state = "does not answer" if code is None else f"ended with status {code}"
        tail = self.log.read_text(errors="replace")[-2000:]
        return f"{' '.join(map(str, self._process.args))[:200]} {state}\n{tail}"  # type: ignore[arg-type]

    def stop(self, patience: float = 5.0) -> None:
        """Close its input, ask it to end, and insist after a while, with all that it started."""
        family = tree([self.pid])
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
            self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for left in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        if self._process.stdout:
            self._process.stdout.close()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with these variables, in which the packages of this checkout are found."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}", **more}


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def wait_until(ready: Callable[[], bool], child: Child, within: float = READY_WITHIN) -> None:
    """Call `ready` until it is true; a child that ends or takes too long is an error."""
    deadline = time.monotonic() + within
    while not ready():
        if not child.is_running or time.monotonic() > deadline:
            raise StartError(child.complaint())
        time.sleep(0.05)


def tree(pids: Iterable[int]) -> list[psutil.Process]:
    """Return these processes and all that descend from them, as far as they live."""
    found: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU time that these processes have used, user and system, all threads.

    On Linux it is the process's CPU clock, which counts nanoseconds; the times in /proc count hundredths.
    """
    total = 0.0
    for process in processes:
        if sys.platform == "linux":
            # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it.
            total += time.clock_gettime((~process.pid << 3) | 2)
        else:
            used = process.cpu_times()
            total += used.user + used.system
    return total
