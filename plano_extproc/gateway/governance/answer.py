"""What governance does with an answer: takes out forbidden calls, reads declarations, cuts, and waits for the row."""

from dataclasses import dataclass, field

import orjson

from plano_extproc.errors import GatewayError
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.governance import ActionForbidden, declared
from plano_extproc.governance.declared import LONGEST
from plano_extproc.translate.calls import Call, CallStream, without_calls
from plano_extproc.translate.texts import Channel, TextStream, Window, answer_places


class ActionsEdit:
    """Keeps calls of tools from the client that an agent may not make."""

    def __init__(self, governed: Governed, work: Work) -> None:
        self._governed = governed
        self._api = work.ask.surface.api
        self._blocks = governed.governor.settings.on_forbidden == "block"
        self._stream = CallStream(self._api, self._may_stay, framing=work.framing)

    def whole(self, body: bytes) -> Doing[bytes]:
        """Return a whole answer without them."""
        yield from ()
        answer = _object(body)
        if answer is None:
            return body
        left = without_calls(self._api, answer, self._may_stay)
        return body if left is answer else orjson.dumps(left)

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Return the next chunk of a stream without them."""
        yield from ()
        return self._stream.feed(chunk, end)

    def _may_stay(self, call: Call) -> bool:
        for part in self._governed.parts:
            refused = part.rules.actions.called(call.name, call.arguments)
            if refused is None:
                continue
            part.refused.append(refused)
            if self._blocks:
                raise ActionForbidden(part.rules.id, call.name)
            return False
        return True


class DeclaredReader:
    """Reads what an answer declares of itself, in passing."""

    def __init__(self, governed: Governed, work: Work) -> None:
        self._governed = governed
        self._api = work.ask.surface.api
        self._text = _Text()
        self._stream: TextStream | None = TextStream(self._api, self._text.window_for, framing=work.framing)

    def whole(self, body: bytes) -> Doing[bytes]:
        """Read a whole answer."""
        yield from ()
        answer = _object(body)
        if answer is not None:
            texts = (place.text for place in answer_places(self._api, answer) if place.kind == "text")
            self._governed.declared = declared("".join(texts))
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Read the next chunk of a stream."""
        yield from ()
        if self._stream is not None:
            try:
                self._stream.feed(chunk, end)
            except GatewayError:
                # Whoever reads the stream for the client says what is wrong with it.
                self._stream = None
            if self._text.size > LONGEST:
                self._stream = None
            elif end and self._stream is not None:
                self._governed.declared = declared("".join(self._text.pieces))
        return chunk


@dataclass(slots=True)
class _Text:
    """Gathers what an answer says."""

    pieces: list[str] = field(default_factory=list)
    size: int = 0

    def window_for(self, channel: Channel) -> Window:
        return _Window(self if channel.kind == "text" else None)


@dataclass(slots=True)
class _Window:
    """Lets a text pass, and keeps a copy of it."""

    into: _Text | None

    def feed(self, text: str) -> str:
        if self.into is not None and self.into.size <= LONGEST:
            self.into.pieces.append(text)
            self.into.size += len(text)
        return text

    def end(self) -> str:
        return ""


class CutEdit:
    """Ends the answer of an agent that may not act any more."""

    def __init__(self, governed: Governed) -> None:
        self._governed = governed

    def whole(self, body: bytes) -> Doing[bytes]:
        """Return a whole answer, or refuse it."""
        yield from ()
        self._check()
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:  # noqa: ARG002 - the signature of `Edit`
        """Return the next chunk, or end the stream with an error."""
        yield from ()
        self._check()
        return chunk

    def _check(self) -> None:
        error = self._governed.cut_error()
        if error is not None:
            self._governed.told()
            raise error


class StrictEdit:
    """Holds the end of an answer until its rows are in the ledger."""

    def __init__(self, governed: Governed) -> None:
        self._governed = governed

    def whole(self, body: bytes) -> Doing[bytes]:
        """Return a whole answer, once it is recorded."""
        yield from self._governed.due(200)
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Return the next chunk; the last one, once the answer is recorded."""
        if end:
            yield from self._governed.due(200)
        return chunk


def _object(body: bytes) -> dict[str, object] | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None
