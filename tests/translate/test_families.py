from typing import Any

import pytest

from plano_extproc.translate import Profile, profile_for
from plano_extproc.translate.profile import EFFORTS


@pytest.mark.parametrize(
    ("model", "adaptive", "json_schema", "takes_temperature"),
    [
        ("claude-3-7-sonnet-20250219", False, False, True),
        ("claude-sonnet-4-20250514", False, False, True),
        ("claude-opus-4-1-20250805", False, False, True),
        ("claude-sonnet-4-5-20250929", False, True, True),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", False, True, True),
        ("claude-sonnet-4-6", True, True, True),
        ("anthropic/claude-opus-4.7", True, True, False),
        ("claude-opus-5", True, True, False),
        ("claude-sonnet-5-5", True, True, False),
        ("glm-4.6", False, True, True),
    ],
)
def test_claude_by_its_generation(model: str, adaptive: bool, json_schema: bool, takes_temperature: bool) -> None:
    profile = profile_for("anthropic.messages", model)

    assert (profile.adaptive_thinking, profile.json_schema) == (adaptive, json_schema)
    assert ("temperature" not in profile.refused) == takes_temperature


@pytest.mark.parametrize(
    ("model", "efforts", "takes_temperature"),
    [
        ("gpt-4o", (), True),
        ("openai/gpt-4.1-mini", (), True),
        ("o3", ("low", "medium", "high"), False),
        ("o3-mini", ("low", "medium", "high"), False),
        ("gpt-5", ("minimal", "low", "medium", "high"), False),
        ("gpt-5-mini", ("minimal", "low", "medium", "high"), False),
        ("gpt-5.6", ("none", "low", "medium", "high", "xhigh"), False),
        ("kimi-k3", ("low", "high", "max"), False),
        ("llama-4", Profile().efforts, True),
        ("o3de-finetune", Profile().efforts, True),
    ],
)
def test_chat_models_by_their_family(model: str, efforts: tuple[str, ...], takes_temperature: bool) -> None:
    profile = profile_for("openai.chat", model)

    assert profile.efforts == efforts
    assert ("temperature" not in profile.refused) == takes_temperature


@pytest.mark.parametrize("model", ["deepseek-chat", "moonshotai/kimi-k2", "kimi-k3"])
def test_reasoning_is_replayed_to_models_that_demand_it(model: str) -> None:
    assert profile_for("openai.chat", model).replay_reasoning


@pytest.mark.parametrize(
    ("model", "efforts", "thinks"),
    [
        ("gpt-4o", (), False),
        ("gpt-5-chat-latest", ("minimal", "low", "medium", "high"), False),
        ("gpt-5.2-codex", ("none", "low", "medium", "high", "xhigh"), True),
        ("openai/o3", ("low", "medium", "high"), True),
        ("codex-mini-latest", Profile().efforts, True),
        ("grok-4.1-fast", Profile().efforts, True),
        ("qwen3", Profile().efforts, False),
    ],
)
def test_models_of_the_responses_api_are_asked_for_their_reasoning_if_they_have_any(
    model: str, efforts: tuple[str, ...], thinks: bool
) -> None:
    profile = profile_for("openai.responses", model)

    assert (profile.efforts, profile.replay_reasoning) == (efforts, thinks)


def test_the_field_for_the_limit_is_the_providers() -> None:
    assert profile_for("openai.chat", "x", "max_tokens").max_tokens_field == "max_tokens"


