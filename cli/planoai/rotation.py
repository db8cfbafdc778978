"""Keeps logs small: a full file is copied aside and emptied in place.

All writers append, and several share a file: emptying needs no word to any of them. A line that is written between
the last copy and the emptying is lost; the copy is repeated until it has caught up, so that this is a matter of
microseconds.
"""

import os
import shutil
from pathlib import Path

MAX_BYTES = 50 * 1024 * 1024
KEPT = 3


def rotate(folder: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
    """Rotate every `*.log` of a folder that has grown past the limit. Errors are left for the next time."""
    for path in sorted(folder.glob("*.log")):
        try:
            if path.name != "supervisord.log" and path.stat().st_size > max_bytes:
                _rotate(path, kept)
        except OSError:
            continue


def _rotate(path: Path, kept: int) -> None:
    for number in range(kept - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    aside = os.open(path.with_name(f"{path.name}.1"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(aside, "wb") as target:
        while source.tell() < path.stat().st_size:
            shutil.copyfileobj(source, target)
        os.truncate(path, 0)
