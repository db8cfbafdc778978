"""What a model behind a dialect can take, where that differs from model to model."""

from dataclasses import dataclass
from typing import Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All words for how much to think, from least to most."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The capabilities of one model at one provider. The defaults suit the current models of OpenAI and Anthropic.

    `max_tokens_field` and `max_stop` (how many stop sequences) are for OpenAI's chat, `default_max_tokens` for
    dialects that demand a limit. `replay_reasoning` says that earlier reasoning must be sent back, `cache_control`
    that parts may carry cache markers, `adaptive_thinking` that the model sets its own thinking budget, `json_schema`
    that answers can be held to a schema (else a forced tool call does it). `efforts` are those it knows, in rising
    order, and `refused` the fields that it would answer with an error, by the provider dialect's names.
    """

    max_tokens_field: str = "max_completion_tokens"
    default_max_tokens: int = 4096
    max_stop: int = 4
    replay_reasoning: bool = False
    cache_control: bool = False
    adaptive_thinking: bool = False
    json_schema: bool = True
    efforts: tuple[str, ...] = EFFORTS
    refused: frozenset[str] = frozenset()

    def nearest_effort(self, effort: str) -> str | None:
        """Return the closest effort that the model knows, the higher one of two; None where it knows none."""
        wanted = EFFORTS.index(effort)
        return min(
            self.efforts,
            key=lambda known: (abs(EFFORTS.index(known) - wanted), -EFFORTS.index(known)),
            default=None,
        )
