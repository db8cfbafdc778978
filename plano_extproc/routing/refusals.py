"""Refusals that another model may not make: the prompt is too long for this one, or its provider's filter objects.

They come with statuses below 429, and are known by the provider's own words, which are listed here.
"""

import re
from typing import Final

from plano_extproc.config.models import Refusal
from plano_extproc.translate.faults import Fault

_LONGEST_STATUS: Final = 428


def refusal_in(fault: Fault) -> Refusal | None:
    """Return what an error answer refuses; None for every other error, and for those that move on anyway."""
    if not 400 <= fault.status <= _LONGEST_STATUS:
        return None
    words = {fault.code, fault.type} - {None}
    if found := next((kind for kind, known in _WORDS.items() if words & known), None):
        return found
    return next((kind for kind, said in _MESSAGES.items() if said.search(fault.message)), None)


_WORDS: Final[dict[Refusal, frozenset[str]]] = {
    "context_window": frozenset({"context_length_exceeded", "context_window_exceeded"}),
    "content_policy": frozenset(
        {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "moderation_blocked"}
    ),
}
_MESSAGES: Final[dict[Refusal, re.Pattern[str]]] = {
    # Anthropic; Amazon Bedrock; Google; OpenAI-compatible servers such as vLLM, and Mistral.
    "context_window": re.compile(
        r"prompt is too long|input is too long|exceeds? (the )?(model'?s? )?(maximum|context)"
        r"|maximum context length|context (length|window) (is |was )?exceeded|input token count .* exceeds",
        re.IGNORECASE,
    ),
    # Azure OpenAI; OpenAI's image models; Anthropic; Google.
    "content_policy": re.compile(
        r"content (management|filtering|usage) polic|content policy|safety system|blocked by content filter"
        r"|prohibited content",
        re.IGNORECASE,
    ),
}
