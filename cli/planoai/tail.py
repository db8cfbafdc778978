"""The end of log files, and what is added to them."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_BLOCK = 64 * 1024
_PAUSE = 0.2


def last_lines(path: Path, count: int, *, since: int = 0) -> list[str]:
    """Return up to `count` last lines of a file, none of them from before the offset `since`."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            if since > end:  # it was emptied meanwhile
                since = 0
            start, blocks, breaks = end, deque[bytes](), 0
            while start > since and breaks <= count:
                size = min(_BLOCK, start - since)
                start -= size
                file.seek(start)
                blocks.appendleft(file.read(size))
                breaks += blocks[0].count(b"\n")
    except OSError:
        return []
    return b"".join(blocks).decode("utf-8", "replace").splitlines()[-count:] if count else []


@dataclass(slots=True)
class Followed:
    """A file that is read as it grows; each of its lines is led by `prefix`."""

    path: Path
    prefix: str
    file: IO[bytes] | None = None
    rest: bytes = field(default=b"")

    def skip(self) -> None:
        """Leave out what the file holds already."""
        if self.path.exists():
            self.file = self.path.open("rb")
            self.file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Let the file go."""
        if self.file is not None:
            self.file.close()

    def lines(self) -> list[str]:
        """Return what was added since the last call; a file that was replaced or emptied is read from its start."""
        try:
            if self.file is None:
                self.file = self.path.open("rb")
            found, mine = self.path.stat(), os.fstat(self.file.fileno())
            if found.st_ino != mine.st_ino:
                self.file.close()
                self.file = self.path.open("rb")
            elif found.st_size < self.file.tell():
                self.file.seek(0)
            added = self.rest + self.file.read()
        except OSError:
            return []
        whole, newline, self.rest = added.rpartition(b"\n")
        return [self.prefix + line for line in whole.decode("utf-8", "replace").split("\n")] if newline else []


def opened(paths: Sequence[Path], *, from_end: bool = True) -> list[Followed]:
    """Return files to be followed, from where they end at this moment or from their beginnings.

    Of several files each line is led by its file's name.
    """
    followed = [Followed(path, f"[{path.stem}] " if len(paths) > 1 else "") for path in paths]
    if from_end:
        for entry in followed:
            entry.skip()
    return followed


def follow(followed: Sequence[Followed], write: Callable[[str], None], *, until: Callable[[], bool]) -> None:
    """Write each line that is added to the files, until asked to end. Files that do not exist are waited for.

    Ends after one more look, so that nothing is missed.
    """
    try:
        ended = False
        while not ended:
            ended = until()
            lines = [line for entry in followed for line in entry.lines()]
            for line in lines:
                write(line)
            if not lines and not ended:
                time.sleep(_PAUSE)
    finally:
        for entry in followed:
            entry.close()
