"""The loop of a program that answers commands: a line of JSON each, see tests/clients/driver.py."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def serve(clients: dict[str, Callable[[Json], Json]]) -> None:
    """Answer every command with the client that it names. What libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            told = clients[command["client"]](command)
        except Exception as error:  # noqa: BLE001
            told = {"error": _told(error)}
        print(json.dumps(told), file=out, flush=True)


def _told(error: Exception) -> Json:
    status = getattr(error, "status_code", None)
    return {"type": type(error).__name__, "status": status, "message": str(error)}


SYSTEM = "Be brief."
QUESTION = "How is the weather in Paris?"


def weather(city: str) -> str:
    """Answer for the tool that every client offers."""
    return f"18 degrees in {city}"
