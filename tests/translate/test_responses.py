"""Whole answers, by golden files; each must also be what the client's own SDK takes."""

from pathlib import Path

import orjson
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import Translation
from tests.translate.golden import ASKS, PAIRS, Check, beside, check, paired, pretty

__all__ = ["check"]

MODELS: dict[Api, type[BaseModel]] = {
    "openai.chat": ChatCompletion,
    "anthropic.messages": Message,
    "openai.responses": Response,
}


def translation(client: Api, provider: Api) -> Translation:
    made = Translation(client, provider, created=1700000001, answer_id="answer_1")
    made.request(ASKS[client], "the-model")
    return made


@pytest.mark.parametrize(("client", "provider", "path"), paired("responses"))
def test_response(client: Api, provider: Api, path: Path, check: Check) -> None:
    made = orjson.loads(translation(client, provider).response(path.read_bytes()))

    if client in MODELS:
        MODELS[client].model_validate(made, strict=True)
    check(beside(path, client, "json"), pretty(made))


@pytest.mark.parametrize(("client", "provider"), PAIRS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":{"content":5}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}',
        b'{"content":"text"}',
        b'{"content":[1]}',
        b'{"content":[{"type":"tool_use","name":"x","input":[1]}]}',
        b'{"choices":[{"message":{}}],"usage":{"prompt_tokens":"many"}}',
    ],
)
def test_an_answer_that_makes_no_sense_is_the_providers_fault(client: Api, provider: Api, body: bytes) -> None:
    with pytest.raises(BadProviderAnswer, match="provider"):
        translation(client, provider).response(body)


def test_an_error_with_status_200_is_told_with_its_message() -> None:
    with pytest.raises(BadProviderAnswer, match="no credits left"):
        translation("anthropic.messages", "openai.chat").response(b'{"error":{"message":"no credits left","code":402}}')
