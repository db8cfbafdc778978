"""Looks at everything that the page shows, over and over, and keeps the latest of it.

What blocks runs in threads; pages only read what is here, so ten of them cost as much as one.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from plano_extproc.config import Config
from planoai import state as states
from planoai import tail
from planoai.collector.calls import Prices, call_of
from planoai.collector.client import Client, Foreign, Trace, Unreachable
from planoai.collector.spans import milliseconds, start
from planoai.collector.tree import error_of
from planoai.commands.status import status
from planoai.console import configuration, governance, health
from planoai.console.exchanges import Exchanges
from planoai.home import Home

_LOG_PAUSE: Final = 0.2
_SPANS_PAUSE: Final = 0.3
_HEALTH_PAUSE: Final = 1.0
_STATUS_EVERY: Final = 5
"""Looks at Envoy and the figures between two looks at processes and listeners."""

_LINES: Final = 500
_TRACES: Final = 300


class Watch:
    """What is known of one gateway. `version` grows whenever `gauges` has changed; `is_over` ends what streams."""

    def __init__(self, home: Home, collector: Client | None, prices: Prices, environ: Mapping[str, str]) -> None:
        self.home = home
        self.collector = collector
        self.exchanges = Exchanges()
        self.traces: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.gauges: dict[str, Any] = {}
        self.version = 0
        self.is_over = False
        self.state: states.State | None = None
        self._prices = prices
        self._environ = environ
        self._after = 0
        self._looks = 0
        self._configured = -1
        self._config: Config | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        log = tail.Followed(self.home.logs / "access.log", "")
        log.skip()
        for line in tail.last_lines(log.path, _LINES):
            self.exchanges.take_line(line)
        await asyncio.gather(
            _often(_LOG_PAUSE, lambda: self._read_log(log)),
            _often(_SPANS_PAUSE, self._read_spans),
            _often(_HEALTH_PAUSE, self._read_health),
            _often(_HEALTH_PAUSE, self._read_governance),
        )

    async def _read_log(self, log: tail.Followed) -> None:
        for line in log.lines():
            self.exchanges.take_line(line)

    async def _read_spans(self) -> None:
        collector = self.collector
        if collector is None:
            return
        try:
            info = await asyncio.to_thread(collector.info)
            sequence = int(info["sequence"])
            if sequence == self._after:
                return
            if sequence < self._after:  # another one has taken its place
                self._after = 0
            for trace in reversed(await asyncio.to_thread(collector.traces, after=self._after, limit=_TRACES)):
                self._take(trace)
            self._after = sequence
            self._tell(collector={key: info[key] for key in ("received", "dropped", "spans")})
        except (Unreachable, Foreign) as error:
            self._tell(collector={"error": str(error)})

    def _take(self, trace: Trace) -> None:
        for span in trace:
            if (call := call_of(span, self._prices)) is not None:
                self.exchanges.take_call(call, span)
        first = min(trace, key=start)
        known = {span["spanId"] for span in trace}
        root = next((span for span in sorted(trace, key=start) if span["parentSpanId"] not in known), first)
        self.traces[trace[0]["traceId"]] = {
            "trace_id": trace[0]["traceId"],
            "at": start(first) / 1e9,
            "ms": round(milliseconds(trace), 2),
            "spans": len(trace),
            "name": root["name"],
            "service": root["service"],
            "services": sorted({span["service"] for span in trace}),
            "error": next((error for span in trace if (error := error_of(span))), None),
        }
        self.traces.move_to_end(trace[0]["traceId"])
        if len(self.traces) > _TRACES:
            self.traces.popitem(last=False)

    async def _read_health(self) -> None:
        self.state = state = states.load(self.home)
        if state is None:
            self._configured = -1
            self._tell(
                gateway={"running": False, "home": str(self.home.root)}, clusters=None, figures=None, config=None
            )
            return
        clusters, figures = await asyncio.gather(
            asyncio.to_thread(health.clusters, state.admin_port), asyncio.to_thread(health.figures, state.metrics_port)
        )
        if self._looks % _STATUS_EVERY == 0 or state.generation != self._configured:
            found = await asyncio.to_thread(status, self.home)
            self._tell(gateway={key: found[key] for key in found if key != "uptime_seconds"})
        self._looks += 1
        if state.generation != self._configured:
            self._configured = state.generation
            self._tell(config=await asyncio.to_thread(self._configuration, state))
        self._tell(clusters=clusters, figures=figures, sums=self.exchanges.sums())

    async def _read_governance(self) -> None:
        config = self._config
        if config is None or self.state is None:
            self._tell(governance=None)
        else:
            self._tell(governance=await asyncio.to_thread(governance.standing, config, self.home))

    def _configuration(self, state: states.State) -> dict[str, Any]:
        config = self._config = configuration.read(self.home, self._environ)
        about = {
            "file": state.file,
            "generation": state.generation,
            "last_generation": state.last_generation,
            "started_at": state.started_at,
        }
        if config is None:
            return {**about, "problem": "this shell lacks variables that the file uses, so it cannot be shown"}
        names = [provider.name for provider in config.model_providers if not provider.is_wildcard]
        return {
            **about,
            "shown": configuration.shown(config),
            "models": [*names, *config.model_aliases],
            "serving": configuration.serving(config),
        }

    def _tell(self, **gauges: Any) -> None:
        if any(self.gauges.get(name, ...) != value for name, value in gauges.items()):
            self.gauges.update(gauges)
            self.version += 1


async def _often(pause: float, look: Callable[[], Awaitable[None]]) -> None:
    while True:
        began = time.monotonic()
        with contextlib.suppress(OSError):  # a log that is being replaced, a port that is being closed
            await look()
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
