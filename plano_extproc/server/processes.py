"""Several workers under one parent: spawn them, pass signals on, restart what dies."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

_log = logging.getLogger(__name__)

_RESTART_PAUSE = 1.0
_POLL_SECONDS = 0.2


class Processes:
    """A parent of worker processes. It knows their command lines, and nothing of what they do."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._commands = commands
        self._children: list[subprocess.Popen[bytes]] = []
        self._is_stopping = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, then wait for every worker to drain. Returns an exit code.

        A worker that dies within its first second makes the parent stop the others and return 1: what cannot
        start will not start the next time either.
        """
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        signal.signal(signal.SIGINT, lambda *_: self._stop())
        signal.signal(signal.SIGHUP, lambda *_: self._send(signal.SIGHUP))
        born = []
        for command in self._commands:
            self._children.append(self._spawn(command))
            born.append(time.monotonic())
        failed = False
        while any(child.poll() is None for child in self._children) or not self._is_stopping:
            time.sleep(_POLL_SECONDS)
            for index, child in enumerate(self._children):
                if child.poll() is None or self._is_stopping:
                    continue
                if time.monotonic() - born[index] < _RESTART_PAUSE:
                    failed = True
                    self._stop()
                    continue
                _log.warning("worker %d (pid %d) ended with %s; starting another", index, child.pid, child.returncode)
                self._children[index] = self._spawn(self._commands[index])
                born[index] = time.monotonic()
        return int(failed)

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "plano_extproc", *command])

    def _stop(self) -> None:
        self._is_stopping = True
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(number)
