"""Filters of type http: the client's bytes go to `<url><path>`, and what comes back goes on.

A status of 2xx is the new content, 204 leaves it as it is. 4xx refuses, with words for the client. All else is a
filter that failed.
"""

from typing import Final

import orjson

from plano_extproc.errors import Relayed
from plano_extproc.filters.service import Deadline, Filter, FilterFailed, Passing
from plano_extproc.flow import Callout, CalloutFailed, Flow, Reply, ask

_LONGEST_MESSAGE: Final = 2000
_WORDS: Final = ("message", "detail", "error", "reason", "msg")

FAILURES: Final = {
    "timeout": "did not answer in time",
    "unreachable": "could not be reached",
    "reset": "hung up",
    "too_large": "answered more than the gateway takes",
}
"""What a lost question means, in words."""


def call(filter_: Filter, content: bytes, content_type: bytes, passing: Passing) -> Flow[bytes]:
    """Return the content as the filter wants it. Raises `Relayed` for its refusal, else `FilterFailed`."""
    reply = yield from asked(
        filter_,
        filter_.upstream.at(passing.path),
        passing.headers(filter_, ("content-type", content_type), ("accept", content_type)),
        content,
        Deadline(passing.clock, filter_.timeout),
    )
    if reply.status == 204:
        return content
    if 200 <= reply.status < 300:
        return reply.body
    raise refusal(filter_, reply)


def asked(
    filter_: Filter, path: str, headers: tuple[tuple[str, bytes], ...], body: bytes, end: Deadline
) -> Flow[Reply]:
    """Return what a filter answers to one request, of whatever status. Raises `FilterFailed`."""
    question = Callout(filter_.upstream.cluster, "POST", path, headers, body, f"filter {filter_.id}", end.left())
    try:
        return (yield from ask(question))
    except CalloutFailed as lost:
        raise FilterFailed(FAILURES.get(lost.reason, lost.reason), is_late=lost.reason == "timeout") from None


def refusal(filter_: Filter, reply: Reply) -> Exception:
    """Return what an answer of no success means."""
    if 400 <= reply.status < 500:
        return Relayed(said(reply.body) or f"refused by filter '{filter_.id}'", reply.status, code="filter_refused")
    return FilterFailed(f"answered with status {reply.status}")


def said(body: bytes) -> str:
    """Return the words for a human in an error's body: text, or JSON as web frameworks write it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[: 4 * _LONGEST_MESSAGE].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text[:_LONGEST_MESSAGE]
    return _words(value)[:_LONGEST_MESSAGE]


def _words(value: object) -> str:
    match value:
        case str():
            return value.strip()
        case dict():
            return next((words for key in _WORDS if (words := _words(value.get(key)))), "")
        case [first, *_]:
            return _words(first)
        case _:
            return ""
