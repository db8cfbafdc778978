"""What a scripted provider answers, in neither dialect."""

from dataclasses import dataclass, field
from typing import Any, Literal

Finish = Literal["stop", "length", "stop_sequence", "tool", "refusal"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, with the id that the provider gave it."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens in exclusive buckets: the prompt's are `input + cached + written`; `output` includes `reasoning`."""

    input: int = 11
    output: int = 7
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `refusal` is OpenAI's refusal text and Anthropic's explanation."""

    text: str = "Hello from the provider."
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    stop_sequence: str | None = None
    refusal: str | None = None
    usage: Usage = Usage()
    model: str | None = None


def pieces(text: str, size: int = 4) -> list[str]:
    """Cut a text as a provider's stream does."""
    return [text[start : start + size] for start in range(0, len(text), size)]
