"""Shapes that files written for the peer have: they load, whatever it does with them."""

# ruff: noqa: E501 - files are read in rows

import pytest

from tests.config.reading import loaded

ENVIRON = dict.fromkeys(
    ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MOONSHOT_API_KEY", "AZURE_API_KEY", "OTEL"), "http://v"
)
ONE = "model_providers: [{model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}]\n"

FILES = {
    "model listener on the prompt port": (
        "version: v0.3.0\nlisteners: [{type: model, name: m, port: 10000, address: 0.0.0.0}]\n"
        "model_providers: [{model: openai/gpt-4o, passthrough_auth: true, base_url: 'http://host.docker.internal:9000/v1'}]\n"
    ),
    "custom prefix with an interface": (
        "version: v0.3.0\nlisteners: [{type: model, name: m, port: 12000, timeout: 30s}]\n"
        "model_providers: [{model: my_llm/llama3.2, provider_interface: openai, base_url: 'http://localhost:11434'}]\n"
    ),
    "known prefix at another address": (
        "version: v0.1.0\nlisteners: {egress_traffic: {address: 0.0.0.0, port: 12000, message_format: openai}}\n"
        "llm_providers: [{model: openai/kimi-k2, access_key: $MOONSHOT_API_KEY, base_url: 'https://api.moonshot.ai'}]\n"
    ),
    "prefixes that became known later": (
        "version: v0.4.0\nlisteners: []\nmodel_providers:\n"
        "  - {model: perplexity/sonar, provider_interface: openai, base_url: 'https://api.perplexity.ai', access_key: k}\n"
        "  - {model: meta/llama, provider_interface: openai, base_url: 'https://h/v1', access_key: k}\n"
        "  - {model: minimax/m, provider_interface: openai, base_url: 'https://h/v1', access_key: k}\n"
    ),
    "wildcards beside models, azure and bedrock": (
        "version: v0.3.0\nlisteners: [{type: model, name: m, port: 12000}]\nmodel_providers:\n"
        "  - {model: openai/*, access_key: $OPENAI_API_KEY}\n"
        "  - {model: openai/gpt-5-mini, access_key: $OPENAI_API_KEY, default: true}\n"
        "  - {model: azure_openai/gpt-5, access_key: $AZURE_API_KEY, base_url: 'https://x.openai.azure.com'}\n"
        "  - {model: amazon_bedrock/us.amazon.nova, access_key: k, base_url: 'https://bedrock-runtime.us-west-2.amazonaws.com'}\n"
        "  - {model: ollama/llama3.1, base_url: 'http://localhost:11434'}\n"
        "model_aliases: {fast: {target: gpt-5-mini}, big: {target: azure_openai/gpt-5}, arch.small: {target: llama3.1}}\n"
    ),
    "agents with filters": (
        "version: v0.3.0\nagents: [{id: rag, url: 'http://rag-agent:10505'}]\n"
        "filters: [{id: guard, url: 'http://h:10500', type: http}, {id: rewrite, url: 'http://h:10501/mcp'}]\n"
        "listeners:\n  - {type: agent, name: my agent, port: 8001, router: plano_orchestrator_v1,\n"
        "     agents: [{id: rag, description: Questions., input_filters: [guard, rewrite]}]}\n"
        "  - {type: model, name: m, address: 0.0.0.0, port: 12000, input_filters: [guard, rag]}\n" + ONE
    ),
    "prompt targets on an agent": (
        "version: v0.2.0\nlisteners: [{type: prompt, name: p, port: 10000}]\nagents: [{id: api, url: 'http://h:18083'}]\n"
        "prompt_targets:\n  - {name: w, description: d, default: true, auto_llm_dispatch_on_response: false,\n"
        "     endpoint: {name: api, path: '/a/{x}', http_method: POST, http_headers: {Authorization: Bearer $OPENAI_API_KEY}},\n"
        "     parameters: [{name: x, description: d, type: int, default: 5, enum: [5, 7], in_path: true}]}\n" + ONE
    ),
    "sessions and stores with little in them": (
        "version: v0.4.0\nlisteners: []\nrouting: {session_cache: {}, route_on_user_only: true}\n"
        "state_storage: {type: memory, connection_string: x}\nprompt_caching: {enabled: false}\n" + ONE
    ),
    "self-hosted router": (
        "version: v0.4.0\nlisteners: []\noverrides: {llm_routing_model: katanemo/orchestrator, anything: [1]}\n"
        "routing_preferences: [{name: a, description: b, models: [openai/gpt-4o], selection_policy: {prefer: none}}]\n"
        "model_providers:\n  - {model: openai/gpt-4o, access_key: k}\n"
        "  - {model: katanemo/orchestrator, provider_interface: plano, base_url: 'http://h:8000'}\n"
    ),
    "tracing": (
        "version: v0.4.0\nlisteners: []\ntracing: {random_sampling: 100, trace_arch_internal: true,\n"
        "  opentracing_grpc_endpoint: $OTEL, span_attributes: {header_prefixes: [x-acme-], static: {env: prod}},\n"
        "  exporters: [{type: posthog, url: 'https://h', api_key: $OPENAI_API_KEY}]}\n" + ONE
    ),
    "limits and guards": (
        "version: v0.1\nlisteners: []\nratelimits:\n"
        "  - {model: gpt-4o, selector: {key: x-user, value: '*'}, limit: {tokens: 10, unit: hour}}\n"
        "prompt_guards: {input_guards: {jailbreak: {on_exception: {message: No.}}}}\nmode: prompt\n" + ONE
    ),
    "a dollar amount in a description": ("version: v0.4.0\nlisteners: []\nsystem_prompt: It costs $5 or $$10.\n" + ONE),
    "yes and no": (
        "version: v0.4.0\nlisteners: []\nmodel_providers: [{model: openai/x, access_key: k, default: yes, passthrough_auth: off}]\n"
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_peer_loads(name: str) -> None:
    result = loaded(FILES[name], ENVIRON)

    assert result.errors == ()
    assert result.config is not None
