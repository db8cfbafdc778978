"""Free loopback ports, chosen at run time.

They lie below those that the system gives to connections and to servers that do not care, so that nobody takes one
between its choice and its use. Processes that test at the same time claim theirs in one file, a byte for each port;
a claim ends with its process.
"""

import fcntl
import itertools
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import IO

FIRST, LAST = 15_000, 32_000
_begin = random.SystemRandom().randrange(FIRST, LAST)
_candidates = itertools.cycle((*range(_begin, LAST), *range(FIRST, _begin)))
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nothing listens on, and that nobody who tests on this machine has or gets but us."""
    port = next(port for port in itertools.islice(_candidates, LAST - FIRST) if _is_free(port) and _is_claimed(port))
    _given.add(port)
    return port


def _is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                if family == socket.AF_INET or _has_ipv6():
                    return False
    return True


def _is_claimed(port: int) -> bool:
    """Claim a port; return whether nobody had. Our own claims do not hinder us, so they are remembered."""
    if port in _given:
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _claims() -> IO[bytes]:
    # Held for as long as the process lives: to close it would end the claims.
    return (Path(tempfile.gettempdir()) / f"plano-test-ports-{os.getuid()}.lock").open("wb")


@cache
def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
