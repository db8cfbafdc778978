"""What a worker takes of the machine, under the names that Prometheus' clients have for it.

Where there is no /proc, only processor time and the limit of files are told.
"""

import os
import resource
from pathlib import Path
from typing import Final

from plano_extproc.telemetry import figures

_SELF: Final = Path("/proc/self")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Process:
    """The process that it is in. `period` is the time in seconds between two looks at it."""

    def __init__(self, period: float = 10.0) -> None:
        self._period = period
        self._due = 0.0
        self._seconds = 0.0

    def tick(self, now: float) -> None:
        """Look at it where that is due; `now` is a monotonic clock's, in seconds."""
        if now < self._due:
            return
        self._due = now + self._period
        spent = os.times()
        figures.PROCESS_CPU.inc(spent.user + spent.system - self._seconds)
        self._seconds = spent.user + spent.system
        figures.PROCESS_MAX_FDS.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if _SELF.exists():
            pages = (_SELF / "statm").read_text().split()
            figures.PROCESS_VIRTUAL.set(int(pages[0]) * _PAGE)
            figures.PROCESS_RESIDENT.set(int(pages[1]) * _PAGE)
            figures.PROCESS_FDS.set(sum(1 for _ in (_SELF / "fd").iterdir()))
            # Behind the name, which may hold spaces and brackets.
            rest = (_SELF / "stat").read_text().rpartition(")")[2].split()
            figures.PROCESS_THREADS.set(int(rest[_THREADS]))
            figures.PROCESS_START.set(_booted() + int(rest[_STARTED]) / _TICKS)


def _booted() -> float:
    """Return when the machine started, in seconds since 1970."""
    lines = Path("/proc/stat").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("btime")).split()[1])


_THREADS: Final = 17
_STARTED: Final = 19
"""Places in /proc/self/stat behind the name (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""
