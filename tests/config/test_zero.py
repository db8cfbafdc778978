import yaml

from plano_extproc.config import zero_config
from tests.config.reading import loaded

ENV = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "digitalocean": "DO_API_KEY",
    "vercel": "AI_GATEWAY_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "edenai": "EDENAI_API_KEY",
}


def test_without_keys_every_provider_takes_the_caller_s_credential() -> None:
    written = yaml.safe_load(zero_config({}))

    assert [entry["model"] for entry in written["model_providers"]] == [f"{name}/*" for name in ENV]
    assert all(entry["passthrough_auth"] is True for entry in written["model_providers"])


def test_providers_with_a_key_stand_first() -> None:
    written = yaml.safe_load(zero_config({"GROQ_API_KEY": "k", "EDENAI_API_KEY": "k", "OPENAI_API_KEY": ""}))

    assert [entry["model"] for entry in written["model_providers"]][:3] == ["groq/*", "edenai/*", "openai/*"]
    assert written["model_providers"][0]["access_key"] == "$GROQ_API_KEY"
    assert "passthrough_auth" not in written["model_providers"][0]
    assert "access_key" not in written["model_providers"][2]


def test_each_provider_has_its_variable() -> None:
    written = yaml.safe_load(zero_config(dict.fromkeys(ENV.values(), "k")))
    found = {
        entry["model"].removesuffix("/*"): entry["access_key"].removeprefix("$") for entry in written["model_providers"]
    }

    assert found == ENV


def test_it_loads_without_a_problem_and_listens_on_loopback() -> None:
    result = loaded(zero_config({"OPENAI_API_KEY": "sk"}, port=13000), {"OPENAI_API_KEY": "sk"})

    assert result.problems == ()
    assert result.config is not None
    (listener,) = result.config.listeners
    assert (listener.name, listener.address, listener.port) == ("llm", "127.0.0.1", 13000)


def test_it_holds_no_key() -> None:
    assert "sk-secret" not in zero_config({"OPENAI_API_KEY": "sk-secret"})
