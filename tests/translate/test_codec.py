from typing import Any

import pytest

from plano_extproc.errors import NotImplementedYet
from plano_extproc.translate import Translation
from plano_extproc.translate.apis import CODECS, PROVIDER_CODECS
from plano_extproc.translate.translation import codec, provider_codec


def test_a_dialect_without_a_codec_is_named_with_those_that_have_one() -> None:
    unknown: Any = "acme.chat"

    with pytest.raises(NotImplementedYet, match=r"acme\.chat cannot be translated yet; known: openai\.chat"):
        provider_codec(unknown)


def test_a_dialect_that_no_client_speaks_is_named_with_those_that_clients_do() -> None:
    with pytest.raises(NotImplementedYet, match=r"clients of the dialect bedrock\.converse .* known: openai\.chat"):
        Translation("bedrock.converse", "openai.chat")


def test_codecs_are_known_by_their_own_name() -> None:
    assert all(provider_codec(api).api == api for api in PROVIDER_CODECS)
    assert all(codec(api).api == api for api in CODECS)


def test_every_dialect_of_clients_is_one_of_providers_too() -> None:
    assert PROVIDER_CODECS.keys() - CODECS.keys() == {"bedrock.converse"}
    assert CODECS.items() <= PROVIDER_CODECS.items()


def test_the_same_dialect_on_both_sides_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Translation("openai.chat", "openai.chat")


def test_what_the_provider_leaves_out_is_filled_in() -> None:
    translation = Translation("openai.chat", "anthropic.messages", created=7, answer_id="x")
    translation.request({"messages": [{"role": "user", "content": "hi"}]}, "the-model")
    made = translation.response(b'{"type":"message","content":[],"stop_reason":"end_turn"}')

    assert b'"id":"x"' in made
    assert b'"created":7' in made
    assert b'"model":"the-model"' in made
