import pytest

from plano_extproc.apis import Api
from plano_extproc.config import zero_config
from plano_extproc.config.catalogue import PROVIDERS, provider, service
from tests.config.reading import config_of

# provider -> the URL of each dialect in the zero configuration
ZERO = {
    "openai": {
        "openai.chat": "https://api.openai.com/v1/chat/completions",
        "openai.responses": "https://api.openai.com/v1/responses",
    },
    "anthropic": {"anthropic.messages": "https://api.anthropic.com/v1/messages"},
    "gemini": {
        "openai.chat": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        "gemini.generate": "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
    },
    "groq": {"openai.chat": "https://api.groq.com/openai/v1/chat/completions"},
    "deepseek": {
        "openai.chat": "https://api.deepseek.com/v1/chat/completions",
        "anthropic.messages": "https://api.deepseek.com/anthropic/v1/messages",
    },
    "mistral": {"openai.chat": "https://api.mistral.ai/v1/chat/completions"},
    "digitalocean": {"openai.chat": "https://inference.do-ai.run/v1/chat/completions"},
    "vercel": {
        "openai.chat": "https://ai-gateway.vercel.sh/v1/chat/completions",
        "anthropic.messages": "https://ai-gateway.vercel.sh/v1/messages",
        "openai.responses": "https://ai-gateway.vercel.sh/v1/responses",
    },
    "openrouter": {
        "openai.chat": "https://openrouter.ai/api/v1/chat/completions",
        "anthropic.messages": "https://openrouter.ai/api/v1/messages",
    },
    "edenai": {"openai.chat": "https://api.edenai.run/v3/chat/completions"},
}


def test_the_zero_configuration_calls_these_urls() -> None:
    found = {}
    for entry in config_of(zero_config({})).model_providers:
        host = "/".join((entry.base_url or "").split("/")[:3])
        found[entry.provider] = {api: host + entry.path(api, "m") for api in entry.apis}

    assert found == ZERO


# base_url as the peer's own zero configuration writes it -> path of chat completions
PEER_URLS = {
    "gemini": ("https://generativelanguage.googleapis.com/v1beta", "/v1beta/openai/chat/completions"),
    "groq": ("https://api.groq.com/openai/v1", "/openai/v1/chat/completions"),
    "openrouter": ("https://openrouter.ai/api/v1", "/api/v1/chat/completions"),
    "edenai": ("https://api.edenai.run/v3", "/v3/chat/completions"),
}


@pytest.mark.parametrize("name", PEER_URLS)
def test_a_base_url_of_the_peer_leads_to_a_path_that_exists(name: str) -> None:
    base_url, path = PEER_URLS[name]

    assert PROVIDERS[name].path("openai.chat", "m", base_url) == path


