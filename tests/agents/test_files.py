"""Files that declare agents and filters, as users write them: the peer's demos, the seeds, and what is wrong."""

# ruff: noqa: E501 - files are read in rows

import pytest

from tests.config.reading import config_of, errors_of, loaded, warnings_of

ENVIRON = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OTEL"), "v")
ONE = "model_providers: [{model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}]\n"

FILES = {
    "two agents": (
        "version: v0.3.0\nagents:\n  - {id: weather_agent, url: 'http://localhost:10510'}\n  - {id: flight_agent, url: 'http://localhost:10520'}\n"
        "model_providers:\n  - {model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}\n  - {model: anthropic/claude-3-5-sonnet, access_key: $ANTHROPIC_API_KEY}\n"
        "listeners:\n  - type: agent\n    name: travel_assistant\n    port: 8001\n    router: plano_orchestrator_v1\n    agents:\n"
        "      - {id: weather_agent, description: 'Gets real-time weather'}\n      - {id: flight_agent, description: 'Searches flights'}\n"
        "tracing: {random_sampling: 100, span_attributes: {header_prefixes: [x-acme-]}}\n"
    ),
    "a self-hosted orchestrator": (
        "version: v0.4.0\noverrides: {agent_orchestration_model: plano/Plano-Orchestrator}\n"
        "agents: [{id: a, url: 'http://host.docker.internal:10510'}]\n"
        "listeners: [{type: agent, name: t, port: 8001, router: plano_orchestrator_v1, agents: [{id: a, description: x}]}]\n"
        "model_providers:\n  - {model: plano/Plano-Orchestrator, base_url: 'http://localhost:8000'}\n  - {model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}\n"
    ),
    "HTTP filters before an agent": (
        "version: v0.3.0\nagents: [{id: rag_agent, url: 'http://localhost:10505'}]\n"
        "filters:\n  - {id: input_guards, url: 'http://localhost:10500', type: http}\n  - {id: query_rewriter, url: 'http://localhost:10501', type: http}\n  - {id: context_builder, url: 'http://localhost:10502', type: http}\n"
        "model_aliases: {fast-llm: {target: gpt-4o}}\n"
        "listeners:\n  - {type: agent, name: agent_1, port: 8001, router: plano_orchestrator_v1, agents: [{id: rag_agent, description: d, input_filters: [input_guards, query_rewriter, context_builder]}]}\n"
        + ONE
    ),
    "MCP filters by their defaults": (
        "version: v0.3.0\nagents: [{id: rag_agent, url: 'http://localhost:10505'}]\n"
        "filters:\n  - {id: input_guards, url: 'http://localhost:10500'}\n  - {id: rewriter, url: 'http://localhost:10501', type: mcp, transport: streamable-http, tool: rewrite}\n"
        "listeners:\n  - {type: agent, name: agent_1, port: 8001, agents: [{id: rag_agent, description: d, default: true, input_filters: [input_guards, rewriter]}]}\n"
        + ONE
    ),
    "filters on a model listener": (
        "version: v0.3.0\nfilters:\n  - {id: anonymizer, url: 'http://localhost:10501/anonymize', type: http}\n  - {id: deanonymizer, url: 'http://localhost:10501/deanonymize', type: http}\n"
        "listeners: [{type: model, name: m, port: 12000, input_filters: [anonymizer], output_filters: [deanonymizer]}]\n"
        + ONE
    ),
    "the unified listener that users asked for": (
        "version: v0.5.0\nlisteners:\n  - type: unified\n    name: platform\n    port: 8001\n    router: plano_orchestrator_v1\n    prompt_targets:\n"
        "      - name: fetch_application_fields\n        description: Fetch fields for a certain database\n"
        "        parameters: [{name: applicationId, type: str, required: true}]\n"
        "        endpoint: {name: server, path: /api/v1/meta/queries/appfields, http_method: GET}\n"
        "    agents: [{id: consultant_agent, description: Knowledge questions}, {id: general_chat_agent, description: General conversation, default: true}]\n"
        "endpoints: {server: {endpoint: 'localhost:9000'}}\n"
        "agents: [{id: consultant_agent, url: 'http://localhost:1/a'}, {id: general_chat_agent, url: 'http://localhost:1/b'}]\n"
        + ONE
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_this_form_loads(name: str) -> None:
    result = loaded(FILES[name], ENVIRON)

    assert result.errors == ()
    assert result.config is not None


BASE = "version: v0.5.0\nagents: [{id: a, url: 'http://h:1'}, {id: rpc, url: 'http://h:2', protocol: a2a}]\n"


def listener(agents: str) -> str:
    return BASE + f"listeners: [{{type: agent, name: l, port: 8001, agents: [{agents}]}}]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (listener("{id: a, description: d}, {id: rpc, description: d, default: true}"), "cannot be the default"),
        (listener("{id: a, description: d, on_error: 'fallback: rpc'}, {id: rpc, description: d}"), "cannot take over"),
        (listener("{id: a, description: d, on_error: 'fallback: b'}"), "is no other agent"),
        (listener("{id: a, description: d, on_error: retry}"), "on_error"),
        (listener("{id: a, description: d, timeout: 0s}"), "longer than 0s"),
        (BASE + "filters: [{id: f, url: 'http://h', forward_headers: [Authorization]}]\n", "credential"),
        (BASE + "filters: [{id: f, url: 'http://h', on_error: fail}]\n", "on_error"),
        (BASE + "filters: [{id: f, url: 'http://h', stream: bytes}]\n", "stream"),
        (BASE + "filters: [{id: a, url: 'http://h'}]\n", "a"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    found = errors_of(text)

    assert found
    assert any(words in one for one in found)


def test_keys_without_effect_on_a_passed_through_agent_are_named() -> None:
    text = listener("{id: a, description: d}, {id: rpc, description: d, retries: 2}")

    assert any("retries" in one and "speaks a2a" in one for one in warnings_of(text))


def test_a_services_own_headers_are_not_shown() -> None:
    config = config_of(BASE + "filters: [{id: f, url: 'http://h', headers: {X-Key: top-secret}}]\n")

    assert config.filters[0].headers == {"x-key": "top-secret"}
    assert "top-secret" not in repr(config)
