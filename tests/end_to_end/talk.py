"""A question and what is heard in answer, in neither dialect.

The matrix asks every question through both official clients. `asking` sends it, `understanding` reads what a provider
received back into a `Question`; the two must be equal, whatever dialects lay between.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.support.reply import Finish, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class User:
    """What the user says; images are data URLs or web addresses."""

    text: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assistant:
    """What the assistant has said and called."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """What the called tools have answered: pairs of call id and text."""

    results: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer; hashable by name only."""

    name: str
    description: str
    schema: Any


Turn = User | Assistant | Results


@dataclass(frozen=True, slots=True)
class Question:
    """A request. `tool_choice` is `auto`, `required`, `none`, or `=NAME`; None leaves it out."""

    turns: tuple[Turn, ...] = (User("Hello"),)
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    is_parallel: bool | None = None
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was given."""

    text: str
    finish: Finish
    model: str
    calls: tuple[ToolCall, ...] = ()
    thinking: str = ""
    stop_sequence: str | None = None
    usage: Usage = field(default_factory=Usage)
