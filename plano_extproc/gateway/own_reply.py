"""A reply of a step's own, such as a cached answer or a prompt target's: kept as a provider's answer would be."""

from dataclasses import replace

from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.work import Doing, Rank, Work


def kept(work: Work, reply: Reply) -> Doing[Reply]:
    """Return a reply after the edits that keep answers; all others are for what a provider says."""
    if reply.status >= 300:
        return reply
    body = reply.body
    is_stream = any(name == "content-type" and value.startswith(b"text/event-stream") for name, value in reply.headers)
    for rank, edit in sorted(work.edits, key=lambda pair: pair[0]):
        if rank is Rank.KEEPING:
            body = yield from (edit.feed(body, True) if is_stream else edit.whole(body))
    return reply if body is reply.body else replace(reply, body=body)
