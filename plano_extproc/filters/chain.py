"""Filters in their order: each gets what the one before made of the content."""

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson

from plano_extproc.errors import BadProviderAnswer, GatewayError, Relayed, TimedOut
from plano_extproc.filters import http, mcp
from plano_extproc.filters.mcp import Sessions
from plano_extproc.filters.service import Filter, FilterFailed, Outcome, Passing, Record
from plano_extproc.flow import Flow

T = TypeVar("T", bytes, str)


def run(filters: Sequence[Filter], body: bytes, passing: Passing, sessions: Sessions) -> Flow[bytes]:
    """Return a whole JSON body, a request's or an answer's, as the filters want it; the same bytes if none objects.

    Raises `Relayed` with the words of the filter that refuses, `BadProviderAnswer` or `TimedOut` for one that failed
    and may not be skipped.
    """
    for filter_ in filters:
        body = yield from _one(filter_, body, passing, _json(filter_, body, passing, sessions))
    return body


def run_events(filters: Sequence[Filter], events: bytes, passing: Passing, sessions: Sessions) -> Flow[bytes]:
    """Return whole events of a stream as the filters want them. Raises as `run`; then the stream cannot go on."""
    for filter_ in filters:
        if not events:
            break
        events = yield from _one(filter_, events, passing, _events(filter_, events, passing, sessions))
    return events


def run_text(filters: Sequence[Filter], text: str, passing: Passing, sessions: Sessions) -> Flow[str]:
    """Return a window of a stream's text as the filters want it. Raises as `run`; then the stream cannot go on."""
    for filter_ in filters:
        if not text:
            break
        text = yield from _one(filter_, text, passing, _text(filter_, text, passing, sessions))
    return text


def _one(filter_: Filter, content: T, passing: Passing, call: Flow[T]) -> Flow[T]:
    began = passing.clock()

    def report(outcome: Outcome, reason: str = "") -> None:
        passing.report(Record(filter_.id, filter_.kind, outcome, passing.clock() - began, reason))

    try:
        made = yield from call
    except Relayed as refused:
        report("refused", f"status {refused.status}")
        raise
    except FilterFailed as failed:
        report("skipped" if filter_.may_skip else "failed", failed.reason)
        if filter_.may_skip:
            return content
        raise _told(filter_, failed) from None
    except GeneratorExit:
        report("failed", "given up")
        raise
    report("unchanged" if made == content else "changed")
    return made


def _told(filter_: Filter, failed: FilterFailed) -> GatewayError:
    kind = TimedOut if failed.is_late else BadProviderAnswer
    return kind(f"filter '{filter_.id}' {failed.reason}, and requests may not pass without it", code="filter_failed")


def _json(filter_: Filter, body: bytes, passing: Passing, sessions: Sessions) -> Flow[bytes]:
    if filter_.kind == "http":
        made = yield from http.call(filter_, body, b"application/json", passing)
        if made is not body and not isinstance(_parsed(made), dict):
            raise FilterFailed("answered with something that is no JSON object")
        return made
    before = _parsed(body)
    after = yield from mcp.call(filter_, before, passing, sessions)
    after = _parsed(after.encode()) if isinstance(after, str) else after
    if not isinstance(after, dict):
        raise FilterFailed("answered with something that is no JSON object")
    return body if after == before else orjson.dumps(after)


def _events(filter_: Filter, events: bytes, passing: Passing, sessions: Sessions) -> Flow[bytes]:
    if filter_.kind == "http":
        return (yield from http.call(filter_, events, b"text/event-stream", passing))
    return (yield from _text(filter_, events.decode("utf-8", "replace"), passing, sessions)).encode()


def _text(filter_: Filter, text: str, passing: Passing, sessions: Sessions) -> Flow[str]:
    if filter_.kind == "http":
        made = yield from http.call(filter_, text.encode("utf-8", "replace"), b"text/plain; charset=utf-8", passing)
        return made.decode("utf-8", "replace")
    after = yield from mcp.call(filter_, text, passing, sessions)
    if not isinstance(after, str):
        raise FilterFailed("answered with something that is no text")
    return after


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
