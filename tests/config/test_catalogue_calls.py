"""Where each provider is called, one line for each dialect that it speaks itself, and how it is paid there."""

from urllib.parse import urlsplit

from plano_extproc.apis import Api
from plano_extproc.config.catalogue import ENDPOINTS, PROVIDERS

# base_url of a user's, where the provider has none of its own
GIVEN = {
    "qwen": "https://w.ap-southeast-1.maas.aliyuncs.com",
    "azure_openai": "https://r.openai.azure.com",
    "amazon_bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "vertex": "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5",
    "databricks": "https://w.cloud.databricks.com",
    "cloudflare": "https://api.cloudflare.com/client/v4/accounts/a/ai/v1",
}
LOCAL = "http://h:1"

# provider, dialect, auth, URL for a model "m"
CALLS: list[tuple[str, Api, str, str]] = [
    ("openai", "openai.chat", "bearer", "https://api.openai.com/v1/chat/completions"),
    ("openai", "openai.responses", "bearer", "https://api.openai.com/v1/responses"),
    ("anthropic", "anthropic.messages", "x-api-key", "https://api.anthropic.com/v1/messages"),
    (
        "gemini",
        "gemini.generate",
        "x-goog-api-key",
        "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
    ),
    ("gemini", "openai.chat", "bearer", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
    ("groq", "openai.chat", "bearer", "https://api.groq.com/openai/v1/chat/completions"),
    ("deepseek", "openai.chat", "bearer", "https://api.deepseek.com/v1/chat/completions"),
    ("deepseek", "anthropic.messages", "x-api-key", "https://api.deepseek.com/anthropic/v1/messages"),
    ("mistral", "openai.chat", "bearer", "https://api.mistral.ai/v1/chat/completions"),
    ("digitalocean", "openai.chat", "bearer", "https://inference.do-ai.run/v1/chat/completions"),
    ("vercel", "openai.chat", "bearer", "https://ai-gateway.vercel.sh/v1/chat/completions"),
    ("vercel", "anthropic.messages", "x-api-key", "https://ai-gateway.vercel.sh/v1/messages"),
    ("vercel", "openai.responses", "bearer", "https://ai-gateway.vercel.sh/v1/responses"),
    ("openrouter", "openai.chat", "bearer", "https://openrouter.ai/api/v1/chat/completions"),
    ("openrouter", "anthropic.messages", "bearer", "https://openrouter.ai/api/v1/messages"),
    ("edenai", "openai.chat", "bearer", "https://api.edenai.run/v3/chat/completions"),
    ("xai", "openai.chat", "bearer", "https://api.x.ai/v1/chat/completions"),
    ("xai", "openai.responses", "bearer", "https://api.x.ai/v1/responses"),
    ("together_ai", "openai.chat", "bearer", "https://api.together.ai/v1/chat/completions"),
    ("moonshotai", "openai.chat", "bearer", "https://api.moonshot.ai/v1/chat/completions"),
    ("moonshotai", "anthropic.messages", "bearer", "https://api.moonshot.ai/anthropic/v1/messages"),
    ("zhipu", "openai.chat", "bearer", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
    ("zhipu", "anthropic.messages", "bearer", "https://open.bigmodel.cn/api/anthropic/v1/messages"),
    ("xiaomi", "openai.chat", "bearer", "https://api.xiaomimimo.com/v1/chat/completions"),
    ("xiaomi", "anthropic.messages", "bearer", "https://api.xiaomimimo.com/anthropic/v1/messages"),
    ("qwen", "openai.chat", "bearer", "https://w.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1/chat/completions"),
    (
        "qwen",
        "anthropic.messages",
        "x-api-key",
        "https://w.ap-southeast-1.maas.aliyuncs.com/apps/anthropic/v1/messages",
    ),
    (
        "azure_openai",
        "openai.chat",
        "api-key",
        "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2025-01-01-preview",
    ),
    ("azure_openai", "openai.responses", "api-key", "https://r.openai.azure.com/openai/v1/responses"),
    (
        "amazon_bedrock",
        "bedrock.converse",
        "bearer",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse",
    ),
    ("ollama", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("ollama", "anthropic.messages", "bearer", "http://h:1/v1/messages"),
    ("chatgpt", "openai.responses", "bearer", "https://chatgpt.com/backend-api/codex/responses"),
    ("plano", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("vllm", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("vllm", "anthropic.messages", "bearer", "http://h:1/v1/messages"),
    ("github", "openai.chat", "bearer", "https://models.github.ai/inference/chat/completions"),
    ("meta", "openai.chat", "bearer", "https://api.meta.ai/v1/chat/completions"),
    ("meta", "openai.responses", "bearer", "https://api.meta.ai/v1/responses"),
    ("minimax", "openai.chat", "bearer", "https://api.minimax.io/v1/chat/completions"),
    ("minimax", "anthropic.messages", "bearer", "https://api.minimax.io/anthropic/v1/messages"),
    ("astraflow", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("astraflow_cn", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("perplexity", "openai.chat", "bearer", "https://api.perplexity.ai/chat/completions"),
    ("cohere", "openai.chat", "bearer", "https://api.cohere.ai/compatibility/v1/chat/completions"),
    ("fireworks", "openai.chat", "bearer", "https://api.fireworks.ai/inference/v1/chat/completions"),
    ("fireworks", "anthropic.messages", "bearer", "https://api.fireworks.ai/inference/v1/messages"),
    ("cerebras", "openai.chat", "bearer", "https://api.cerebras.ai/v1/chat/completions"),
    ("sambanova", "openai.chat", "bearer", "https://api.sambanova.ai/v1/chat/completions"),
    ("sambanova", "anthropic.messages", "x-api-key", "https://api.sambanova.ai/v1/messages"),
    ("nvidia_nim", "openai.chat", "bearer", "https://integrate.api.nvidia.com/v1/chat/completions"),
    ("huggingface", "openai.chat", "bearer", "https://router.huggingface.co/v1/chat/completions"),
    (
        "vertex",
        "gemini.generate",
        "bearer",
        "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google/models/m:generateContent",
    ),
    ("databricks", "openai.chat", "bearer", "https://w.cloud.databricks.com/ai-gateway/mlflow/v1/chat/completions"),
    ("cloudflare", "openai.chat", "bearer", "https://api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions"),
    ("replicate", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("lm_studio", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("lm_studio", "anthropic.messages", "x-api-key", "http://h:1/v1/messages"),
    ("lm_studio", "openai.responses", "bearer", "http://h:1/v1/responses"),
    ("llama_cpp", "openai.chat", "bearer", "http://h:1/v1/chat/completions"),
    ("llama_cpp", "anthropic.messages", "bearer", "http://h:1/v1/messages"),
]


def test_every_provider_is_called_at_these_urls_and_paid_so() -> None:
    found = []
    for kind in PROVIDERS.values():
        given = None if kind.base_url else GIVEN.get(kind.id, LOCAL)
        url = urlsplit(given or kind.base_url or "")
        for api in kind.apis_for("m", base_url=given):
            where = f"{url.scheme}://{url.netloc}{kind.path(api, 'm', given)}"
            found.append((kind.id, api, kind.auth_for(api), where))

    assert found == CALLS


# provider, model, dialect, auth, base_url, URL
FAMILIES: list[tuple[str, str, Api, str, str, str]] = [
    (
        "vertex",
        "claude-opus-4-5@20251101",
        "anthropic.messages",
        "bearer",
        "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5",
        "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-5@20251101:rawPredict",
    ),
    (
        "azure_openai",
        "claude-sonnet-5",
        "anthropic.messages",
        "x-api-key",
        "https://r.services.ai.azure.com",
        "/anthropic/v1/messages",
    ),
]


def test_claude_models_are_called_in_their_own_dialect_where_others_are_not() -> None:
    for provider, model, api, auth, base_url, path in FAMILIES:
        kind = PROVIDERS[provider]

        assert kind.apis_for(model, base_url=base_url) == (api,)
        assert (kind.path(api, model, base_url), kind.auth_for(api)) == (path, auth)
    assert PROVIDERS["vertex"].body == {
        "anthropic.messages": {"anthropic_version": "vertex-2023-10-16", "model": None},
    }


def test_azure_serves_openai_s_own_surface_beside_deployments() -> None:
    azure = PROVIDERS["azure_openai"]
    here = "https://r.openai.azure.com"

    assert azure.path("openai.chat", "d", f"{here}/openai/v1") == "/openai/v1/chat/completions"
    assert azure.path("openai.responses", "d", f"{here}?api-version=1") == "/openai/v1/responses"
    assert azure.path("embeddings", "d", here) == "/openai/deployments/d/embeddings?api-version=2025-01-01-preview"
    assert azure.path("realtime", "d", here) == "/openai/v1/realtime"


def test_a_dialect_outside_the_root_is_not_expected_of_a_server_that_stands_in() -> None:
    kind = PROVIDERS["deepseek"]

    assert kind.apis_for("m", base_url="https://api.deepseek.com/v1") == ("openai.chat", "anthropic.messages")
    assert kind.apis_for("m", base_url="http://vllm:8000/v1") == ("openai.chat",)


def test_a_dialect_outside_the_root_can_be_asked_for_anywhere() -> None:
    gemini = PROVIDERS["gemini"]

    assert gemini.path("gemini.generate", "m", "http://h:1") == "/v1beta/models/m:generateContent"
    assert gemini.path("gemini.generate", "m", "http://h:1/g/v1beta") == "/g/v1beta/models/m:generateContent"


def test_a_root_of_the_user_s_changes_nothing_about_what_lies_outside_it() -> None:
    coding = "https://api.z.ai/api/coding/paas/v4"

    assert PROVIDERS["zhipu"].path("openai.chat", "m", coding) == "/api/coding/paas/v4/chat/completions"
    assert PROVIDERS["zhipu"].path("anthropic.messages", "m", coding) == "/api/anthropic/v1/messages"


def test_a_host_that_only_ends_like_the_provider_s_is_not_its_own() -> None:
    kind = PROVIDERS["qwen"]

    assert kind.is_home("https://dashscope-intl.aliyuncs.com")
    assert not kind.is_home("https://notaliyuncs.com")


def test_endpoints_are_found_below_the_root_unless_the_table_says_otherwise() -> None:
    found = {
        (provider, endpoint): PROVIDERS[provider].path(endpoint, "m")
        for provider in ("openai", "groq", "cohere", "perplexity")
        for endpoint in PROVIDERS[provider].endpoints
        if endpoint in {"embeddings", "rerank", "audio.transcriptions", "images.edits"}
    }

    assert found == {
        ("openai", "embeddings"): "/v1/embeddings",
        ("openai", "images.edits"): "/v1/images/edits",
        ("openai", "audio.transcriptions"): "/v1/audio/transcriptions",
        ("groq", "audio.transcriptions"): "/openai/v1/audio/transcriptions",
        ("cohere", "embeddings"): "/compatibility/v1/embeddings",
        ("cohere", "rerank"): "/v2/rerank",
        ("perplexity", "embeddings"): "/v1/embeddings",
    }


def test_tokens_are_counted_with_the_key_of_the_messages_api() -> None:
    assert PROVIDERS["anthropic"].path("count_tokens", "m") == "/v1/messages/count_tokens"
    assert PROVIDERS["anthropic"].auth_for("count_tokens") == "x-api-key"
    assert PROVIDERS["vertex"].auth_for("count_tokens") == "bearer"


def test_every_endpoint_is_offered_by_someone() -> None:
    offered = {endpoint for kind in PROVIDERS.values() for endpoint in kind.endpoints}

    assert offered == set(ENDPOINTS)
