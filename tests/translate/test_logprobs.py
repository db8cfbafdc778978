"""How likely tokens were: asked for in the words of one dialect, told in those of another; streams are goldens."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import Profile, Translation, profile_for
from tests.translate.golden import ASKS

FULL = {"logprobs": True, "top_logprobs": 2}
IN_RESPONSES = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
IN_GEMINI = {"generationConfig": {"responseLogprobs": True, "logprobs": 2}}
WISHES: dict[Api, dict[str, Any]] = {
    "openai.chat": FULL,
    "openai.responses": IN_RESPONSES,
    "gemini.generate": IN_GEMINI,
}
PLAIN = Profile()


def sent(client: Api, provider: Api, wish: dict[str, Any], profile: Profile = PLAIN) -> tuple[dict[str, Any], set[str]]:
    body = {key: held for key, held in ASKS[client].items() if key != "generationConfig"}
    made = Translation(client, provider, profile).request({**body, **wish}, "m")
    return orjson.loads(made.body), set(made.dropped)


@pytest.mark.parametrize("client", WISHES)
@pytest.mark.parametrize("provider", WISHES)
def test_the_wish_is_put_in_the_providers_words(client: Api, provider: Api) -> None:
    if client == provider:
        return
    body, dropped = sent(client, provider, WISHES[client])
    wish = WISHES[provider].get("generationConfig", WISHES[provider])

    assert {**body, **body.get("generationConfig", {})}.items() >= wish.items()
    assert dropped == set()


@pytest.mark.parametrize(
    ("client", "wish", "name"),
    [
        ("openai.chat", {"top_logprobs": 2}, "top_logprobs"),
        ("openai.responses", {"top_logprobs": 2}, "top_logprobs"),
        ("gemini.generate", {"generationConfig": {"logprobs": 2}}, "generationConfig.logprobs"),
    ],
)
@pytest.mark.parametrize("provider", ["openai.chat", "gemini.generate"])
def test_rivals_alone_are_not_sent_where_they_are_refused(
    client: Api, wish: dict[str, Any], name: str, provider: Api
) -> None:
    if client == provider:
        return
    body, dropped = sent(client, provider, wish)

    assert "top_logprobs" not in body
    assert "logprobs" not in body.get("generationConfig", {})
    assert dropped == {name}


def test_a_model_that_thinks_is_not_asked_for_them() -> None:
    body, dropped = sent("openai.chat", "openai.responses", FULL, profile_for("openai.responses", "gpt-5.2"))

    assert body["include"] == ["reasoning.encrypted_content"]
    assert "top_logprobs" not in body
    assert dropped == {"logprobs", "top_logprobs"}


def test_a_token_without_bytes_gets_those_of_its_text() -> None:
    likely = {"content": [{"token": "é", "logprob": -1, "bytes": None, "top_logprobs": []}]}
    choice = {"message": {"content": "é"}, "logprobs": likely, "finish_reason": "stop"}
    made = Translation("openai.responses", "openai.chat").response(orjson.dumps({"choices": [choice]}))

    (part,) = orjson.loads(made)["output"][0]["content"]
    assert part["logprobs"] == [{"token": "é", "logprob": -1, "bytes": [195, 169], "top_logprobs": []}]


@pytest.mark.parametrize("logprob", [None, "x", True])
def test_a_likelihood_that_is_no_number_is_the_providers_fault(logprob: object) -> None:
    choice = {"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": logprob}]}}
    with pytest.raises(BadProviderAnswer, match="the likelihood of a token"):
        Translation("openai.responses", "openai.chat").response(orjson.dumps({"choices": [choice]}))
