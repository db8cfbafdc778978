"""The processes of one gateway: found by the PLANO_HOME in their environment, so that only ours are ever ended."""

import contextlib
from pathlib import Path

import psutil


def of_home(home: Path) -> list[psutil.Process]:
    """Return every process whose PLANO_HOME is this one, but for the caller's own."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get("PLANO_HOME") == str(home) and process.pid != psutil.Process().pid:
                found.append(process)
    return found


def end(processes: list[psutil.Process]) -> None:
    """Kill processes, by id, and wait for their end."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
