"""TCP ports: is one free, who holds it, which one to take."""

import errno
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

from planoai.errors import Failure

LOOPBACK = "127.0.0.1"


def problem(address: str, port: int) -> OSError | None:
    """Return why a listener cannot be opened there, or None when it can."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As Envoy does, so that connections in TIME_WAIT do not count. SO_REUSEPORT is left out:
            # with it a second gateway would share the port instead of being refused.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
    except OSError as reason:
        return reason
    return None


def explain(address: str, port: int, reason: OSError) -> str:
    """Return one sentence that says why a listener cannot be opened, and who stands in the way."""
    if reason.errno == errno.EADDRINUSE:
        return f"port {port} is in use by {holder(port)}"
    if reason.errno == errno.EACCES:
        return f"port {port} may not be opened by this user (ports below 1024 often need root)"
    return f"{address}:{port} cannot be opened: {reason.strerror or reason}"


def holder(port: int) -> str:
    """Return the words for whoever listens on a port, as far as the system tells us."""
    import psutil  # only a failing start needs it

    try:
        found = [
            entry.pid
            for entry in psutil.net_connections(kind="tcp")
            if entry.status == psutil.CONN_LISTEN and entry.laddr and entry.laddr.port == port
        ]
    except (psutil.Error, OSError):
        found = []
    for pid in found:
        if pid is None:
            continue
        try:
            process = psutil.Process(pid)
            name = f"{process.name()} (pid {pid})"
            run = process.environ().get("PLANO_RUN")
        except (psutil.Error, OSError):
            return f"process {pid}"
        return f"{name} of the gateway in PLANO_HOME={Path(run).parent}" if run else name
    return "another process, which this user may not see"


def choose(
    environ: Mapping[str, str], variable: str, usual: int, taken: Collection[int], *, option: int | None = None
) -> int:
    """Return the loopback port that `--port` (`option`) asks for, else a variable.

    Unset means the usual one or the next that is free, 0 means any free one, a number means that one or an error.
    `taken` are ports that something else of ours is about to open.
    """
    port = named(environ, variable) if option is None else option
    asked = f"{variable}=" if option is None else "--port "
    if port is None:
        for candidate in range(usual, usual + 200):
            if candidate not in taken and problem(LOOPBACK, candidate) is None:
                return candidate
        raise Failure(f"no port from {usual} to {usual + 199} is free on loopback", f"set {variable}=0 for any")
    if port == 0:
        return free(taken)
    if port in taken:
        raise Failure(f"{asked}{port} is the port of a listener too", f"choose another one, or {asked}0 for any")
    if (reason := problem(LOOPBACK, port)) is not None:
        raise Failure(f"{asked}{port}: {explain(LOOPBACK, port, reason)}", f"free it, or choose {asked}0 for any port")
    return port


def named(environ: Mapping[str, str], variable: str) -> int | None:
    """Return the port that a variable names, or None when it is unset or empty."""
    text = environ.get(variable, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > 65535:
        raise Failure(f"{variable}={text} is not a port", "give a number from 0 to 65535; 0 means any free port")
    return int(text)


def free(taken: Collection[int] = ()) -> int:
    """Return a port that is free on loopback and is not among `taken`."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
