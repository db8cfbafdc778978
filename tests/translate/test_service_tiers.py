"""Service tiers, in requests and in answers, whole and streamed."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from plano_extproc.translate.apis import PROVIDER_CODECS
from plano_extproc.translate.apis.bedrock_converse.answer import read_usage
from plano_extproc.translate.chat import Usage
from tests.translate.golden import ASKS

OPENAI = ("openai.chat", "openai.responses")


def sent(client: Api, provider: Api, field: str, tier: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    made = Translation(client, provider).request({**ASKS[client], field: tier}, "m")
    return orjson.loads(made.body), made.dropped


@pytest.mark.parametrize("client", OPENAI)
@pytest.mark.parametrize(
    ("tier", "anthropic", "gemini", "bedrock"),
    [
        ("default", "standard_only", "standard", {"type": "default"}),
        ("priority", "auto", "priority", {"type": "priority"}),
        ("fast", "auto", None, None),
        ("flex", None, "flex", {"type": "flex"}),
        ("scale", None, None, None),
    ],
)
def test_a_tier_of_openais_is_put_in_the_providers_words(
    client: Api, tier: str, anthropic: str | None, gemini: str | None, bedrock: object
) -> None:
    providers: dict[Api, tuple[str, object]] = {
        "anthropic.messages": ("service_tier", anthropic),
        "gemini.generate": ("serviceTier", gemini),
        "bedrock.converse": ("serviceTier", bedrock),
    }
    for provider, (field, word) in providers.items():
        body, dropped = sent(client, provider, "service_tier", tier)

        assert body.get(field) == word
        assert ("service_tier" in dropped) == (word is None)


@pytest.mark.parametrize("provider", [*OPENAI, "gemini.generate", "bedrock.converse"])
def test_standard_only_of_anthropics_is_the_default(provider: Api) -> None:
    body, dropped = sent("anthropic.messages", provider, "service_tier", "standard_only")
    words: dict[str, Any] = {"gemini.generate": "standard", "bedrock.converse": {"type": "default"}}

    assert body.get("service_tier", body.get("serviceTier")) == words.get(provider, "default")
    assert dropped == ()


@pytest.mark.parametrize("provider", [*OPENAI, "gemini.generate", "bedrock.converse"])
def test_auto_of_anthropics_asks_for_nothing(provider: Api) -> None:
    body, dropped = sent("anthropic.messages", provider, "service_tier", "auto")

    assert not {"service_tier", "serviceTier"} & body.keys()
    assert dropped == ()


@pytest.mark.parametrize(
    ("api", "answer"),
    [
        ("openai.chat", {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1}}),
        ("openai.responses", {"status": "completed", "output": [], "usage": {"input_tokens": 1}}),
        ("anthropic.messages", {"content": [], "usage": {"input_tokens": 1}}),
        ("gemini.generate", {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}),
        ("bedrock.converse", {"output": {"message": {"content": []}}, "usage": {"inputTokens": 1}}),
    ],
)
@pytest.mark.parametrize(("tier", "own"), [("default", "standard"), ("priority", "priority")])
def test_the_tier_of_an_answer_is_read(api: Api, answer: dict[str, Any], tier: str, own: str) -> None:
    told: dict[Api, dict[str, Any]] = {
        "openai.chat": {"service_tier": tier},
        "openai.responses": {"service_tier": tier},
        "anthropic.messages": {"usage": {"input_tokens": 1, "service_tier": own}},
        "gemini.generate": {"usageMetadata": {"promptTokenCount": 1, "serviceTier": own}},
        "bedrock.converse": {"serviceTier": {"type": tier}},
    }
    read = PROVIDER_CODECS[api].decode_answer({**answer, **told[api]}).usage

    assert read == Usage(input=1, tier=tier)


def test_capacity_that_is_reserved_at_amazon_is_scale() -> None:
    assert read_usage({"inputTokens": 1}, {"type": "reserved"}) == Usage(input=1, tier="scale")


def test_a_tier_that_the_client_has_no_word_for_is_not_told() -> None:
    answer = {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1}, "service_tier": "flex"}
    made = Translation("anthropic.messages", "openai.chat").response(orjson.dumps(answer))

    assert "service_tier" not in orjson.loads(made)["usage"]
