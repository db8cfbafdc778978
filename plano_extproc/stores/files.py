"""Files of databases: private, and made before SQLite makes them readable for others."""

import os
from contextlib import suppress
from pathlib import Path


def make_private(path: Path) -> None:
    """Make a file and its folder, readable by their owner alone; one that is there is left untouched.

    A database that is there must not even be opened here: whoever closes a descriptor of a file gives up all locks that
    its process has on it, those of SQLite's connections among them. Another process would then take itself for the last
    one, and remove the log from under the first: https://www.sqlite.org/howtocorrupt.html, section 2.2.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
