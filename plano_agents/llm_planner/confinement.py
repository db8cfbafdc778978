"""The planner's process, confined: it starts no program, writes to its own folder only, and reads what it is given.

Python tells an audit hook of such things before they happen, and a hook that is there cannot be taken away again.
https://docs.python.org/3/library/audit_events.html. It says clearly what is refused, but does not hear of everything:
the kernel, where it has Landlock, refuses the rest. Both are second walls: the agent's code asks for none of this
anyway, and what a model says is never run.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from plano_agents import landlock

_NEVER: Final = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "os.startfile",
    "os.kill",
    "os.killpg",
    "pty.spawn",
    "ctypes.dlopen",
)
_OPENS: Final = frozenset(("open", "sqlite3.connect"))
_CHANGES: Final = frozenset(
    ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate",
     "shutil.rmtree", "shutil.move", "shutil.copyfile", "os.utime", "os.setxattr")
)  # fmt: skip
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class ForbiddenAction(PermissionError):
    """The planner tried to do something that it must not."""


def confine(writable: Iterable[Path] = (), readable: Iterable[Path] = ()) -> bool:
    """Confine this process for good; it may write below `writable` only, and read there and below `readable`.

    It comes before other threads do. False where the kernel does not help, so that reading is not confined.
    """
    places = tuple(path.resolve() for path in writable)
    roots = tuple(map(str, places))
    is_held = landlock.restrict(readable, places)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NEVER:
            raise ForbiddenAction(f"a planner does not do this: {event}")
        if event == "open" and not _writes(arguments[1], arguments[2]):
            return
        if event in _OPENS:
            _demand(arguments[0], roots, event)
        elif event == "socket.bind" and isinstance(arguments[1], (str, bytes)):
            _demand(arguments[1], roots, event)
        elif event in _CHANGES:
            for argument in arguments[: 2 if event in ("os.rename", "os.link", "shutil.move") else 1]:
                _demand(argument, roots, event)

    # Compiled modules would be written beside their sources.
    sys.dont_write_bytecode = True
    sys.addaudithook(hook)
    return is_held


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & _WRITING)


def _demand(path: Any, roots: tuple[str, ...], event: str) -> None:
    if isinstance(path, int):
        return
    meant = os.path.realpath(os.fsdecode(path))
    if meant == os.devnull or any(meant == root or meant.startswith(root + os.sep) for root in roots):
        return
    raise ForbiddenAction(f"a planner does not change {meant} ({event})")
