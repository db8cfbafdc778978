"""What paths ask for, where the path itself names the model and whether to stream."""

import pytest

from plano_extproc.gateway.surface import Surface, framing, surface

PROJECT = "projects/my-project/locations/us-east5"


@pytest.mark.parametrize(
    ("path", "model", "is_stream"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", True),
        ("/v1/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1alpha/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1beta/models/openai%2Fgpt-4o:generateContent", "openai/gpt-4o", False),
        ("/v1beta/models/openai/gpt-4o:generateContent", "openai/gpt-4o", False),
        ("/v1beta/models/llama3:8b:generateContent", "llama3:8b", False),
        (f"/v1/{PROJECT}/publishers/google/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        (f"/v1beta1/{PROJECT}/publishers/google/models/gemini-3-pro:streamGenerateContent", "gemini-3-pro", True),
        ("/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1beta1/publishers/openai/models/gpt-4o:generateContent", "openai/gpt-4o", False),
        ("/v1beta1/publishers/anthropic/models/claude:generateContent", "anthropic/claude", False),
    ],
)
def test_clients_of_geminis_name_their_model_in_the_path(path: str, model: str, is_stream: bool) -> None:
    assert surface(path) == Surface("gemini.generate", model=model, is_stream=is_stream)


@pytest.mark.parametrize(
    ("path", "model", "is_stream"),
    [
        ("anthropic/models/claude-sonnet-4-5@20250929:rawPredict", "claude-sonnet-4-5@20250929", False),
        ("anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict", "claude-sonnet-4-5@20250929", True),
        ("anthropic/models/vertex%2Fclaude-sonnet-4-5:rawPredict", "vertex/claude-sonnet-4-5", False),
    ],
)
def test_anthropics_client_of_vertex_names_its_model_in_the_path(path: str, model: str, is_stream: bool) -> None:
    found = surface(f"/v1/{PROJECT}/publishers/{path}")

    assert found == Surface("anthropic.messages", model=model, is_stream=is_stream, is_vertex=True)


def test_anthropics_client_of_vertex_counts_tokens_under_a_name_that_is_no_models() -> None:
    found = surface(f"/v1/{PROJECT}/publishers/anthropic/models/count-tokens:rawPredict")

    assert found == Surface("anthropic.messages", "count_tokens", is_vertex=True)


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/gemini-2.5-flash",
        "/v1beta/models/gemini-2.5-flash:embedContent",
        "/v1beta/models/:generateContent",
        "/v1beta/models/claude:rawPredict",
        "/v1beta/models/a\ngenerateContent",
        "/v1/models/gpt-4o",
        f"/v1/{PROJECT}/models/gemini:generateContent",
        "/v1/projects/publishers/google/models/gemini:generateContent",
        "/v2/publishers/google/models/gemini:generateContent",
    ],
)
def test_other_paths_ask_for_nothing(path: str) -> None:
    assert surface(path) is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "array"),
        ("alt=sse", "sse"),
        ("key=k&alt=sse", "sse"),
        ("$alt=sse", "sse"),
        ("%24alt=sse", "sse"),
        ("alt=json", "array"),
        ("default=sse", "array"),
        ("x=alt=sse", "array"),
        ("alt=ssex", "array"),
    ],
)
def test_clients_of_geminis_say_in_the_query_how_they_want_a_stream(query: str, expected: str) -> None:
    stream, whole = (Surface("gemini.generate", model="m", is_stream=is_stream) for is_stream in (True, False))

    assert framing(stream, query) == expected
    assert framing(whole, query) == "sse"
    assert framing(Surface("anthropic.messages", model="m", is_stream=True, is_vertex=True), query) == "sse"