@pytest.mark.parametrize(
    ("model", "levels_for_gemini"),
    [
        ("gemini-3-pro-preview", ("low", "high")),
        ("gemini-3-flash-preview", ("minimal", "low", "medium", "high")),
        ("models/gemini-3.1-pro-preview", ("low", "medium", "high")),
        ("gemini-3.5-flash-lite", ("minimal", "low", "medium", "high")),
        ("google/gemini-3.8-flash", ("low", "medium", "high")),
        ("gemini-4-argon", ("low", "medium", "high")),
        ("gemini-flash-latest", ("minimal", "low", "medium", "high")),
    ],
)
def test_gemini_thinks_by_levels_and_signs_its_calls_from_3_on(model: str, levels_for_gemini: tuple[str, ...]) -> None:
    profile = profile_for("gemini.generate", model)

    assert profile == Profile(adaptive_thinking=True, signed_calls=True, efforts=levels_for_gemini)


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("gemini-2.5-flash", EFFORTS),
        ("gemini-2.5-flash-lite-preview-09-2025", EFFORTS),
        ("gemini-2.5-pro", EFFORTS[1:]),
        ("gemini-2.0-flash", ()),
        ("gemini-1.5-pro-002", ()),
    ],
)
def test_older_geminis_think_by_a_budget_or_not_at_all(model: str, efforts: tuple[str, ...]) -> None:
    profile = profile_for("gemini.generate", model)

    assert profile == Profile(efforts=efforts, json_schema_beside_tools=False)


def test_other_models_behind_geminis_dialect_are_not_asked_to_think() -> None:
    assert profile_for("gemini.generate", "gemma-3-27b-it") == Profile(efforts=())


def test_any_other_dialect_gets_the_defaults() -> None:
    api: Any = "acme.chat"

    assert profile_for(api, "x") == Profile()


@pytest.mark.parametrize(
    ("known", "asked", "given"),
    [
        (("low", "high", "max"), "none", "low"),
        (("low", "high", "max"), "minimal", "low"),
        (("low", "high", "max"), "medium", "high"),
        (("low", "high", "max"), "max", "max"),
        (("low", "medium", "high"), "xhigh", "high"),
        ((), "high", None),
    ],
)
def test_the_nearest_effort(known: tuple[str, ...], asked: str, given: str | None) -> None:
    assert Profile(efforts=known).nearest_effort(asked) == given


@pytest.mark.parametrize(
    ("model", "family", "efforts", "json_schema", "cache"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude", ("low", "medium", "high"), True, (True, True)),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", "claude", ("low", "medium", "high"), False, (True, False)),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude", (), False, (True, False)),
        ("anthropic.claude-v2:1", "claude", (), False, (True, False)),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-4-6-v1",
            "claude",
            ("low", "medium", "high"),
            True,
            (True, True),
        ),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "", (), False, (False, False)),
        ("global.amazon.nova-2-lite-v1:0", "nova", ("low", "medium", "high"), False, (False, False)),
        ("amazon.nova-pro-v1:0", "nova", (), False, (False, False)),
        ("openai.gpt-oss-120b-1:0", "gpt-oss", ("low", "medium", "high"), True, (False, False)),
        ("openai.gpt-5.6", "gpt", ("none", "low", "medium", "high", "xhigh", "max"), True, (False, False)),
        ("us.meta.llama3-3-70b-instruct-v1:0", "llama", (), False, (False, False)),
        ("qwen.qwen3-32b-v1:0", "", (), True, (False, False)),
    ],
)
def test_models_at_bedrock_by_their_vendor(
    model: str, family: str, efforts: tuple[str, ...], json_schema: bool, cache: tuple[bool, bool]
) -> None:
    profile = profile_for("bedrock.converse", model)

    assert (profile.family, profile.efforts, profile.json_schema) == (family, efforts, json_schema)
    assert (profile.cache_control, profile.cache_ttl) == cache
    assert profile.forced_tools == (family != "llama")


@pytest.mark.parametrize(
    ("model", "one"),
    [("claude-sonnet-4-20250514", False), ("claude-opus-4-1", True), ("claude-haiku-4-5", True), ("glm-4.6", False)],
)
def test_newer_claude_takes_a_temperature_or_top_p(model: str, one: bool) -> None:
    assert profile_for("anthropic.messages", model).one_sampling == one
