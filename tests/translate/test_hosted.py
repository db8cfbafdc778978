"""Anthropic's models at other vendors."""

import orjson

from plano_extproc.translate import Profile, Translation
from plano_extproc.translate.apis.anthropic_messages.hosted import VERTEX, hosted
from tests.translate.facts import to_messages

HI = [{"role": "user", "content": "hi"}]


def test_a_hosted_model_is_named_in_the_path_and_the_version_in_the_body() -> None:
    body, dropped = to_messages({"messages": HI, "max_tokens": 5, "stream": True}, Profile(hosted_version=VERTEX))

    assert body == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": True,
    }
    assert dropped == ()


def test_anthropics_own_models_are_named_in_the_body() -> None:
    body, _ = to_messages({"messages": HI})

    assert body["model"] == "m"
    assert "anthropic_version" not in body


def test_a_request_of_anthropics_own_client_keeps_its_other_fields() -> None:
    body = {"model": "claude-sonnet-4-5", "messages": HI, "max_tokens": 5, "brand_new": {"a": 1}}

    assert hosted(body, VERTEX) == {
        "anthropic_version": VERTEX,
        "messages": HI,
        "max_tokens": 5,
        "brand_new": {"a": 1},
    }
    assert body["model"] == "claude-sonnet-4-5"


def test_a_version_that_the_caller_gave_stays() -> None:
    assert hosted({"anthropic_version": "vertex-2027-01-01"}, VERTEX) == {"anthropic_version": "vertex-2027-01-01"}


def test_a_gemini_client_reaches_a_hosted_claude() -> None:
    translation = Translation(
        "gemini.generate", "anthropic.messages", Profile(hosted_version=VERTEX), is_stream=True, framing="array"
    )
    out = translation.request({"contents": [{"parts": [{"text": "hi"}]}]}, "claude-opus-5")
    body = orjson.loads(out.body)

    assert body.keys() == {"anthropic_version", "max_tokens", "messages", "stream"}
    assert out.is_stream
