"""An answer of the gateway's own making, in the caller's dialect: whole, or as a stream that is all there at once."""

from dataclasses import replace

import orjson

from plano_extproc.gateway.actions import Headers, Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.local import details
from plano_extproc.gateway.work import Doing, Rank, Work
from plano_extproc.translate import Losses, codec
from plano_extproc.translate.chat import Answer, Finish, Text, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.told import told


def say(gateway: Gateway, work: Work, answer: Answer, headers: Headers = ()) -> Reply:
    """Return an answer as the client asked for one. An id or a model that it lacks is that of the request."""
    ask, request = work.ask, work.request
    spoken = codec(ask.surface.api)
    asked = spoken.decode_request(request, Losses({}))
    options = AnswerOptions(
        id=ask.headers.get("x-request-id", b"").decode("latin-1") or "answer",
        model=asked.model or "plano",
        created=int(gateway.ports.now()),
        include_usage=asked.include_usage,
        include_thoughts=asked.include_thoughts,
        framing=ask.framing,
        asked=request,
    )
    if not work.is_stream:
        return Reply(200, (*JSON, *headers), orjson.dumps(spoken.encode_answer(answer, options)), details("answer"))
    encoder = spoken.stream_encoder(options)
    body = b"".join(encoder.take(delta) for delta in told(answer))
    kind = spoken.stream_type if ask.framing == "sse" else "application/json"
    return Reply(200, (("content-type", kind.encode()), *headers), body, details("answer"))


def in_words(text: str) -> Answer:
    """Return an answer that is nothing but a text, and cost nothing."""
    return Answer("", "", (Text(text),), Finish.STOP, usage=Usage())


def edited(work: Work, reply: Reply) -> Doing[Reply]:
    """Return a reply that holds what a service of the user's said, after the edits that judge what providers say.

    Those that keep answers see it later, as they see every reply. Raises the `GatewayError` of an edit that refuses.
    """
    body, is_stream = reply.body, work.is_stream
    for rank, edit in sorted(work.edits, key=lambda pair: pair[0]):
        if rank in _JUDGING:
            body = yield from (edit.feed(body, True) if is_stream else edit.whole(body))
    return reply if body is reply.body else replace(reply, body=body)


_JUDGING = frozenset({Rank.ACTIONS, Rank.FILTERS, Rank.GUARDS})
