"""SIGTERM as Ctrl-C, for commands that have something to clean up."""

import signal
from types import FrameType
from typing import NoReturn


def on_terminate() -> None:
    """Let SIGTERM raise `KeyboardInterrupt` from here on."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
