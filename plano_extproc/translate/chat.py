"""The neutral model: one request and one answer, as all dialects can say them.

A dialect is decoded into these values and encoded from them, so that no dialect knows another. Instructions of the
operator are messages of role `system`, wherever they stand; results of tools are blocks of a `user` message.
What a dialect says and this model has no word for is named in `Losses`, never lost in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from plano_extproc.apis import Api

Json = dict[str, Any]
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class CacheMark:
    """The prompt up to and with this block is to be cached. `ttl` is the dialect's own word, such as `1h`."""

    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What one dialect must get back unread in the next turn; every other dialect leaves it out."""

    api: Api
    value: Json


@dataclass(frozen=True, slots=True)
class Inline:
    """Content in the request itself; `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Link:
    """Content that the provider is to fetch."""

    url: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Content that was uploaded to the provider before."""

    file_id: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A document that is plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A page on the web that a text rests on.

    `span` is the stretch of the text's characters that rests on it, None where that is all of it; `quote` is what the
    page says there.
    """

    url: str
    title: str
    span: tuple[int, int] | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text, and the logarithm of how likely the model found it.

    `rivals` are the likeliest tokens in its place, which may be one of them. `bytes` are those of UTF-8, of which a
    token may hold a part of a character only.
    """

    text: str
    logprob: float
    bytes: tuple[int, ...]
    rivals: tuple["Token", ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Words; and their tokens, where the caller asked how likely these are."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A picture. `where` is its place in the caller's request, for an error message."""

    source: Inline | Link | Stored
    detail: str | None = None
    cache: CacheMark | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class File:
    """A document or a sound, told apart by its media type. `where` as for `Image`."""

    source: Inline | Link | Stored | Plain
    name: str | None = None
    cache: CacheMark | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning that may be shown. With a signature it can be given back to the model that wrote it, even if empty."""

    text: str
    signature: str | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """Reasoning that only its provider can read."""

    data: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model calls a tool."""

    id: str
    name: str
    input: Json
    cache: CacheMark | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered; `id` is that of the call."""

    id: str
    content: tuple[Text | Image | File, ...]
    is_error: bool = False
    cache: CacheMark | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model says why it will not answer."""

    text: str


Block = Text | Image | File | Thinking | RedactedThinking | ToolUse | ToolResult | Refusal


@dataclass(frozen=True, slots=True)
class Message:
    """One turn, its blocks in order."""

    role: Role
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the caller runs. `schema` is JSON Schema that nobody here reads or repairs; `None` means absent."""

    name: str
    description: str | None = None
    schema: Json | None = None
    strict: bool | None = None
    cache: CacheMark | None = None


@dataclass(frozen=True, slots=True)
class WebSearch:
    """The provider may search the web. `location` has the keys city, region, country and timezone, as known."""

    location: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called; `tool` names the one that must be."""

    mode: Literal["auto", "none", "required", "tool"]
    tool: str = ""


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The answer is to be JSON that fits a schema."""

    schema: Json
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much to think: an effort, a budget in tokens, or neither (`mode` alone says it).

    `summary` says how much of it the caller wants to see (`auto`, `concise` or `detailed`), where that is a choice.
    """

    mode: Literal["on", "off", "adaptive"]
    effort: str | None = None
    budget: int | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller wants from a model.

    `knobs` are further settings in the words of OpenAI's chat; a dialect takes those that it knows too.
    `include_usage` says whether the caller of a stream wants to be told its token counts, `include_thoughts` whether
    thinking is to be shown, `json_mode` that the answer is to be JSON of any form.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    include_thoughts: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    web_search: WebSearch | None = None
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output: OutputSchema | None = None
    json_mode: bool = False
    reasoning: Reasoning | None = None
    user: str | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange. The first three exclude each other and add up to the prompt.

    `output` is all that was written, and `reasoning` is the part of it that was thought. `tier` is the service tier
    that they were spent at, in the words of OpenAI's chat, None where the provider does not tell.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    tier: str | None = None

    @property
    def prompt(self) -> int:
        """All tokens that were read."""
        return self.input + self.cache_read + self.cache_write


class Finish(Enum):
    """Why an answer ended."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_USE = "tool_use"
    CONTENT_FILTER = "content_filter"
    PAUSE = "pause"
    CONTEXT_WINDOW = "context_window"
    OTHER = "other"

    def given(self, *, tool_used: bool) -> "Finish":
        """Return the reason that fits what was said.

        Several providers report a plain stop after tool calls, and a caller that believed it would not run them.
        """
        if tool_used:
            return Finish.TOOL_USE if self in (Finish.STOP, Finish.OTHER) else self
        return Finish.STOP if self is Finish.TOOL_USE else self


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. An empty `id` or `model` means that the provider gave none.

    `others` are further answers to the same request; only their blocks and reasons are their own.
    """

    id: str
    model: str
    blocks: tuple[Block, ...]
    finish: Finish
    raw_finish: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    created: int | None = None
    others: tuple["Answer", ...] = ()
