"""The tokens that an answer says it cost, read in passing from a client's dialect: whole answers, and streams."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.anthropic_messages.answer import merge_usage
from plano_extproc.translate.apis.gemini_generate import answer as gemini
from plano_extproc.translate.apis.openai_chat import answer as chat
from plano_extproc.translate.apis.openai_responses import answer as responses
from plano_extproc.translate.chat import Json, Usage
from plano_extproc.translate.codec import WRONG_SHAPE, Framing
from plano_extproc.translate.framing.json_list import JsonListParser
from plano_extproc.translate.framing.sse import MAX_EVENT_BYTES

Read = Callable[[Usage | None, Json], Usage | None]
"""Returns what is known after one more answer, event or part of one."""


def usage_in(api: Api, body: bytes) -> Usage | None:
    """Return the tokens of a whole answer; None where it says nothing of them."""
    if b'"usage' not in body:
        return None
    return _told(api, None, body)


class StreamUsage:
    """Reads the tokens of a stream. Only the events that speak of them are parsed; the stream may be cut anywhere.

    `events` counts them all, roughly: about a token each, for a stream that breaks off before it has told. Anthropic's
    first event tells of the prompt alone: `is_whole` says that the answer's own tokens are known too.
    """

    def __init__(self, api: Api, framing: Framing = "sse") -> None:
        self._api = api
        self._list = JsonListParser() if framing == "array" else None
        self._rest = b""
        self.usage: Usage | None = None
        self.events = 0
        self.is_whole = False

    def feed(self, chunk: bytes) -> None:
        """Read the next piece."""
        self.events += chunk.count(b"data:") if self._list is None else chunk.count(b'"parts"')
        if self._list is not None:
            self._feed_list(self._list, chunk)
            return
        held = self._rest + chunk if self._rest else chunk
        cut = held.rfind(b"\n") + 1
        self._rest = held[cut:]
        if len(self._rest) > MAX_EVENT_BYTES:
            # Such a line is no event of usage, and must not be kept.
            self._rest = b""
        for found in _LINE.finditer(held, 0, cut):
            self.usage = _told(self._api, self.usage, found.group(1)) or self.usage
            self.is_whole = self.is_whole or _FIRST not in found.group(1)

    def end(self) -> None:
        """Read what follows the last line's end, which some servers leave out."""
        if self._list is None:
            self.feed(b"\n")

    def _feed_list(self, pieces: JsonListParser, chunk: bytes) -> None:
        try:
            for piece in pieces.feed(chunk):
                if b'"usage' in piece:
                    self.usage = _told(self._api, self.usage, piece) or self.usage
                    self.is_whole = True
        except BadProviderAnswer:
            # Whoever translates or forwards it says so; here nothing more is told.
            self._list = JsonListParser()


class WithoutUsage:
    """Leaves out of a stream of OpenAI's chat the chunk without a choice that tells the tokens, and nothing else.

    Of an event that is not complete nothing is passed on, as no client could use it.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return the events that are complete by now; at the end, whatever is left."""
        held = self._rest + chunk if self._rest else chunk
        cut = len(held) if end or len(held) > MAX_EVENT_BYTES else _whole_events(held)
        self._rest = held[cut:]
        ready = held[:cut]
        return _USAGE_ONLY.sub(b"", ready) if b'"usage' in ready else ready


def _whole_events(held: bytes) -> int:
    ends = [at + len(sign) for sign in (b"\n\n", b"\r\n\r\n") if (at := held.rfind(sign)) >= 0]
    return max(ends, default=0)


def _told(api: Api, known: Usage | None, text: bytes) -> Usage | None:
    try:
        told: Any = orjson.loads(text)
        return _READ[api](known, told)
    except (*WRONG_SHAPE, RecursionError):
        return known


def _chat(known: Usage | None, told: Json) -> Usage | None:
    return chat.read_usage(told.get("usage"), told.get("service_tier")) or known


def _responses(known: Usage | None, told: Json) -> Usage | None:
    answer = told.get("response") or told
    return responses.read_usage(answer.get("usage"), answer.get("service_tier")) or known


def _anthropic(known: Usage | None, told: Json) -> Usage | None:
    return merge_usage(known, (told.get("message") or told).get("usage"))


def _gemini(known: Usage | None, told: Json) -> Usage | None:
    return gemini.read_usage(told.get("usageMetadata")) or known


_READ: Final[Mapping[str, Read]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
}

_FIRST: Final = b'"message_start"'

_LINE: Final = re.compile(rb'^data: ?([^\r\n]*"usage[^\r\n]*)', re.MULTILINE)
"""The data of an event that speaks of tokens."""

_USAGE_ONLY: Final = re.compile(
    rb'^data: ?\{(?=[^\r\n]*"choices" ?: ?\[\])(?=[^\r\n]*"usage" ?: ?\{)[^\r\n]*\}(?:\r\n\r\n|\n\n)', re.MULTILINE
)
