"""Looks on: when an answer begins and how long it is, what it used, and what a conversation tells about itself.

What a traced answer cost and when it ended are part of its span: Envoy tells them where nothing else reads it, else it
is read in line. A conversation is read while its provider is at work, when nobody waits for this worker, and in what
guards and filters have left of it; what it tells is then in the access log of every answer, read in line or not.
"""

from functools import partial
from typing import Any

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.reading import UsageReader, demand_usage, tells_usage, usage_of
from plano_extproc.gateway.telemetry.kept_answer import KeptAnswer
from plano_extproc.gateway.telemetry.traced import is_recorded
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Doing, Ending, Rank, Step, Work
from plano_extproc.signals import Report, access_log_fields, counted
from plano_extproc.telemetry import figures


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what looks on at a listener; None where there is neither a trace nor a signal to be had."""
    overrides, tracer = gateway.config.overrides, gateway.tracer
    has_signals = listener.type != "agent" and not overrides.disable_signals
    if not (has_signals or tracer.is_on):
        return None

    def look(work: Work) -> Doing[Reply | None]:
        yield from ()
        ports, surface = gateway.ports, work.ask.surface
        started = ports.clock()
        watched = work.notes[Watched] = Watched(ports.now(), started, started, ports.clock)
        if is_recorded(work.ask.headers) and tells_usage(work):
            demand_usage(work)
            usage_of(work)
            work.edit(Rank.USAGE, watched)
        if surface.endpoint is None and not surface.is_question:
            if has_signals and overrides.signals_on_answer:
                _keep(gateway, work, watched)
            if has_signals or (tracer.captures_messages and listener.type != "agent"):
                watched.read = partial(_read, gateway, work, watched, has_signals=has_signals)
        return None

    return look


def sent(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what has a conversation read, and keeps an answer for its signals that is read in line anyway."""
    reads = listener.type != "agent" and not gateway.config.overrides.disable_signals

    def note(work: Work) -> Doing[Reply | None]:
        yield from ()
        watched: Watched | None = work.notes.get(Watched)
        if watched is not None:
            watched.may_tell = True
            if watched.read is not None:
                gateway.ports.later(watched.read)
            is_read = any(not isinstance(edit, (UsageReader, Watched)) for _, edit in work.edits)
            is_whole = is_read and not work.is_stream and work.ask.surface.endpoint is None
            if reads and is_whole and KeptAnswer not in work.notes:
                _keep(gateway, work, watched)
        return None

    return note if reads or gateway.tracer.is_on else None


def _read(gateway: Gateway, work: Work, watched: Watched, *, has_signals: bool) -> None:
    """Read a conversation, once."""
    if watched.read is None:
        return
    watched.read, found = None, work.request
    if has_signals:
        watched.report = report = gateway.signals.report(work.ask.surface.api, found)
        work.facts.update(access_log_fields(report))
        gateway.ports.metrics.count(figures.QUALITIES, (report.quality.value,))
        _count(gateway, report)
    if gateway.tracer.captures_messages and watched.may_tell:
        watched.words = _last_words(found)


def _keep(gateway: Gateway, work: Work, watched: Watched) -> None:
    """Have the answer kept, and read when all is over."""
    kept = work.notes[KeptAnswer] = KeptAnswer()
    work.edit(Rank.USAGE, kept)

    async def read(ending: Ending) -> None:
        before = watched.report
        if before is None or ending.status >= 300 or (answer := kept.answer(work)) is None:
            return
        report = gateway.signals.report(work.ask.surface.api, work.request, answer)
        _count(gateway, report)
        watched.report = report._replace(new=(*before.new, *report.new))

    work.endings.append(read)


def _count(gateway: Gateway, report: Report) -> None:
    for kind in counted(report):
        gateway.ports.metrics.count(figures.SIGNALS, (kind,))


def _last_words(request: dict[str, Any]) -> str:
    """Return the user's last message, as far as it is text."""
    said = request.get("messages") or request.get("input") or request.get("contents")
    if isinstance(said, str):
        return said
    for message in reversed(said if isinstance(said, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content") or message.get("parts")
            if isinstance(content, str):
                return content
            parts = content if isinstance(content, list) else ()
            texts = (part.get("text") for part in parts if isinstance(part, dict))
            return " ".join(text for text in texts if isinstance(text, str))
    return ""
