"""Feeds: when a source of prices or latencies is asked again, and what its last good answer was.

Nobody waits for a source. What fails is tried again soon, then less often, and the last good data stay meanwhile; how
old they are is visible. A source without `refresh_interval` is asked until it has answered once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from plano_extproc.config.routing import CostSource, LatencySource, MetricsSource
from plano_extproc.routing import latencies, prices

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries while a source fails."""

LARGEST: Final = 64 * 1024 * 1024
"""Most bytes that are read from a source."""

_URLS: Final[Mapping[str, str]] = {
    "models.dev": "https://models.dev/api.json",
    "digitalocean": "https://api.digitalocean.com/v2/gen-ai/models/catalog",
}


@dataclass(frozen=True, slots=True)
class Feed:
    """One source and what came of it. Times are seconds since 1970; `due` is when it is asked next, None for never.

    `table` is the last good answer, `error` says why the newest try failed, None where it did not.
    """

    source: MetricsSource
    due: float | None = 0.0
    table: Mapping[str, Any] | None = field(default=None, repr=False)
    good_at: float | None = None
    failures: int = 0
    error: str | None = None

    @property
    def name(self) -> str:
        """Return `type:provider`, for logs and metrics."""
        return f"{self.source.type}:{self.source.provider}"

    @property
    def where(self) -> str:
        """Return the URL to ask, or the path of the file to read."""
        match self.source:
            case CostSource(path=str(path)):
                return path
            case CostSource(url=url, provider=provider):
                return (url or _URLS[provider]).removeprefix("file://")
            case LatencySource(url=url, query=query):
                base = urlsplit(url)
                path = f"{base.path.rstrip('/')}/api/v1/query"
                asked = "&".join(part for part in (base.query, urlencode({"query": query})) if part)
                return urlunsplit(base._replace(path=path, query=asked))

    @property
    def is_file(self) -> bool:
        """Return whether `where` is a path."""
        return not self.where.startswith(("http://", "https://"))

    def is_due(self, now: float) -> bool:
        """Return whether it is time to ask."""
        return self.due is not None and now >= self.due

    def age(self, now: float) -> float | None:
        """Return how old the data are, in seconds; None where there are none."""
        return None if self.good_at is None else max(now - self.good_at, 0.0)

    def parsed(self, body: bytes) -> Mapping[str, Any]:
        """Return the table in an answer. Raises `prices.UnreadableFeed`."""
        if isinstance(self.source, LatencySource):
            return latencies.read(body)
        return prices.read(self.source.provider, body, self.source.model_aliases)

    def succeeded(self, table: Mapping[str, Any], now: float) -> "Feed":
        """Return the feed with good data."""
        interval = self.source.refresh_interval
        due = None if interval is None else now + interval
        return replace(self, table=table, good_at=now, due=due, failures=0, error=None)

    def failed(self, error: str, now: float) -> "Feed":
        """Return the feed after a failure; its data stay."""
        pause = min(FIRST_PAUSE * 2.0 ** min(self.failures, 30), LONGEST_PAUSE)
        interval = self.source.refresh_interval
        # A source that is asked often anyway is not asked less often for a single failure.
        pause = pause if interval is None else min(pause, float(interval))
        return replace(self, failures=self.failures + 1, error=error, due=now + pause)


def bound(length: int) -> None:
    """Raise `UnreadableFeed` where a source is larger than may be read."""
    if length > LARGEST:
        raise prices.UnreadableFeed(f"is larger than {LARGEST} bytes")
