"""How Claude is asked to think, whoever serves it, and what it refuses while it does."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from plano_extproc.translate.chat import (
    Block,
    Json,
    Message,
    RedactedThinking,
    Request,
    Text,
    Thinking,
    ToolChoice,
    ToolUse,
)
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.sealed import is_sealed

_LEAST_BUDGET: Final = 1024
_LEAST_TOP_P: Final = 0.95
"""Both of a request that thinks."""
_BUDGETS: Final[dict[str, int]] = {
    "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384,
}  # fmt: skip


class ThinkingPlan:
    """How a request's wish to think, or not to, is put: `fields` in Anthropic's words.

    `max_tokens` is the limit that goes with it, None where the caller set none and thinking demands none.
    """

    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        """Plan for a model of `profile`, and note where thinking is lost."""
        self.fields: Json = {}
        self.is_on = False
        self.max_tokens = limit = request.max_tokens
        wanted = request.reasoning
        if wanted is None:
            return
        if wanted.mode == "off":
            if profile.adaptive_thinking:
                self.fields = {"thinking": {"type": "disabled"}}
            return
        if profile.adaptive_thinking:
            self._adaptive(wanted.effort, profile)
            return
        if not profile.efforts:
            losses.field("reasoning")
            return
        budget = wanted.budget or _BUDGETS[wanted.effort or "medium"]
        if limit is not None and wanted.budget is None:
            # The caller's limit counts thinking too, so thinking makes do with what it leaves.
            budget = min(budget, limit - 1)
        if budget < _LEAST_BUDGET or _calls_without_thinking(request.messages):
            losses.field("reasoning")
            return
        if limit is None:
            self.max_tokens = profile.default_max_tokens + budget
        self.fields = {"thinking": {"type": "enabled", "budget_tokens": budget}}
        self.is_on = True

    def _adaptive(self, effort: str | None, profile: Profile) -> None:
        self.fields = {"thinking": {"type": "adaptive"}}
        self.is_on = True
        if effort:
            known = profile.nearest_effort("low" if effort in ("none", "minimal") else effort)
            if known:
                self.fields["output_config"] = {"effort": known}


def beside_thinking(request: Request, losses: Losses) -> Request:
    """Return the request without what a model that thinks refuses: other temperatures, top_k, and a forced tool."""
    if request.temperature not in (None, 1):
        losses.field("temperature")
    if request.top_p is not None and request.top_p < _LEAST_TOP_P:
        losses.field("top_p")
        request = replace(request, top_p=None)
    if request.top_k is not None:
        losses.field("top_k")
    choice = request.tool_choice
    if choice and choice.mode in ("required", "tool"):
        losses.field("tool_choice")
        choice = ToolChoice("auto")
    return replace(request, temperature=None, top_k=None, tool_choice=choice)


def with_one_sampling(request: Request, profile: Profile, losses: Losses) -> Request:
    """Return the request without `top_p` where it has a temperature too, and the model refuses both together."""
    if not profile.one_sampling or request.temperature is None or request.top_p is None:
        return request
    losses.field("top_p")
    return replace(request, top_p=None)


def is_its_own(block: Thinking | RedactedThinking) -> bool:
    """Tell whether thinking can be given back to Claude: only what it signed itself, even if the text is empty."""
    signature = block.signature if isinstance(block, Thinking) else block.data
    return bool(signature) and not is_sealed(signature or "")


def _calls_without_thinking(messages: Iterable[Message]) -> bool:
    """Tell whether the last turn that called a tool has lost its thinking.

    With a thinking budget such a turn must begin with it, and most clients of other dialects do not keep it.
    """
    turn: list[Block] = []
    for message in reversed(tuple(messages)):
        if message.role == "assistant":
            turn = [*message.blocks, *turn]
        elif message.role == "user" and message.blocks:
            if any(isinstance(block, ToolUse) for block in turn):
                break
            turn = []
    if not any(isinstance(block, ToolUse) for block in turn):
        return False
    return not isinstance(next(block for block in turn if _is_sent(block)), Thinking | RedactedThinking)


def _is_sent(block: Block) -> bool:
    if isinstance(block, Thinking | RedactedThinking):
        return is_its_own(block)
    return not isinstance(block, Text) or bool(block.text.strip())
