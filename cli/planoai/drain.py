"""Ending a gateway: requests in flight first, then processes, then files."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from planoai import state as states
from planoai.home import Home
from planoai.probe import Admin
from planoai.supervise import DRAIN_SECONDS, Supervisor, strays

_STOP_SECONDS = DRAIN_SECONDS + 20
"""Longer than supervisord gives Envoy and the workers together; past it they are killed."""


def stop(home: Home, *, drain_seconds: float, note: Callable[[str], None] = lambda _text: None) -> bool:
    """Stop whatever runs for this home and remove its files. Return whether anything ran.

    What is written in the home is used where it can be read, and not needed: supervisord is found by its socket,
    and what answers no longer by the environment that every process of ours carries.
    """
    supervisor = Supervisor(home)
    pid = supervisor.pid()
    if pid is not None:
        state = states.load(home)
        if state is not None and drain_seconds > 0:
            drain(Admin(state.admin_port), drain_seconds, note)
        _shut_down(supervisor, pid, at_once=drain_seconds == 0)
    left = strays(home)
    end(left)
    home.clear()
    return pid is not None or bool(left)


def drain(admin: Admin, seconds: float, note: Callable[[str], None]) -> None:
    """Wait until no request is in flight, but no longer than told."""
    if not admin.drain():
        return
    deadline = time.monotonic() + seconds
    told = False
    while (active := admin.active_requests()) and time.monotonic() < deadline:
        if not told:
            note(f"waiting up to {seconds:g} s for {active} request{'s' if active > 1 else ''} in flight")
            told = True
        time.sleep(0.1)


def _shut_down(supervisor: Supervisor, pid: int, *, at_once: bool) -> None:
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    programs = supervisor.programs() or []
    supervisor.shutdown()
    if at_once:
        for child in (program.pid for program in programs if program.pid):
            with suppress(psutil.Error):
                psutil.Process(child).kill()
    deadline = time.monotonic() + _STOP_SECONDS  # what is left then is found by `strays`
    while _lives(process) and time.monotonic() < deadline:
        # supervisord looks after its children once a second, and whenever it is asked something.
        supervisor.pid()
        time.sleep(0.05)


def end(processes: list[psutil.Process]) -> None:
    """End processes: asked first, killed where that does not help."""
    for act, patience in (("terminate", 5.0), ("kill", 5.0)):
        for process in processes:
            try:
                getattr(process, act)()
            except psutil.Error:
                continue
        processes = _await_end(processes, patience)
        if not processes:
            return


def _await_end(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until all have ended, and return those that have not.

    One that nobody has buried yet has ended too: in a container without an init it stays a zombie for ever.
    """
    deadline = time.monotonic() + seconds
    while (processes := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return processes


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
