"""What the model is asked and what it answers, in neither dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Role = Literal["system", "user", "assistant"]
Stop = Literal["end", "length", "stop_sequence", "tool"]


class BadRequestError(Exception):
    """A request that the dialect does not allow. `param` names the field to blame."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool that was called earlier has answered."""

    name: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, its text parts joined."""

    role: Role
    text: str = ""
    results: tuple[ToolResult, ...] = ()
    images: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A request.

    `tool_choice` is `auto`, `none`, `any`, or `=NAME` for one tool by name.
    `answer_schema` asks for JSON, `{}` for any.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel_tools: bool = True
    answer_schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinks: bool = False
    stream: bool = False
    stream_usage: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model calls."""

    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `stop_sequence` is the one that was met, where `stop` says so."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    stop: Stop = "end"
    stop_sequence: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
