"""What a model behind a dialect can take, where that differs from model to model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from plano_extproc.translate.chat import Json
from plano_extproc.translate.losses import Losses

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All words for how much to think, from least to most."""


Family = Literal["", "claude", "gpt", "gpt-oss", "llama", "nova"]


@dataclass(frozen=True, slots=True)
class Profile:
    """The capabilities of one model at one provider. The defaults suit the current models of OpenAI and Anthropic.

    `max_tokens_field` and `max_stop` (how many stop sequences) are for OpenAI's chat, `default_max_tokens` for
    dialects that demand a limit. `replay_reasoning` says that earlier reasoning must be sent
    back, `cache_control` that parts may carry cache markers, `adaptive_thinking` that the model sets its own thinking
    budget, `json_schema` that answers can be held to a schema (else a forced tool call does it), and
    `json_schema_beside_tools` that they can be so where tools are offered too. `signed_calls` says that calls of tools
    carry an id and a signature, which must come back. `efforts` are those it knows, in rising order, and `refused` the
    fields that it would answer with an error, by the provider dialect's names. `fit` makes a request what a provider
    takes that takes less than its dialect promises.

    `one_sampling` says that it takes a temperature or `top_p`, and not both.

    Bedrock has one dialect for the models of many vendors. `family` says whose the model is, `cache_ttl` that cache
    markers may say for how long, `forced_tools` that it can be made to call one; its `refused` have neutral names.
    """

    max_tokens_field: str = "max_completion_tokens"
    default_max_tokens: int = 4096
    max_stop: int = 4
    replay_reasoning: bool = False
    cache_control: bool = False
    adaptive_thinking: bool = False
    json_schema: bool = True
    json_schema_beside_tools: bool = True
    signed_calls: bool = False
    efforts: tuple[str, ...] = EFFORTS
    refused: frozenset[str] = frozenset()
    fit: Callable[[Json, Losses], Json] | None = None
    one_sampling: bool = False
    family: Family = ""
    cache_ttl: bool = False
    forced_tools: bool = True

    def nearest_effort(self, effort: str) -> str | None:
        """Return the closest effort that the model knows, the higher one of two; None where it knows none."""
        wanted = EFFORTS.index(effort)
        return min(
            self.efforts,
            key=lambda known: (abs(EFFORTS.index(known) - wanted), -EFFORTS.index(known)),
            default=None,
        )
