"""What is said of a value that has the wrong kind, and of versions: one error each."""

# ruff: noqa: E501 - rows of a table are read whole

import pytest

from tests.config.reading import errors_of, loaded

TYPES = {
    "listeners: {a: 1}": "listeners: should be a list",
    "listeners: [{type: model}]": "listeners[0].name: is required",
    "listeners: [5]": "listeners[0]: should be a mapping of keys and values",
    "listeners: [{name: a, type: mdel}]": "listeners[0].type: should be 'model', 'prompt', 'agent' or 'unified'. Did",
    "listeners: [{name: a, type: model, port: 70000}]": "listeners[0].port: should be at most 65535",
    "listeners: [{name: a, type: model, port: true}]": "listeners[0].port: should be a number",
    "listeners: [{name: a, type: model, port: 1.5}]": "listeners[0].port: should be a whole number",
    "listeners: [{name: a, type: model, address: host.example}]": "listeners[0].address: is no IP address",
    "listeners: [{name: a, type: model, timeout: 5 minutes}]": "listeners[0].timeout: is no duration",
    "listeners: [{name: a, type: model, timeout: -5}]": "listeners[0].timeout: is out of range",
    "listeners: [{name: a, type: model, max_retries: -1}]": "listeners[0].max_retries: should be at least 0",
    "listeners: [{name: a, type: model, filter_chain: [x]}]": "listeners[0].filter_chain: is an unknown key. It is called",
    "listeners: [{name: a, type: model, parallel: maybe}]": "listeners[0].parallel: should be true or false",
    'listeners: [{name: "a\\tb", type: model}]': "listeners[0].name: may hold printable ASCII characters only",
    "listeners: [{name: a, type: model, router: other}]": "listeners[0].router: should be 'plano_orchestrator_v1'",
    "listeners: [{name: a, type: model, cors: {allow_origins: []}}]": "listeners[0].cors.allow_origins: needs at least 1",
    "listeners: [{name: a, type: agent, port: 1, agents: [{id: a, description: d, on_error: retry}]}]\n"
    "agents: [{id: a, url: 'http://h'}]": ("listeners[0].agents[0].on_error: should be 'fail' or 'skip'"),
    "model_providers: [{name: x}]": "model_providers[0].model: is required",
    "model_providers: [{model: gpt-4o}]": "model_providers[0].model: does not say whose model it is",
    "model_providers: [{model: openai/}]": "model_providers[0].model: lacks the part before or after the slash",
    "model_providers: [{model: openai/gpt-*}]": "model_providers[0].model: mixes '*' with other characters",
    "model_providers: [{model: openai/x, access_key: 5}]": "model_providers[0].access_key: should be text. Put it in",
    "model_providers: [{model: openai/x, base_url: h.example/v1}]": "model_providers[0].base_url: needs a scheme",
    "model_providers: [{model: openai/x, base_url: 'ftp://h'}]": "model_providers[0].base_url: needs a scheme",
    "model_providers: [{model: openai/x, base_url: 'https://'}]": "model_providers[0].base_url: has no host",
    "model_providers: [{model: openai/x, base_url: 'https://h:99999'}]": "model_providers[0].base_url: has a port or a",
    "model_providers: [{model: openai/x, base_url: 'https://h:x'}]": "model_providers[0].base_url: has a port or a",
    "model_providers: [{model: openai/x, base_url: 'https://h:0'}]": "model_providers[0].base_url: has no usable port",
    "model_providers: [{model: openai/x, base_url: 'https://[::1'}]": "model_providers[0].base_url: has a port or a host",
    "model_providers: [{model: openai/x, base_url: 'https://u:p@h'}]": "model_providers[0].base_url: holds a user name",
    "model_providers: [{model: openai/x, base_url: 'https://${}h'}]": "model_providers[0].base_url: still holds a '$'",
    "model_providers: [{model: openai/x, base_url: 'https://h/ v1'}]": "model_providers[0].base_url: holds white space",
    "model_providers: [{model: openai/x, base_url: 'https://h/v1#a'}]": "model_providers[0].base_url: holds a '#' part",
    "model_providers: [{model: openai/x, http_host: 'https://h'}]": "model_providers[0].http_host: is no host",
    "model_providers: [{model: own/x, provider_interface: opnai}]": "model_providers[0].provider_interface: 'opnai' is no",
    "model_providers: [{model: openai/x, headers: {a b: c}}]": 'model_providers[0].headers["a b"]: is no header name',
    "model_providers: [{model: openai/x, headers: {Host: c}}]": "model_providers[0].headers.Host: header 'host' cannot",
    "model_providers: [{model: openai/x, headers: {x-plano-cluster: c}}]": (
        "model_providers[0].headers.x-plano-cluster: header 'x-plano-cluster' cannot be set here"
    ),
    'model_providers: [{model: openai/x, headers: {a: "b\\nc"}}]': "model_providers[0].headers.a: holds a line break",
    "model_providers: [{model: openai/x, headers: {a: 1}}]": "model_providers[0].headers.a: should be text. Put it in",
    "model_providers: [{model: openai/x, api: openai}]": "model_providers[0].api: should be 'openai.chat', 'openai.resp",
    "model_providers: [{model: openai/x, weight: -1}]": "model_providers[0].weight: should be at least 0",
    "model_providers: [{model: openai/x, timeouts: {idle: 0}}]": "model_providers[0].timeouts.idle: must be longer than",
    "model_providers: [{model: openai/x, routing_preferences: []}]": (
        "model_providers[0].routing_preferences: is an unknown key. Preferences stand at the top level"
    ),
    "model_providers: [{model: openai/x, retry_policy: {on_status_codes: [{codes: [99]}]}}]": (
        "model_providers[0].retry_policy.on_status_codes[0].codes[0]: should be at least 100"
    ),
    "model_providers: [{model: openai/x, retry_policy: {on_status_codes: [{codes: ['504-500']}]}}]": (
        "model_providers[0].retry_policy.on_status_codes[0].codes: holds a range that cannot be read"
    ),
    "llm_providers: []": "llm_providers: is an unknown key. It is called model_providers.",
    "model_aliases: [a]": "model_aliases: should be a mapping of keys and values",
    "model_aliases: {a: gpt-4o}": "model_aliases.a: should be a mapping of keys and values",
    "routing_preferences: [{name: a, description: b, models: []}]": "routing_preferences[0].models: needs at least 1",
    "routing_preferences: [{name: a, description: b, models: [x], selection_policy: {}}]": (
        "routing_preferences[0].selection_policy.prefer: is required"
    ),
    "model_metrics_sources: [{provider: prometheus}]": "model_metrics_sources[0]: needs the key 'type'",
    "model_metrics_sources: [{type: price}]": "model_metrics_sources[0]: should be 'cost', 'latency'",
    "model_metrics_sources: [{type: latency, provider: prometheus, url: 'http://h', query: q, refresh_interval: 0}]": (
        "model_metrics_sources[0].refresh_interval: should be at least 1"
    ),
    "routing: {session_max_entries: 10001}": "routing.session_max_entries: should be at most 10000",
    "routing: {routing_budget: {max_switch_spend_pct: 101}}": "routing.routing_budget.max_switch_spend_pct: should be at",
    "routing: {routing_budget: {}}": "routing.routing_budget.max_switch_spend_pct: is required",
    "prompt_caching: {min_prefix_tokens: 0}": "prompt_caching.min_prefix_tokens: should be at least 1",
    "overrides: {max_bdy_bytes: 1}": "overrides.max_bdy_bytes: is an unknown key. Did you mean 'max_body_bytes'?",
    "overrides: {max_body_bytes: 10}": "overrides.max_body_bytes: should be at least 1024",
    "overrides: {upstream_connect_timeout: 0s}": "overrides.upstream_connect_timeout: must be longer than 0s",
    "agents: [{id: a, url: h.example}]": "agents[0].url: needs a scheme",
    "agents: [{id: a, url: []}]": "agents[0].url: needs at least 1 entry",
    "agents: [{id: a, url: ['http://h', x]}]": "agents[0].url[1]: needs a scheme",
    "filters: [{id: a, url: 'http://h', type: rest}]": "filters[0].type: should be 'mcp' or 'http'",
    "endpoints: {a: {}}": "endpoints.a.endpoint: is required",
    "endpoints: {a: {endpoint: 'https://h'}}": "endpoints.a.endpoint: is a URL",
    "endpoints: {a: {endpoint: 'h:port'}}": "endpoints.a.endpoint: has no usable port",
    "endpoints: {a: {endpoint: '::1'}}": "endpoints.a.endpoint: has no host",
    "prompt_targets: [{name: a, description: b, endpoint: {name: e, path: x}}]": "prompt_targets[0].endpoint.path: should",
    "prompt_targets: [{name: a, description: b, parameters: [{name: p, description: d, type: s, enum: [[1]]}]}]": (
        "prompt_targets[0].parameters[0].enum[0]: should be text, a number, true or false"
    ),
    "ratelimits: [{model: x, selector: {key: a}, limit: {tokens: 1, unit: week}}]": "ratelimits[0].limit.unit: should be",
    "model_providers: [{model: openai/x}]\n"
    "ratelimits: [{model: x, selector: {key: a}, limit: {tokens: 0, unit: day}}]": "ratelimits[0].limit.tokens: should be",
    "clients: [{id: a, key: k, budget: {usd: 0, per: month}}]": "clients[0].budget.usd: should be more than 0",
    "clients: [{id: a, key: k, budget: {usd: -5, per: month}}]": "clients[0].budget.usd: should be more than 0",
    "clients: [{id: a, key: k, ratelimit: {tokens: -5, per: hour}}]": "clients[0].ratelimit.tokens: should be at least 1",
    "routing: {routing_budget: {max_switch_spend_pct: -1}}": "routing.routing_budget.max_switch_spend_pct: should be at",
    "overrides: {router_timeout: 0}": "overrides.router_timeout: must be longer than 0s",
    "state_storage: {}": "state_storage.type: is required",
    "cache: {type: exact, ttl: 0}": "cache.ttl: must be longer than 0s",
    "cooldown: {for: soon}": "cooldown.for: is no duration",
    "cooldown: {fo: 5s}": "cooldown.fo: is an unknown key. Did you mean 'for'?",
    "governance: {store: mysql}": "governance.store: is no store",
    "tracing: {random_sampling: 500}": "tracing.random_sampling: should be at most 100",
    "tracing: {random_sampling: .nan}": "tracing.random_sampling: should be a number",
    "tracing: {opentracing_grpc_endpoint: 'localhost:4317'}": "tracing.opentracing_grpc_endpoint: needs a scheme",
    "tracing: {opentracing_grpc_endpoint: 'grpc://h:4317'}": "tracing.opentracing_grpc_endpoint: needs a scheme",
    "tracing: {opentracing_grpc_endpoint: 'http://h:4317/v1'}": "tracing.opentracing_grpc_endpoint: has a path",
    "tracing: {exporters: [{type: datadog, url: 'http://h', api_key: k}]}": "tracing.exporters[0]: should be 'posthog', 'otlp'",
    "prompt_guards: {input_guards: {pii: {entities: [name]}}}": "prompt_guards.input_guards.pii.entities[0]: should be",
    "prompt_guards: {input_guards: {jailbreak: {on_exception: {}}}}": (
        "prompt_guards.input_guards.jailbreak.on_exception.message: is required"
    ),
}


