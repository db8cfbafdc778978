"""Where a worker and Envoy meet on one machine."""

from collections.abc import Sequence
from typing import Final

_EGRESS: Final = "egress.sock"


def egress(workers: Sequence[str]) -> str | None:
    """Return where Envoy takes the workers' own requests: a socket beside theirs. None where they have no sockets."""
    first = workers[0] if workers else ""
    if not first.startswith("unix:"):
        return None
    return f"{first.rpartition('/')[0]}/{_EGRESS}"
