"""Short questions over HTTP to what we started: a listener's readiness, Envoy's admin interface.

Every call has a time-out and answers None when nobody answers: a caller polls, and decides how long.
"""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from planoai.state import Endpoint

TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that was read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply | None:
    """Return the answer to one request; None when there is none, for whatever reason."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def is_ready(endpoint: Endpoint) -> bool:
    """Say whether a worker serves this listener's configuration."""
    reply = ask(f"{endpoint.url}/readyz")
    return reply is not None and reply.status == 200


@dataclass(frozen=True, slots=True)
class Updates:
    """How often Envoy took or refused watched files; `warming` while a new cluster is not usable yet."""

    accepted: int
    rejected: int
    warming: bool


@dataclass(frozen=True, slots=True)
class Admin:
    """Envoy's admin interface on loopback."""

    port: int

    def stats(self, pattern: str) -> dict[str, int] | None:
        """Return counters and gauges whose names match a regular expression; None when Envoy does not answer."""
        reply = ask(f"http://127.0.0.1:{self.port}/stats?format=json&filter={pattern}")
        if reply is None or reply.status != 200:
            return None
        try:
            found = json.loads(reply.body)["stats"]
        except (ValueError, KeyError, TypeError):
            return None
        return {entry["name"]: int(entry["value"]) for entry in found if "value" in entry}

    def updates(self, kind: str = "(cds|rds|lds)") -> Updates | None:
        """Return what became of the files of a kind (`cds`, `rds`, `lds`) since Envoy started."""
        found = self.stats(rf"(%5C.{kind}%5C..*update_(success|rejected)$|warming_clusters$)")
        if found is None:
            return None
        accepted = sum(count for name, count in found.items() if name.endswith("update_success"))
        rejected = sum(count for name, count in found.items() if name.endswith("update_rejected"))
        return Updates(accepted, rejected, found.get("cluster_manager.warming_clusters", 0) > 0)

    def active_requests(self) -> int | None:
        """Return how many requests of clients are in flight."""
        found = self.stats(r"^http\..*\.downstream_rq_active$")
        if found is None:
            return None
        return sum(count for name, count in found.items() if not name.startswith("http.admin."))

    def drain(self) -> bool:
        """Ask clients to leave: answers say `connection: close`, listeners stay open until Envoy ends."""
        reply = ask(f"http://127.0.0.1:{self.port}/drain_listeners?graceful&skip_exit", method="POST")
        return reply is not None and reply.status == 200