@pytest.mark.parametrize(("text", "expected"), TYPES.items(), ids=list(TYPES))
def test_a_value_of_the_wrong_kind_is_one_error(text: str, expected: str) -> None:
    errors = [one.partition("error: ")[2] for one in errors_of(f"version: v0.5.0\n{text}\n")]

    assert len(errors) == 1, errors
    assert errors[0].startswith(expected), errors


VERSIONS = {
    "listeners: []": "version: is required",
    "version: v9.0.0": "version: v9.0.0 is written for a newer planoai",
    "version: v0.5.1": "version: v0.5.1 is written for a newer planoai",
    "version: v0.0.7": "version: v0.0.7 never was a version",
    "version: latest": "version: is no version",
    "version: [1]": "version: is no version",
}


@pytest.mark.parametrize(("text", "expected"), VERSIONS.items(), ids=list(VERSIONS))
def test_a_version_that_is_not_known_ends_the_reading(text: str, expected: str) -> None:
    errors = [one.partition("error: ")[2] for one in errors_of(f"{text}\nfoo: 1\n")]

    assert len(errors) == 1
    assert errors[0].startswith(expected)


@pytest.mark.parametrize(
    "version", ["v0.1", "v0.1.0", "0.1-beta", "0.2.0", "v0.2.0", "v0.3.0", "v0.4.0", "0.4", "0.5", "v0.5", "0.5.0"]
)
def test_every_version_that_was_ever_written_is_read(version: str) -> None:
    result = loaded(f"version: {version}\nlisteners: []\nmodel_providers: [{{model: openai/x, access_key: k}}]\n")

    assert result.problems == ()
    assert result.config is not None
