"""What becomes of a request where there are prompt targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plano_extproc.config.prompts import PromptTarget


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be recorded of a decision. Arguments are told by name, as `target.parameter`, never by value.

    `how` is "local" or the model that decided, `score` how sure the match is (None where a model decided), `statuses`
    what the APIs answered, in the order of `targets`; 0 is no answer.
    """

    how: str
    targets: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    score: float | None = None
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No target is meant: the request goes on to agents or a model."""

    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class AskBack:
    """The answer is a question for what is missing."""

    text: str
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Direct:
    """The answer is what an API said, as the text of an assistant's message."""

    text: str = field(repr=False)
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class ToModel:
    """A model puts what an API said into words: `body` is the request for it, in the caller's own dialect."""

    body: Mapping[str, Any] = field(repr=False)
    reason: str
    facts: Facts


Outcome = NoMatch | AskBack | Direct | ToModel


@dataclass(frozen=True, slots=True)
class Call:
    """A target, and typed values for its parameters."""

    target: PromptTarget
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a conversation asks for: calls that can be made, or what has to be asked for first.

    With neither, no target is meant. `question` is only a model's own wording.
    """

    calls: tuple[Call, ...] = ()
    missing: tuple[tuple[PromptTarget, tuple[str, ...], Mapping[str, tuple[Any, ...]]], ...] = ()
    question: str = ""
    score: float | None = None
    reason: str = ""
