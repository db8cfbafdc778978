"""The rim that every process of the bench shares: say what is ready, end when the bench ends.

A child writes one JSON line when it can serve, and it ends when its standard input closes. So nothing is
left running, even when the bench itself is killed.
"""

import asyncio
import json
import sys


def announce(**facts: object) -> None:
    """Say that this process is ready, and where."""
    print(json.dumps(facts), flush=True)


async def until_input_closes() -> None:
    """Wait for the end of standard input."""
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), closed.set)
    try:
        await closed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
