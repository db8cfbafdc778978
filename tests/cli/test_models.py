import json

from tests.cli.commands import CONFIG, KEYS, Shell


def test_models_and_aliases_are_listed_with_where_they_are_served(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", "--json", **KEYS)

    found = json.loads(result.stdout)
    assert result.returncode == 0
    assert [model["name"] for model in found["models"]] == ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "groq/*"]
    assert [model["default"] for model in found["models"]] == [True, False, False]
    assert [model["wildcard"] for model in found["models"]] == [False, False, True]
    assert found["models"][0]["url"] == "https://api.openai.com/v1/chat/completions"
    assert found["models"][1]["url"] == "https://api.anthropic.com/v1/messages"
    assert found["aliases"] == [{"name": "fast", "model": "openai/gpt-4o"}]


def test_the_table_holds_no_secret(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", **KEYS)

    assert result.returncode == 0
    assert "anthropic/claude-sonnet-4-5" in result.stdout
    assert "fast" in result.stdout
    assert "sk-" not in result.stdout
    assert "literal" not in result.stdout


def test_a_file_with_errors_is_refused(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", "--json")

    assert (result.returncode, result.stdout) == (1, "")
    assert "OPENAI_API_KEY" in result.stderr
