"""Pictures, sounds and films in a form that a provider does not take, or calls otherwise; and the id in a header."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Translation


def from_gemini(provider: Api, media_type: str) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": media_type, "data": "AA=="}}
    made = Translation("gemini.generate", provider).request({"contents": [{"parts": [part]}]}, "m")
    body: dict[str, Any] = orjson.loads(made.body)
    return body


@pytest.mark.parametrize(
    ("media_type", "form"), [("audio/mpeg", "mp3"), ("audio/mp3", "mp3"), ("audio/x-wav", "wav"), ("audio/wav", "wav")]
)
def test_a_sound_has_the_format_that_openai_knows(media_type: str, form: str) -> None:
    (part,) = from_gemini("openai.chat", media_type)["messages"][0]["content"]

    assert part == {"type": "input_audio", "input_audio": {"data": "AA==", "format": form}}


@pytest.mark.parametrize("provider", ["openai.responses", "anthropic.messages", "bedrock.converse"])
@pytest.mark.parametrize("media_type", ["image/bmp", "image/svg+xml", "image/heic"])
def test_a_picture_that_a_provider_cannot_see_is_refused_by_its_place(provider: Api, media_type: str) -> None:
    with pytest.raises(InvalidRequest, match=f"not {media_type}".replace("+", r"\+")) as refused:
        from_gemini(provider, media_type)

    assert refused.value.param == "contents[0].parts[0]"


def test_a_film_is_refused_by_its_place() -> None:
    for provider in ("openai.chat", "openai.responses", "anthropic.messages", "bedrock.converse"):
        with pytest.raises(InvalidRequest) as refused:
            from_gemini(provider, "video/mp4")

        assert refused.value.param == "contents[0].parts[0]"


def test_jpg_is_spelled_as_it_is_registered() -> None:
    (block,) = from_gemini("anthropic.messages", "image/jpg")["messages"][0]["content"]

    assert block["source"]["media_type"] == "image/jpeg"


def test_an_answer_of_bedrocks_has_the_id_of_its_header() -> None:
    translation = Translation("openai.chat", "bedrock.converse", answer_id="ours")
    translation.request({"messages": [{"role": "user", "content": "hi"}]}, "m")
    translation.told_by({"x-amzn-requestid": b"7a-b1"})
    body = {"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "end_turn"}

    assert orjson.loads(translation.response(orjson.dumps(body)))["id"] == "7a-b1"


def test_an_answer_that_has_an_id_keeps_it() -> None:
    translation = Translation("openai.chat", "anthropic.messages")
    translation.told_by({"x-amzn-requestid": b"7a-b1"})
    body = {"id": "msg_1", "content": [{"type": "text", "text": "x"}]}

    assert orjson.loads(translation.response(orjson.dumps(body)))["id"] == "msg_1"
