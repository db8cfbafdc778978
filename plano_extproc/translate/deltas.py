"""A streamed answer, as small events: `Start`, then blocks one after the other, then `Finished` or `Failure`.

    Start (BlockStart piece* BlockStop)* Finished

Blocks never overlap, and a piece is always of the kind of the open block; decoders see to it, encoders rely on it.
`Ping` may stand anywhere, and `Failure` may stand in place of any event and is the last.
"""

from dataclasses import dataclass
from typing import Literal

from plano_extproc.translate.chat import Citation, Finish, Token, Usage
from plano_extproc.translate.faults import Fault

Kind = Literal["text", "thinking", "redacted_thinking", "tool_use", "refusal"]


@dataclass(frozen=True, slots=True)
class Start:
    """The provider has begun to answer. Empty `id` or `model`: it named none."""

    id: str
    model: str
    created: int | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class BlockStart:
    """A block opens: `id` and `name` of a tool call, `data` of redacted thinking."""

    kind: Kind
    id: str = ""
    name: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text, never empty unless it tells of tokens; `tokens` are those that it is made of, where that is known."""

    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class CitationDelta:
    """A source of the open text."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More reasoning; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class SignatureDelta:
    """The signature of the open thinking."""

    signature: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """More JSON text of the open tool call's input; a call without any has the input `{}`."""

    json: str


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More of the reason why the model will not answer."""

    text: str


@dataclass(frozen=True, slots=True)
class BlockStop:
    """The open block is complete."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The provider lives and has nothing to say yet."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete."""

    finish: Finish
    raw_finish: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The provider gave up in the middle."""

    fault: Fault


Piece = TextDelta | CitationDelta | ThinkingDelta | SignatureDelta | ArgumentsDelta | RefusalDelta
Mark = Start | BlockStart | BlockStop | Ping | Finished | Failure
Delta = Piece | Mark