# model, base_url, interface, dialect -> path
PATHS: list[tuple[str, str | None, str | None, Api, str]] = [
    ("groq/m", None, None, "openai.chat", "/openai/v1/chat/completions"),
    ("groq/m", "https://h/openai", None, "openai.chat", "/openai/v1/chat/completions"),
    ("groq/m", "https://h", None, "openai.chat", "/openai/v1/chat/completions"),
    ("zhipu/m", None, None, "openai.chat", "/api/paas/v4/chat/completions"),
    ("zhipu/m", "https://h/api/coding/paas/v4/", None, "openai.chat", "/api/coding/paas/v4/chat/completions"),
    ("qwen/m", "https://h", None, "openai.chat", "/compatible-mode/v1/chat/completions"),
    (
        "azure_openai/dep",
        "https://h",
        None,
        "openai.chat",
        "/openai/deployments/dep/chat/completions?api-version=2025-01-01-preview",
    ),
    ("azure_openai/m", "https://h/x", None, "openai.chat", "/x/m/chat/completions?api-version=2025-01-01-preview"),
    (
        "azure_openai/m",
        "https://h?api-version=1",
        None,
        "openai.chat",
        "/openai/deployments/m/chat/completions?api-version=1",
    ),
    ("azure_openai/m", "https://h/openai/v1", None, "openai.chat", "/openai/v1/chat/completions"),
    ("amazon_bedrock/a.b/c:0", "https://h", None, "bedrock.converse", "/model/a.b%2Fc%3A0/converse"),
    ("openai/m", "https://h/api/v2", None, "openai.chat", "/api/v2/chat/completions"),
    ("openai/m", "https://h/", None, "openai.responses", "/v1/responses"),
    ("openai/m", "https://h/v1?key=1", None, "openai.chat", "/v1/chat/completions?key=1"),
    ("openrouter/m", "https://h", None, "openai.chat", "/v1/chat/completions"),
    ("openrouter/m", "https://openrouter.ai", None, "openai.chat", "/api/v1/chat/completions"),
    ("chatgpt/m", None, None, "openai.responses", "/backend-api/codex/responses"),
    ("my-claude/m", "https://h", "anthropic", "anthropic.messages", "/v1/messages"),
    ("perplexity/sonar", "https://api.perplexity.ai", "openai", "openai.chat", "/chat/completions"),
    ("perplexity/sonar", None, None, "openai.chat", "/chat/completions"),
    ("openai/k", "https://api.kimi.com/coding", None, "openai.chat", "/coding/v1/chat/completions"),
    ("moonshotai/kimi-for-coding", "https://h/coding/", None, "openai.chat", "/coding/v1/chat/completions"),
    ("vllm/m", "http://h:8000", "openai", "openai.chat", "/v1/chat/completions"),
]


@pytest.mark.parametrize(("model", "base_url", "interface", "api", "path"), PATHS)
def test_a_model_is_served_at_this_path(
    model: str, base_url: str | None, interface: str | None, api: Api, path: str
) -> None:
    keys = [f"model: {model}", "access_key: k"]
    keys += [f"base_url: '{base_url}'"] if base_url else []
    keys += [f"provider_interface: {interface}"] if interface else []
    (entry,) = config_of(f"version: v0.5.0\nmodel_providers: [{{{', '.join(keys)}}}]\n").model_providers

    assert entry.path(api) == path


def test_ids_and_aliases_are_found_in_any_case() -> None:
    found = {
        name: kind.id for name in ("Google", "together", "do", "do_ai", "amazon", "OPENAI") if (kind := provider(name))
    }

    assert found == {
        "Google": "gemini",
        "together": "together_ai",
        "do": "digitalocean",
        "do_ai": "digitalocean",
        "amazon": "amazon_bedrock",
        "OPENAI": "openai",
    }
    assert provider("acme") is None


def test_the_table_holds_every_provider_of_the_peer() -> None:
    peers = (
        "openai anthropic gemini groq mistral deepseek xai together_ai moonshotai zhipu qwen xiaomi azure_openai "
        "amazon_bedrock ollama chatgpt digitalocean vercel openrouter edenai plano github astraflow "
        "astraflow_cn meta minimax"
    )

    assert set(peers.split()) <= set(PROVIDERS)


def test_display_names_are_those_that_clients_know() -> None:
    capital = "openai anthropic gemini groq mistral deepseek github plano"
    names = {kind.name for kind in PROVIDERS.values() if kind.id in capital.split()}

    assert names == {"OpenAI", "Anthropic", "Gemini", "Groq", "Mistral", "Deepseek", "GitHub", "Plano"}
    assert {PROVIDERS[name].name for name in ("xai", "qwen", "vercel")} == {"xai", "qwen", "vercel"}


def test_spellings_are_unique() -> None:
    spellings = [spelling for kind in PROVIDERS.values() for spelling in (kind.id, *kind.aliases)]

    assert len(spellings) == len(set(spellings))


def test_a_service_is_known_by_host_or_model_behind_a_base_url() -> None:
    assert service(None, "kimi-for-coding") is None
    assert service("https://h", "gpt-4o") is None
    by_host = service("https://api.kimi.com/coding", "any")
    assert by_host is not None
    assert by_host.headers == {"user-agent": "KimiCLI/1.3"}
    assert service("https://h/coding", "kimi-for-coding") == by_host
