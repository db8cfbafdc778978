"""A stream of ConverseStream, read.

Only calls of tools are announced: any other block opens with its first piece. The token counts come in the last
event, after the reason, so the end is held back for them.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.bedrock_converse.answer import (
    citation_of,
    is_hosted,
    read_finish,
    read_usage,
    stop_sequence_in,
)
from plano_extproc.translate.chat import Finish, Json, Usage
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Failure,
    Finished,
    Kind,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.faults import Fault, read_fault
from plano_extproc.translate.framing.aws import ExceptionEvent
from plano_extproc.translate.framing.sse import Event
from plano_extproc.translate.reading import event_of, name_of, text_of

_Read = Callable[["ConverseStreamDecoder", Json], None]


class ConverseStreamDecoder:
    """Reads events by their name; those that are not known are skipped, as the format's evolution demands."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._out: list[Delta] = []
        self._is_started = False
        self._index: int | None = None
        self._open: Kind | None = None
        self._is_skipped = False
        self._secrets: list[str] = []
        self._tool_used = False
        self._raw_finish: str | None = None
        self._finish: Finish | None = None
        self._stop_sequence: str | None = None

    def take(self, event: Event) -> list[Delta]:
        """Return what one event says."""
        if isinstance(event, ExceptionEvent):
            return [Failure(_fault(event))]
        name = event.name.decode("utf-8", "replace")
        read = self._EVENTS.get(name)
        if read is None:
            return []
        if not self._is_started and name != "messageStart":
            raise BadProviderAnswer(f"the provider's stream begins with {name}")
        self._out = []
        read(self, event_of(event.data))
        return self._out

    def end(self) -> list[Delta]:
        """Return the end of the answer where the token counts never came. Raises when it has no reason to end."""
        if self._finish is None:
            raise BadProviderAnswer("the provider's stream ended early")
        self._out = []
        self._finished()
        return self._out

    def _message_start(self, told: Json) -> None:  # noqa: ARG002 - a reader of events
        if not self._is_started:
            self._is_started = True
            self._out.append(Start("", ""))

    def _block_start(self, told: Json) -> None:
        self._close()
        self._index = told["contentBlockIndex"]
        use = told["start"].get("toolUse")
        self._is_skipped = use is None or is_hosted(use)
        if use is not None and not self._is_skipped:
            self._tool_used = True
            self._begin(BlockStart("tool_use", text_of(use.get("toolUseId")), name_of(use)))

    def _block_delta(self, told: Json) -> None:
        index = told["contentBlockIndex"]
        if index != self._index:
            self._close()
            self._index = index
        if self._is_skipped:
            return
        for key, value in told["delta"].items():
            if found := self._PIECES.get(key):
                found(self, value)

    def _text(self, text: object) -> None:
        if said := text_of(text):
            self._say("text", TextDelta(said))

    def _citation(self, cited: Json) -> None:
        if source := citation_of(cited):
            self._say("text", CitationDelta(source))

    def _input(self, use: Json) -> None:
        if self._open != "tool_use":
            raise BadProviderAnswer("the provider sent arguments of a tool call that is not open")
        if text := text_of(use.get("input")):
            self._out.append(ArgumentsDelta(text))

    def _reasoning(self, told: Json) -> None:
        if thought := text_of(told.get("text")):
            self._say("thinking", ThinkingDelta(thought))
        if signature := text_of(told.get("signature")):
            self._say("thinking", SignatureDelta(signature))
        if secret := text_of(told.get("redactedContent")):
            # A block of this kind is told whole, and may come in pieces.
            if self._open is not None:
                self._end_block()
            self._secrets.append(secret)

    def _say(self, kind: Kind, piece: Delta) -> None:
        if self._open != kind or self._secrets:
            self._end_block()
            self._begin(BlockStart(kind))
        self._out.append(piece)

    def _begin(self, block: BlockStart) -> None:
        self._open = block.kind
        self._out.append(block)

    def _block_stop(self, told: Json) -> None:
        # A second end of the same block is nothing new.
        if told["contentBlockIndex"] == self._index:
            self._close()

    def _close(self) -> None:
        self._end_block()
        self._index = None
        self._is_skipped = False

    def _end_block(self) -> None:
        if self._secrets:
            self._out.append(BlockStart("redacted_thinking", data=_joined(self._secrets)))
            self._secrets = []
            self._out.append(BlockStop())
        elif self._open is not None:
            self._out.append(BlockStop())
        self._open = None

    def _message_stop(self, told: Json) -> None:
        self._close()
        raw = told.get("stopReason")
        self._raw_finish = raw if isinstance(raw, str) else None
        self._finish = read_finish(raw).given(tool_used=self._tool_used)
        self._stop_sequence = stop_sequence_in(told)

    def _metadata(self, told: Json) -> None:
        self.usage = read_usage(told.get("usage"), told.get("serviceTier")) or self.usage
        if self._finish is not None:
            self._finished()

    def _finished(self) -> None:
        assert self._finish is not None
        # A block may still come after the reason.
        self._close()
        self._out.append(Finished(self._finish, self._raw_finish, self._stop_sequence, self.usage))

    _EVENTS: ClassVar[Mapping[str, _Read]] = {
        "messageStart": _message_start,
        "contentBlockStart": _block_start,
        "contentBlockDelta": _block_delta,
        "contentBlockStop": _block_stop,
        "messageStop": _message_stop,
        "metadata": _metadata,
    }
    _PIECES: ClassVar[Mapping[str, _Read]] = {
        "text": _text,
        "citation": _citation,
        "toolUse": _input,
        "reasoningContent": _reasoning,
    }


def _joined(pieces: list[str]) -> str:
    """Return bytes that came in pieces of base64."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except binascii.Error:
        raise BadProviderAnswer("the provider sent redacted reasoning that is not base64") from None


def _fault(event: ExceptionEvent) -> Fault:
    kind = event.name.decode("utf-8", "replace")
    fault = read_fault(_STATUSES.get(kind, 500), event.data)
    return Fault(fault.message, fault.status, code=kind or None)


_STATUSES: Final[Mapping[str, int]] = {
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "throttlingException": 429,
    "modelNotReadyException": 429,
    "internalServerException": 500,
    "modelStreamErrorException": 500,
    "serviceUnavailableException": 503,
    "modelTimeoutException": 504,
}
"""What each exception would have been as the status of an answer; of the model's own errors, ours."""
