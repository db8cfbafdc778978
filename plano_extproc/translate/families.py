"""What families of models can take, known by the names of their models.

A fact stands here only where a request would fail without it, or where a translated request commonly carries the
field that fails. A name that is not known gets the defaults of `Profile`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.translate.profile import EFFORTS, Profile

_SAMPLING: Final = frozenset({"temperature", "top_p"})
_THINKS_FIRST: Final = _SAMPLING | {"logprobs", "top_logprobs"}
"""What OpenAI's models that think take none of."""


def profile_for(api: Api, model: str, max_tokens_field: str = "max_completion_tokens") -> Profile:
    """Return the profile of a model behind a dialect. `model` may have a vendor before it, as aggregators write it."""
    profile = Profile(max_tokens_field=max_tokens_field)
    name = model.rpartition("/")[2].lower()
    if api == "anthropic.messages":
        return replace(profile, **_claude(name))
    if api == "openai.chat":
        found = next((facts for family, facts in _CHAT_FAMILIES if family.match(name)), {})
        return replace(profile, **found)
    if api == "openai.responses":
        found = next((facts for family, facts in _CHAT_FAMILIES if family.match(name)), {})
        thinks = bool(_THINKS.match(name)) and "-chat" not in name
        return replace(profile, **{**found, "replay_reasoning": thinks})
    if api == "gemini.generate":
        return replace(profile, **_gemini(name))
    if api == "bedrock.converse":
        return replace(profile, **_bedrock(name))
    return profile


def _claude(name: str) -> Mapping[str, Any]:
    found = _CLAUDE.search(name)
    if found is None:
        # Anthropic's dialect at somebody else's: thinking with a budget is its oldest form.
        return {}
    version = (int(found["major"]), int(found["minor"] or 0))
    if version < (3, 7):
        return {"efforts": (), "json_schema": False}
    facts: dict[str, Any] = {"adaptive_thinking": version >= (4, 6), "json_schema": version >= (4, 5)}
    facts["one_sampling"] = (4, 1) <= version < (4, 7)
    if version >= (4, 7):
        # https://platform.claude.com/docs/en/about-claude/models/migration-guide
        facts["refused"] = frozenset({*_SAMPLING, "top_k"})
    facts["efforts"] = ("low", "medium", "high", "xhigh", "max") if version >= (4, 7) else ("low", "medium", "high")
    return facts


_CLAUDE: Final = re.compile(r"claude-(?:[a-z]+-)?(?P<major>\d)(?:[-.](?P<minor>\d)(?!\d))?")
"""`claude-3-7-sonnet`, `claude-sonnet-4-5-20250929`, `claude-opus-5`: a date is no minor version."""


def _gemini(name: str) -> Mapping[str, Any]:
    if not name.startswith("gemini-"):
        return {"efforts": ()}
    found = _GEMINI.match(name)
    # A name without a version, such as `gemini-flash-latest`, is that of a new model.
    version = (int(found["major"]), int(found["minor"] or 0)) if found else (3, 1)
    if version < (2, 5):
        return {"efforts": (), "json_schema_beside_tools": False}
    is_pro = "-pro" in name
    if version < (3, 0):
        # Only Flash can be told not to think.
        return {"efforts": EFFORTS[1:] if is_pro else EFFORTS, "json_schema_beside_tools": False}
    return {"adaptive_thinking": True, "signed_calls": True, "efforts": _gemini_levels(version, is_pro=is_pro)}


def _gemini_levels(version: tuple[int, int], *, is_pro: bool) -> tuple[str, ...]:
    # https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking
    if is_pro:
        return ("low", "high") if version == (3, 0) else ("low", "medium", "high")
    return ("minimal", "low", "medium", "high") if version < (3, 7) else ("low", "medium", "high")


_GEMINI: Final = re.compile(r"gemini-(?P<major>\d+)(?:\.(?P<minor>\d+))?")


def _bedrock(name: str) -> Mapping[str, Any]:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
    if "claude" in name:
        facts = {"efforts": (), "json_schema": False, **_claude(name)}
        # Those that can be held to a schema are also those that keep a cache for an hour.
        return {**facts, "family": "claude", "cache_control": True, "cache_ttl": facts["json_schema"]}
    found = next((facts for family, facts in _BEDROCK_FAMILIES if family.search(name)), {})
    return {"efforts": (), "json_schema": False, **found}


_LOW_TO_HIGH: Final = ("low", "medium", "high")
_BEDROCK_FAMILIES: Final[tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]] = (
    (re.compile(r"nova-2"), {"family": "nova", "efforts": _LOW_TO_HIGH}),
    (re.compile(r"\bnova-"), {"family": "nova"}),
    (re.compile(r"gpt-oss|kimi-k2-thinking"), {"family": "gpt-oss", "efforts": _LOW_TO_HIGH, "json_schema": True}),
    (re.compile(r"openai\.gpt-"), {"family": "gpt", "efforts": ("none", *EFFORTS[2:]), "json_schema": True}),
    (re.compile(r"kimi|qwen3|deepseek\.v3|minimax|nemotron|gemma"), {"json_schema": True}),
    (re.compile(r"llama"), {"family": "llama", "forced_tools": False}),
)

_CHAT_FAMILIES: Final[tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]] = (
    (re.compile(r"gpt-[34]|chatgpt-4"), {"efforts": ()}),
    (re.compile(r"o[134](-|$)"), {"efforts": ("low", "medium", "high"), "refused": _THINKS_FIRST}),
    (re.compile(r"gpt-5(-|$)"), {"efforts": ("minimal", "low", "medium", "high"), "refused": _THINKS_FIRST}),
    (re.compile(r"gpt-5\."), {"efforts": ("none", "low", "medium", "high", "xhigh"), "refused": _THINKS_FIRST}),
    (re.compile(r"kimi-k3$"), {"efforts": ("low", "high", "max"), "refused": _SAMPLING, "replay_reasoning": True}),
    (re.compile(r"deepseek|kimi|moonshot"), {"replay_reasoning": True}),
)

_THINKS: Final = re.compile(r"o[134](-|$)|gpt-[5-9]|codex|grok-[4-9]")
"""Models whose reasoning comes encrypted for the next turn; others refuse to be asked for it."""
