import pytest

from plano_extproc.config import load
from plano_extproc.config.catalogue import models_of
from plano_extproc.errors import InvalidRequest, NotFound
from plano_extproc.routing import Directory

PROVIDERS = """
version: v0.5.0
model_providers:
  - {model: openai/gpt-4o, access_key: k, default: true}
  - {model: azure_openai/gpt-4o, access_key: k, base_url: "https://x.openai.azure.com"}
  - {model: anthropic/claude-sonnet-4-5, name: claude, access_key: k}
  - {model: groq/*, access_key: k}
  - {model: together_ai/meta/llama-3, access_key: k}
model_aliases:
  fast: {target: gpt-4o}
  best: {target: smart}
  smart: {target: anthropic/claude-sonnet-4-5}
  wild: {target: groq/llama-3.1}
"""


def directory(text: str = PROVIDERS) -> Directory:
    loaded = load(text, environ={})
    assert loaded.config is not None, "\n".join(map(str, loaded.problems))
    return Directory(loaded.config)


@pytest.mark.parametrize(
    ("asked", "served", "reason"),
    [
        (None, "openai/gpt-4o", "default model"),
        ("", "openai/gpt-4o", "default model"),
        ("openai/gpt-4o", "openai/gpt-4o", "name openai/gpt-4o"),
        ("gpt-4o", "openai/gpt-4o", "model id gpt-4o"),
        ("azure_openai/gpt-4o", "azure_openai/gpt-4o", "name azure_openai/gpt-4o"),
        ("claude", "anthropic/claude-sonnet-4-5", "name claude"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "full name anthropic/claude-sonnet-4-5"),
        ("meta/llama-3", "together_ai/meta/llama-3", "model id meta/llama-3"),
        ("groq/openai/gpt-oss-20b", "groq/openai/gpt-oss-20b", "wildcard groq/*"),
        ("fast", "openai/gpt-4o", "alias fast -> gpt-4o"),
        ("best", "anthropic/claude-sonnet-4-5", "alias best -> smart -> anthropic/claude-sonnet-4-5"),
        ("wild", "groq/llama-3.1", "alias wild -> groq/llama-3.1"),
    ],
)
def test_a_name_finds_its_provider(asked: str | None, served: str, reason: str) -> None:
    choice = directory().resolve(asked)

    assert (choice.name, choice.reason) == (served, reason)


@pytest.mark.parametrize(("asked", "nearest"), [("gpt-4", "gpt-4o"), ("claud", "claude"), ("fest", "fast")])
def test_an_unknown_name_is_refused_with_the_nearest(asked: str, nearest: str) -> None:
    with pytest.raises(NotFound) as caught:
        directory().resolve(asked)

    assert nearest in caught.value.message
    assert caught.value.param == "model"


def test_an_unknown_prefix_is_not_ignored() -> None:
    with pytest.raises(NotFound):
        directory().resolve("anything/gpt-4o")


def test_a_wildcard_needs_a_model_behind_it() -> None:
    with pytest.raises(NotFound):
        directory().resolve("groq/")


def test_a_huge_name_is_shown_cut() -> None:
    with pytest.raises(NotFound) as caught:
        directory().resolve("x" * 100_000)

    assert len(caught.value.message) < 1000


def test_no_name_and_no_default_asks_for_a_model() -> None:
    text = "version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k}]"

    with pytest.raises(InvalidRequest) as caught:
        directory(text).resolve(None)

    assert caught.value.param == "model"


def test_names_list_models_once_then_what_a_wildcard_serves_then_aliases() -> None:
    names = [name for name, _ in directory().names()]

    assert names[:4] == ["openai/gpt-4o", "azure_openai/gpt-4o", "claude", "together_ai/meta/llama-3"]
    assert names[-4:] == ["fast", "best", "smart", "wild"]
    assert names[4:-4] == [f"groq/{model.id}" for model in models_of("groq")]
    assert names[4:-4]
