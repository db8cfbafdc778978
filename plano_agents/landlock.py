"""Landlock: the kernel lets a process read and write below some folders only, and start no program, for good.

https://docs.kernel.org/userspace-api/landlock.html. No privilege is needed, and nothing undoes it. It holds for the
thread that asks and all that it starts from then on, so it comes before other threads do.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from plano_extproc import resources


def restrict(readable: Iterable[Path] = (), writable: Iterable[Path] = ()) -> bool:
    """Restrict this process to these folders, and to what Python itself reads. False where the kernel has no Landlock.

    Raises `OSError` where it has, and refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    if version < 1:
        return False
    handled = sum(right for right, since in _RIGHTS.items() if since <= version)
    scoped = _SIGNALS if version >= _SCOPES_SINCE else 0
    size = 8 if version < _NETWORK_SINCE else 16 if version < _SCOPES_SINCE else 24
    attributes = struct.pack("=QQQ", handled, 0, scoped)[:size]
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    _demand(rules)
    try:
        for path in (*readable, *_of_python()):
            _allow(libc, rules, path, _READ)
        _allow(libc, rules, Path(os.devnull), _READ | _WRITE_FILE)
        for path in writable:
            _allow(libc, rules, path, handled & ~_NEVER)
        _demand(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _demand(libc.syscall(_RESTRICT_SELF, rules, ctypes.c_uint32(0)))
    finally:
        os.close(rules)
    return True


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    """Allow something at a path and below; a path that is not there needs no rule."""
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        # Of a file only those that are about files.
        given = rights if path.is_dir() else rights & (_READ_FILE | _WRITE_FILE)
        rule = struct.pack("=Qi", given, found)
        _demand(libc.syscall(_ADD_RULE, rules, ctypes.c_int(_BENEATH), rule, ctypes.c_uint32(0)))
    finally:
        os.close(found)


def _demand(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")


def _of_python() -> Iterator[Path]:
    """Yield what a Python program reads by itself: modules, libraries, names of hosts, certificates, time zones."""
    ours = Path(__file__).parent
    yield from (ours, ours.parent / "plano_extproc", resources.path("config"))
    # Not all of `sys.path`: its first entry is the folder that the program was started in.
    yield from map(Path, {sys.prefix, sys.base_prefix, *(path for path in sys.path if path.endswith("-packages"))})
    yield from map(Path, _SYSTEM)
    yield from (Path(value) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if (value := os.environ.get(name)))


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls, the same on every architecture that has Landlock."""

_ASK_VERSION, _BENEATH, _NO_NEW_PRIVILEGES, _SIGNALS = 1, 1, 38, 2
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_READ: Final = _READ_FILE | _READ_DIR
_DEVICES: Final = (1 << 6) | (1 << 11)
_NEVER: Final = _EXECUTE | _DEVICES
_RIGHTS: Final = {1 << bit: 1 for bit in range(13)} | {1 << 13: 2, 1 << 14: 3, 1 << 15: 5}
"""All rights about files, and the version of Landlock that brought each."""

_SYSTEM: Final = (
    "/usr", "/lib", "/lib64", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/localtime",
    "/etc/ld.so.cache", "/etc/passwd", "/etc/mime.types", "/dev/urandom", "/proc/self", "/proc/meminfo", "/proc/stat",
    "/sys/devices/system/cpu", "/run/systemd/resolve",
)  # fmt: skip
