import json

from plano_extproc.routing.prices import Prices
from tests.cli.commands import CONFIG, KEYS, Shell


def test_models_and_aliases_are_listed_with_where_they_are_served(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", "--json", **KEYS)

    found = json.loads(result.stdout)
    assert result.returncode == 0
    entries = [model for model in found["models"] if "under" not in model]
    assert [model["name"] for model in entries] == ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "groq/*"]
    assert [model["default"] for model in entries] == [True, False, False]
    assert [model["wildcard"] for model in entries] == [False, False, True]
    assert found["models"][0]["url"] == "https://api.openai.com/v1/chat/completions"
    assert found["models"][1]["url"] == "https://api.anthropic.com/v1/messages"
    assert [(alias["name"], alias["model"]) for alias in found["aliases"]] == [("fast", "openai/gpt-4o")]


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


def test_a_wildcard_is_followed_by_what_the_catalogue_knows_behind_it(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", "--json", "--provider", "groq", **KEYS)

    wildcard, *behind = json.loads(result.stdout)["models"]
    assert wildcard["wildcard"]
    assert {model["under"] for model in behind} == {"groq/*"}
    assert "groq/openai/gpt-oss-120b" in {model["name"] for model in behind}
    assert json.loads(result.stdout)["aliases"] == []


def test_context_prices_and_capabilities_are_told_where_known(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", "--json", **KEYS)

    found = json.loads(result.stdout)
    for known in (found["models"][0], found["aliases"][0]):
        assert known["context"] == 128_000
        assert {"tools", "vision"} <= set(known["can"])
        assert known["price"]["input"] > 0


def test_prices_of_a_server_that_stands_in_are_those_that_it_is_charged_by(user: Shell) -> None:
    user.write(
        "version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k, base_url: 'http://127.0.0.1:9/v1'}]\n"
    )

    (found,) = json.loads(user.planoai("models", "--json").stdout)["models"]

    rates = Prices().of("openai/gpt-4o")
    assert rates is not None
    assert found["price"]["input"] == rates.input


def test_the_table_fits_a_terminal(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("models", **KEYS)

    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0].split("  ")[0] == "model"
    assert next(line for line in lines if line.startswith("openai/gpt-4o (default)")).endswith("tools vision json")
    assert max(map(len, lines)) <= 100


def test_the_catalogue_is_listed_without_a_file(user: Shell) -> None:
    table = user.planoai("models", "--all", "--provider", "Together")
    whole = user.planoai("models", "--all", "--json")

    assert table.returncode == whole.returncode == 0
    assert "moonshotai/Kimi-K3" in table.stdout
    found = json.loads(whole.stdout)
    assert {"openai", "anthropic", "azure_openai"} <= set(found)
    assert found["anthropic"]["source"].startswith("https://")
    assert any("claude-haiku-4-5-20251001" in model["aliases"] for model in found["anthropic"]["models"])


def test_a_provider_that_nobody_knows_is_refused(user: Shell) -> None:
    unknown = user.planoai("models", "--all", "--provider", "acme")
    unlisted = user.planoai("models", "--all", "--provider", "vllm")

    assert (unknown.returncode, unlisted.returncode) == (1, 1)
    assert "'acme' is no known provider" in unknown.stderr
    assert "no models of vllm" in unlisted.stderr
