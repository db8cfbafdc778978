import datetime
import subprocess
import sys

import pytest

from plano_extproc.config.catalogue import PROVIDERS
from plano_extproc.config.models_catalogue import Price, Tier, model_of, models_of, offers
from tests.config.reading import config_of


def test_the_providers_that_matter_are_covered() -> None:
    wanted = (
        "openai anthropic gemini groq mistral deepseek xai together_ai moonshotai zhipu qwen xiaomi azure_openai "
        "amazon_bedrock vertex cohere perplexity fireworks cerebras"
    )

    assert set(wanted.split()) <= set(offers()) <= set(PROVIDERS)
    assert all(models_of(name) for name in wanted.split())


@pytest.mark.parametrize("provider", offers())
def test_no_id_or_alias_of_a_provider_means_two_models(provider: str) -> None:
    ids = [name for model in models_of(provider) for name in model.ids]

    assert len(ids) == len(set(ids))


def test_every_block_says_when_it_was_read() -> None:
    earliest = datetime.date(2026, 1, 1)

    assert all(offer.date >= earliest for offer in offers().values())


def test_figures_are_of_the_right_order() -> None:
    for provider in offers():
        for model in models_of(provider):
            where = f"{provider}/{model.id}"
            assert model.context is None or 1_000 < model.context <= 10_000_000, where
            assert model.output is None or (model.context and model.output < model.context), where
            for rates in (model.price, *model.price.tiers) if model.price else ():
                assert rates.input <= 100, where
                assert rates.cache_read is None or rates.cache_read <= rates.input, where
                assert rates.cache_write is None or rates.cache_write >= rates.input, where
                assert model.kind != "chat" or rates.output is not None, where


def test_long_prompts_have_prices_of_their_own_and_they_rise() -> None:
    for provider in offers():
        for model in models_of(provider):
            tiers = model.price.tiers if model.price else ()
            assert [tier.above for tier in tiers] == sorted({tier.above for tier in tiers}), model.id
            assert all(model.price and tier.input > model.price.input for tier in tiers), model.id


def test_the_price_is_that_of_the_prompt_s_length() -> None:
    price = Price(input=1, output=5, tiers=(Tier(above=100, input=2), Tier(above=200, input=3)))

    assert [price.rates(tokens).input for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]


def test_a_provider_may_offer_another_s_models() -> None:
    assert models_of("azure_openai") == models_of("openai")


def test_a_model_is_found_by_its_alias() -> None:
    by_alias = model_of("anthropic", "claude-haiku-4-5-20251001")

    assert by_alias is not None
    assert by_alias.id == "claude-haiku-4-5"
    assert model_of("anthropic", "gpt-4o") is None
    assert model_of("acme", "gpt-4o") is None


def test_an_entry_offers_what_the_catalogue_lists() -> None:
    everything, one, dated = config_of(
        """
        version: v0.5.0
        model_providers:
          - {model: openai/*, access_key: k}
          - {model: openai/gpt-4o, access_key: k}
          - {model: anthropic/claude-haiku-4-5-20251001, access_key: k}
        """
    ).model_providers

    assert everything.listed == models_of("openai")
    assert [model.id for model in one.listed] == ["gpt-4o"]
    assert [model.id for model in dated.listed] == ["claude-haiku-4-5"]


def test_nothing_is_listed_of_a_server_that_stands_in() -> None:
    elsewhere, own, azure = config_of(
        """
        version: v0.5.0
        model_providers:
          - {model: openai/*, access_key: k, base_url: "http://localhost:8000/v1"}
          - {model: mine/gpt-4o, access_key: k, base_url: "http://h:1", provider_interface: openai}
          - {model: azure_openai/gpt-4o, access_key: k, base_url: "https://r.openai.azure.com"}
        """
    ).model_providers

    assert (elsewhere.listed, own.listed) == ((), ())
    assert [model.id for model in azure.listed] == ["gpt-4o"]


def test_a_program_that_does_not_ask_reads_no_catalogue() -> None:
    code = "from plano_extproc.config import catalogue, models_catalogue as m; print(m.offers.cache_info().currsize)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert result.stdout == "0\n"
