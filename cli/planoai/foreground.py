"""`up --foreground`: the logs on the terminal, and an end when we are told, also as process 1 of a container."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import click

from planoai import tail
from planoai.drain import stop
from planoai.errors import Failure
from planoai.home import Home
from planoai.output import say
from planoai.startup import Started
from planoai.supervise import DRAIN_SECONDS, Supervisor
from planoai.tail import Followed

LOGS = ("access.log", "envoy.log", "extproc.log")


class Signals:
    """What Ctrl-C, SIGTERM and a closed terminal do from here on: they are counted.

    Made while an interruption still undoes the start, so that there is no moment at which one leaves a gateway behind.
    """

    def __init__(self) -> None:
        self.count = 0
        self.raise_next = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.raise_next:
            self.raise_next = False
            raise KeyboardInterrupt


def logs(home: Home) -> list[Followed]:
    """Return the logs to show, from here on."""
    return tail.opened([home.logs / name for name in LOGS])


def stay(started: Started, signals: Signals, shown: Sequence[Followed]) -> int:
    """Show the logs until a signal comes or supervisord ends; return the exit code.

    The first Ctrl-C or SIGTERM drains, a second one stops at once. An end that `planoai down` asked for is 0,
    one that nobody asked for is 1.
    """
    place = started.plan.home
    running = _Child(started.process.pid)
    with suppress(OSError):  # nobody reads our output any more: the terminal or the pipe is gone
        tail.follow(shown, click.echo, until=lambda: signals.count > 0 or running.has_ended())
    if running.has_ended():
        _clear(place)
        return 0 if running.code == 0 else 1
    _say("stopping; once more stops at once")
    signals.raise_next = True
    try:
        stop(place, drain_seconds=DRAIN_SECONDS, note=_say)
    except KeyboardInterrupt:
        stop(place, drain_seconds=0)
    return 0


def _say(text: str) -> None:
    with suppress(OSError):
        say(text)


def _clear(home: Home) -> None:
    """Remove what an end without us left, unless another command is at it, or has started a gateway since."""
    with suppress(Failure), home.locked():
        if Supervisor(home).pid() is None:
            stop(home, drain_seconds=0)


class _Child:
    """supervisord, and as process 1 whatever else is left to us to bury."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.code: int | None = None

    def has_ended(self) -> bool:
        whom = -1 if os.getpid() == 1 else self._pid
        while self.code is None:
            try:
                pid, status = os.waitpid(whom, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._pid:
                self.code = os.waitstatus_to_exitcode(status)
        return True
