"""Installs the packages of real clients, once for each set of pinned versions, into `.cache/clients` of the checkout.

A folder is named after the digest of what pins it, and holds a stamp when it is complete. Processes that want the same
folder at once wait for the first of them.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "clients"
_STAMP = ".complete"


def python_clients() -> Path:
    """Return the interpreter of an environment that holds `python/requirements.txt`."""
    return _installed("python", HERE / "python" / "requirements.txt", _install_python) / "bin" / "python"


def node_clients() -> Path:
    """Return a folder whose `node_modules` holds `node/package-lock.json`."""
    return _installed("node", HERE / "node" / "package-lock.json", _install_node)


def coding_agents() -> Path:
    """Return a folder whose `node_modules` holds `agents/package-lock.json`."""
    return _installed("agents", HERE / "agents" / "package-lock.json", _install_node)


def missing_node() -> str | None:
    """Say why Node packages cannot run here, or None."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"not found on PATH: {', '.join(missing)}" if missing else None


def _installed(kind: str, pins: Path, install: Callable[[Path, Path], None]) -> Path:
    machine = f"{sys.platform} {platform.machine()} {sys.version_info[:2]}"
    digest = hashlib.sha256(pins.read_bytes() + machine.encode()).hexdigest()[:16]
    folder = CACHE / f"{kind}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _STAMP).exists():
            for old in CACHE.glob(f"{kind}-*"):
                shutil.rmtree(old)
            folder.mkdir()
            install(folder, pins)
            (folder / _STAMP).touch()
    return folder


def _install_python(folder: Path, pins: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(pins)], folder)


def _install_node(folder: Path, pins: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pins.with_name(name), folder)
    # No package's own script runs: the agents carry their programs in packages for each platform.
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=540, check=False)
    if done.returncode != 0:
        # A machine without the registries can still run everything else.
        last = (done.stderr or done.stdout).strip()[-500:]
        pytest.skip(
            f"real clients cannot be installed here: {' '.join(command[:4])} ended with {done.returncode}: {last}"
        )
