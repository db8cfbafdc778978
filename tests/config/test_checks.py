"""Every check, with a file that it is for: the path and the beginning of what is said."""

# ruff: noqa: E501 - rows of a table are read whole

import re
import sys
from hashlib import sha256
from textwrap import dedent

import pytest

from plano_extproc.config import load
from plano_extproc.config.checks import CHECKS
from tests.config.reading import loaded

HEAD = "version: v0.5.0\n"
OLD = "version: v0.4.0\n"
TWO = "model_providers: [{model: openai/gpt-4o, access_key: k}, {model: anthropic/claude, access_key: k, name: main}]\n"
ALL = "model_providers: [{model: openai/*, access_key: k}]\n"

# check -> (text, problems as "severity path: message")
CASES: dict[str, list[tuple[str, list[str]]]] = {
    "keys_are_of_the_version": [
        (
            OLD + "clients: [{id: a, key: k}]\nmodel_providers: [{model: openai/x, access_key: k, weight: 2}]\n",
            [
                "error clients: is unknown in this version",
                "error model_providers[0].weight: is unknown in this version",
            ],
        ),
        (
            OLD + "agents: [{id: a, url: 'http://h'}]\n"
            "listeners: [{name: x, type: agent, port: 1, agents: [{id: a, description: b, timeout: 5s}]}]\n",
            ["error listeners[0].agents[0].timeout: is unknown in this version"],
        ),
    ],
    "ports_are_given": [
        (
            HEAD + "listeners: [{name: a, type: unified}]\n",
            ["error listeners[0].port: is required for a listener of type"],
        ),
    ],
    "ports_do_not_clash": [
        (
            HEAD + "listeners: [{name: a, type: model}, {name: b, type: prompt, port: 12000}]\n",
            ["error listeners[1].port: port 12000 of 'b' is also that of 'a' (listeners[0])"],
        ),
        (
            HEAD + "listeners: [{name: a, type: model, address: 0.0.0.0}, {name: b, type: prompt, port: 12000}]\n",
            ["error listeners[1].port: port 12000 of 'b'"],
        ),
        (
            HEAD + "listeners: [{name: a, type: prompt, port: 12000}]\n",
            ["error listeners[0].port: port 12000 is that of the model listener, which every gateway has"],
        ),
        (
            HEAD
            + "listeners: [{name: a, type: model, address: 10.0.0.1}, {name: b, type: model, address: 10.0.0.2}]\n",
            [],
        ),
        (HEAD + "listeners: [{name: a, type: model, address: '::'}, {name: b, type: model, address: 127.0.0.1}]\n", []),
    ],
    "names_are_unique@listeners": [
        (
            HEAD + "listeners: [{name: a b, type: model}, {name: a_b, type: prompt}]\n",
            ["error listeners[1].name: listener name 'a_b' stands here again"],
        ),
    ],
    "one_model_listener": [
        (
            OLD + "listeners: [{name: a, type: model}, {name: b, type: model, port: 1}]\n",
            ["error listeners[1].type: only one listener of type model is possible in this version"],
        ),
        (HEAD + "listeners: [{name: a, type: model}, {name: b, type: model, port: 1}]\n", []),
    ],
    "one_default_agent": [
        (
            HEAD + "agents: [{id: a, url: 'http://h'}, {id: b, url: 'http://h'}]\nlisteners:\n"
            "  - {name: x, type: agent, port: 1, agents: [{id: a, description: d, default: true}, "
            "{id: b, description: d, default: true}]}\n",
            ["error listeners[0].agents[1].default: listener 'x' has a default agent already"],
        ),
    ],
    "agents_stand_once": [
        (
            HEAD + "agents: [{id: a, url: 'http://h'}]\nlisteners:\n"
            "  - {name: x, type: agent, port: 1, agents: [{id: a, description: d}, {id: a, description: d}]}\n",
            ["error listeners[0].agents[1].id: agent 'a' stands here again"],
        ),
    ],
    "keys_fit_the_type": [
        (
            HEAD + "agents: [{id: a, url: 'http://h'}]\n"
            "listeners: [{name: x, type: model, agents: [{id: a, description: d}]}, {name: p, type: prompt, max_retries: 1}]\n",
            [
                "warning listeners[0].agents: has no effect on a listener of type model",
                "warning listeners[1].max_retries: has no effect on a listener of type prompt",
            ],
        ),
    ],
    "agent_listeners_have_agents": [
        (
            HEAD + "listeners: [{name: x, type: agent, port: 1}]\n",
            ["error listeners[0]: agent listener 'x' has no agents"],
        ),
        (
            OLD + "listeners: [{name: x, type: agent, port: 1}]\n",
            ["warning listeners[0]: agent listener 'x' has no agents"],
        ),
    ],
    "agents_fit_their_protocol": [
        (
            HEAD
            + "agents: [{id: a, url: 'http://h:1'}, {id: b, url: 'http://h:2', protocol: a2a}]\n"
            + "listeners: [{name: x, type: agent, port: 1, agents: [{id: a, description: d, on_error: {fallback: b}},\n"
            + "  {id: b, description: d, default: true, retries: 1}]}]\n",
            [
                "error listeners[0].agents[0].on_error: 'b' speaks a2a and cannot take over. Name an agent that "
                "answers chat completions.",
                "error listeners[0].agents[1].default: 'b' speaks a2a and cannot be the default. Name an agent that "
                "answers chat completions.",
                "warning listeners[0].agents[1].retries: has no effect on an agent that speaks a2a. It is for agents "
                "that answer chat completions.",
            ],
        ),
    ],
    "kinds_are_known": [
        (
            HEAD + "model_providers: [{model: opnai/x, access_key: k}, {model: own/x, base_url: 'http://h'}]\n",
            [
                "error model_providers[0]: 'opnai' is no known provider, and the entry lacks provider_interface and",
                "error model_providers[1]: 'own' is no known provider, and the entry lacks provider_interface",
            ],
        ),
        (HEAD + "model_providers: [{model: own/*, base_url: 'http://h', provider_interface: xai}]\n", []),
    ],
    "interface_is_for_unknown_prefixes": [
        (
            HEAD + "model_providers: [{model: groq/x, access_key: k, provider_interface: openai}]\n",
            ["error model_providers[0].provider_interface: 'groq' is a known provider, whose interface is its own"],
        ),
        (HEAD + "model_providers: [{model: vllm/x, base_url: 'http://h', provider_interface: openai}]\n", []),
    ],
    "base_urls_are_given": [
        (
            HEAD
            + "model_providers: ["
            + ", ".join(f"{{model: {p}/x, access_key: k}}" for p in ("azure_openai", "ollama", "qwen", "plano", "vllm"))
            + ", {model: amazon/x, access_key: k}]\n",
            [
                *(
                    f"error model_providers[{n}].base_url: base_url is required for '{p}'"
                    for n, p in enumerate(("azure_openai", "ollama", "qwen", "plano", "vllm", "amazon"))
                )
            ],
        ),
    ],
    "names_are_unique@providers": [
        (
            HEAD
            + "model_providers: [{model: openai/x, name: a, access_key: k}, {model: xai/y, name: a, access_key: k}]\n",
            ["error model_providers[1].name: provider name 'a' is taken"],
        ),
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k}, {model: openai/x, access_key: k}]\n",
            ["error model_providers[1].model: repeats an entry above: 'openai/x'"],
        ),
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k}, {model: openai/x, access_key: l},"
            " {model: amazon_bedrock/x, base_url: 'https://h', aws: {access_key_id: a, secret_access_key: b}},"
            " {model: amazon_bedrock/x, base_url: 'https://h', aws: {access_key_id: a, secret_access_key: c}},"
            " {model: together_ai/openai/x, access_key: k}, {model: xai/x, access_key: k}]\n",
            [],
        ),
    ],
    "wildcards_are_unique": [
        (
            HEAD + "model_providers: [{model: gemini/*, access_key: k}, {model: google/*, access_key: l}]\n",
            ["error model_providers[1].model: 'gemini/*' stands here again"],
        ),
    ],
    "one_default": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, default: true}, "
            "{model: openai/y, access_key: k, default: true}, {model: xai/*, access_key: k, default: true}]\n",
            [
                "error model_providers[1].default: 'openai/x' is the default already",
                "error model_providers[2].default: 'xai/*' cannot be the default",
            ],
        ),
    ],
    "credentials_are_given": [
        (
            HEAD + "model_providers: [{model: openai/x}, {model: groq/x, access_key: ''}, {model: xai/x, "
            "base_url: 'http://h'}, {model: ollama/x, base_url: 'http://h', access_key: ''}]\n",
            [
                "warning model_providers[0]: 'openai/x' has no credential: OpenAI will refuse its requests",
                "error model_providers[1].access_key: is empty",
            ],
        ),
    ],
    "credentials_agree": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, passthrough_auth: true}]\n",
            ["warning model_providers[0].access_key: is ignored: passthrough_auth sends the caller's own credential"],
        ),
        (
            HEAD + "model_providers:\n  - {model: amazon_bedrock/x, base_url: 'https://h', access_key: k, "
            "aws: {access_key_id: i}}\n",
            [
                "error model_providers[0].access_key: stands beside aws",
                "error model_providers[0].aws: needs both access_key_id and secret_access_key, or neither",
            ],
        ),
    ],
    "regions_are_known": [
        (
            HEAD + "model_providers:\n"
            "  - {model: amazon_bedrock/a, base_url: 'https://bedrock-runtime.us-east-1.amazonaws.com', aws: {}}\n"
            "  - {model: amazon_bedrock/b, base_url: 'https://bedrock.example', aws: {region: us-east-1}}\n"
            "  - {model: amazon_bedrock/c, base_url: 'https://bedrock.example', aws: {}}\n"
            "  - {model: amazon_bedrock/d, base_url: 'https://bedrock.example', access_key: k}\n",
            ["error model_providers[2].aws.region: is required: base_url does not tell it. Write the region"],
        ),
    ],
    "requests_can_be_signed": [
        (
            HEAD + "model_providers:\n"
            "  - {model: amazon_bedrock/a, base_url: 'https://h', aws: {}}\n"
            "  - {model: amazon_bedrock/b, base_url: 'https://h', aws: {access_key_id: i, secret_access_key: s}}\n"
            "  - {model: amazon_bedrock/c, base_url: 'https://h', access_key: k}\n",
            [
                "error model_providers[0].aws: asks for signed requests",
                "error model_providers[1].aws: asks for signed requests",
            ],
        ),
    ],
    "ejections_grow": [
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, outlier_detection: {base_ejection_time: 10m}}]\n",
            ["error model_providers[0].outlier_detection.base_ejection_time: is longer than max_ejection_time (300s)"],
        ),
    ],
    "affinity_has_no_gate": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, prefix_affinity: true, health_check: {}}]\n",
            ["warning model_providers[0].prefix_affinity: has no effect beside"],
        ),
    ],
    "hedges_have_a_time": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, retry_policy: {hedge: true}}]\n",
            ["error model_providers[0].retry_policy.hedge: needs a time after which a try is late"],
        ),
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, retry_policy: {hedge: true}, timeouts: {first_byte: 50ms}}]\n",
            ["error model_providers[0].timeouts.first_byte: is too short to hedge after (0.05s)"],
        ),
    ],
    "backoffs_grow": [
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, retry_policy: {backoff: {base_ms: 9, max_ms: 5}}}]\n",
            ["error model_providers[0].retry_policy.backoff.base_ms: is longer than max_ms (5)"],
        ),
    ],
    "files_have_models": [
        (HEAD, ["warning model_providers: names no model: every request will be refused"]),
    ],
    "stores_have_servers": [
        (
            HEAD + "state_storage: {type: postgres}\nrouting: {session_cache: {type: redis, url: 'http://h'}}\n",
            [
                "error state_storage.connection_string: is required for postgres",
                "error routing.session_cache.url: is no URL of a redis server",
            ],
        ),
        (HEAD + "state_storage: {type: postgres, connection_string: 'host=db user=x'}\n", []),
        (HEAD + "state_storage: {type: memory, connection_string: x}\n", []),
        (HEAD + "state_storage: {type: sqlite, path: x, max_bytes: 9}\n", []),
        (
            HEAD + "state_storage: {type: redis, connection_string: 'redis://h', max_bytes: 9, path: x}\n",
            [
                "warning state_storage.max_bytes: has no effect for redis",
                "warning state_storage.path: has no effect for redis",
            ],
        ),
        (
            HEAD + "routing: {session_cache: {type: redis}}\n",
            ["error routing.session_cache.url: is required for redis"],
        ),
    ],
    "sources_are_single": [
        (
            # Prices come from the catalogue, latencies from the gateway's own answers, where there is no source.
            HEAD + ALL + "routing: {routing_budget: {max_switch_spend_pct: 10}}\nrouting_preferences:\n"
            "  - {name: a, description: b, models: [openai/x], selection_policy: {prefer: cheapest}}\n"
            "  - {name: b, description: b, models: [openai/x], selection_policy: {prefer: fastest}}\n",
            [],
        ),
        (
            HEAD
            + "model_metrics_sources: [{type: cost, provider: models.dev}, {type: cost, provider: digitalocean}]\n",
            ["error model_metrics_sources[1].type: is a second source of type cost"],
        ),
    ],
    "price_files_are_named": [
        (
            HEAD + "model_metrics_sources: [{type: cost, provider: file}]\n",
            ["error model_metrics_sources[0].provider: needs the file"],
        ),
        (
            HEAD + "model_metrics_sources: [{type: cost, provider: file, path: a, url: 'file:///a'}]\n",
            ["error model_metrics_sources[0].provider: needs the file"],
        ),
        (
            HEAD + "model_metrics_sources: [{type: cost, provider: models.dev, path: prices.yaml}]\n",
            ["error model_metrics_sources[0].path: is for provider file only"],
        ),
        (
            HEAD + "model_metrics_sources: [{type: cost, provider: models.dev, url: 'file:///a'}]\n",
            ["error model_metrics_sources[0].url: is a file"],
        ),
        (HEAD + "model_metrics_sources: [{type: cost, provider: file, path: prices.yaml}]\n", []),
        (HEAD + "model_metrics_sources: [{type: cost, provider: file, url: 'file:///prices.json'}]\n", []),
    ],
    "limits_say_how_much": [
        (
            HEAD + TWO + "ratelimits: [{model: gpt-4o, selector: {key: x-user}, limit: {unit: hour}}]\n"
            "clients: [{id: a, key: k, ratelimit: {per: minute}}]\n",
            ["error ratelimits[0].limit: says no amount", "error clients[0].ratelimit: says no amount"],
        ),
    ],
    "agent_limits_say_how_much": [
        (
            HEAD + "governance: {tiers: [{tier: 0, limits: [{per: 1m}, {calls: 1, per: 1m}]}],"
            " agents: [{id: a, limits: [{per: 1m}]}]}\n",
            [
                "error governance.agents[0].limits[0]: says no amount",
                "error governance.tiers[0].limits[0]: says no amount",
            ],
        ),
    ],
    "names_stand_once": [
        (
            HEAD + TWO + "agents: [{id: a, url: 'http://h'}]\nfilters: [{id: a, url: 'http://h'}]\n"
            "endpoints: {a: {endpoint: h}}\nprompt_targets: [{name: t, description: d}, {name: t, description: d}]\n"
            "routing_preferences: [{name: r, description: d, models: [main]}, {name: r, description: d, models: [main]}]\n"
            "clients: [{id: c, key: k}, {id: c, key: l}]\n"
            "governance: {tiers: [{tier: 1}, {tier: 1}], agents: [{id: a, client: c}, {id: a, client: c}]}\n",
            [
                "error filters[0].id: the id of an agent, filter or endpoint 'a' stands here again",
                "error endpoints.a: the id of an agent, filter or endpoint 'a' stands here again",
                "error prompt_targets[1].name: prompt target 't' stands here again",
                "error routing_preferences[1].name: routing preference 'r' stands here again",
                "error clients[1].id: client 'c' stands here again",
                "error governance.agents[1].id: agent 'a' stands here again",
                "error governance.agents[1].client: an agent's client 'c' stands here again",
                "error governance.tiers[1].tier: tier '1' stands here again",
            ],
        ),
        (
            HEAD + "prompt_targets: [{name: t, description: d}]\n"
            "listeners: [{name: x, type: unified, port: 1, prompt_targets: [{name: t, description: d}]}]\n",
            ["error listeners[0].prompt_targets[0].name: prompt target 't' stands here again"],
        ),
    ],
    "client_keys_differ": [
        (
            HEAD + "clients: [{id: a, key: k}, {id: b, key: k}, {id: c, key: ''}]\n",
            ["error clients[1].key: is the same as that of 'a'", "error clients[2].key: is empty"],
        ),
        (
            HEAD + f"clients: [{{id: a, key: k}}, {{id: b, key: 'sha256:{sha256(b'k').hexdigest()}'}}]\n",
            ["error clients[1].key: is the same as that of 'a'"],
        ),
        (
            HEAD + "clients: [{id: a, key: 'sha256:abc'}, {id: b, key: 'sha256:00'}]\n",
            ["error clients[0].key: is no SHA-256 digest", "error clients[1].key: is no SHA-256 digest"],
        ),
    ],
    "budgeted_models_have_prices": [
        (
            HEAD + "model_providers: [{model: openai/gpt-4o, access_key: k}, {model: openai/mine, access_key: k}]\n"
            "clients: [{id: a, key: k, budget: {usd: 1, per: day}}]\n",
            ["warning model_providers[1].model: the price of 'openai/mine' is not known, so no budget counts it"],
        ),
        (HEAD + "model_providers: [{model: openai/mine, access_key: k}]\nclients: [{id: a, key: k}]\n", []),
    ],
    "one_default_target": [
        (
            HEAD
            + "prompt_targets: [{name: a, description: d, default: true}, {name: b, description: d, default: true}]\n",
            ["error prompt_targets[1].default: there is a default prompt target already"],
        ),
        (
            HEAD + "listeners: [{name: x, type: unified, port: 1, prompt_targets: "
            "[{name: a, description: d, default: true}, {name: b, description: d, default: true}]}]\n",
            ["error listeners[0].prompt_targets[1].default: there is a default prompt target already"],
        ),
    ],
    "parameters_fit": [
        (
            HEAD + "endpoints: {e: {endpoint: h}}\nprompt_targets:\n"
            "  - name: a\n    description: d\n    endpoint: {name: e, path: '/x/{q}'}\n    parameters:\n"
            "      - {name: p, description: d, type: colour, in_path: true}\n"
            "      - {name: p, description: d, type: int, default: 3, enum: [1, 2]}\n"
            "      - {name: q, description: d, type: 'list[str]', in_path: true}\n"
            "      - {name: r, description: d, type: int, default: many}\n"
            "      - {name: s, description: d, type: integer, default: '5'}\n"
            "      - {name: t, description: d, type: bool, default: maybe}\n"
            "      - {name: u, description: d, type: bool, default: 'yes'}\n"
            "      - {name: v, description: d, type: float, default: 1.5x}\n",
            [
                "error prompt_targets[0].parameters[1].name: parameter 'p' stands here again",
                "warning prompt_targets[0].parameters[0].type: 'colour' is no known type",
                "error prompt_targets[0].parameters[0].in_path: the path has no {p}",
                "error prompt_targets[0].parameters[1].default: is none of the values of enum",
                "error prompt_targets[0].parameters[3].default: 'many' is no int",
                "error prompt_targets[0].parameters[5].default: 'maybe' is no bool",
                "error prompt_targets[0].parameters[7].default: '1.5x' is no float",
            ],
        ),
        (
            HEAD + "endpoints: {e: {endpoint: h}}\nlisteners:\n  - name: x\n    type: unified\n    port: 1\n"
            "    prompt_targets: [{name: t, description: d, endpoint: {name: e, path: '/{p}/{q}'}, "
            "parameters: [{name: q, description: d, type: str}]}]\n",
            ["error listeners[0].prompt_targets[0].endpoint.path: no parameter is called 'p'"],
        ),
    ],
    "one_orchestrator": [
        (
            HEAD + "overrides: {use_agent_orchestrator: true}\n",
            ["error overrides.use_agent_orchestrator: needs exactly one endpoint, the orchestrator; there are 0"],
        ),
        (
            HEAD + "overrides: {use_agent_orchestrator: true}\nendpoints: {a: {endpoint: h}, b: {endpoint: h}}\n",
            ["error overrides.use_agent_orchestrator: needs exactly one endpoint, the orchestrator; there are 2"],
        ),
    ],
    "origins_are_origins": [
        (
            HEAD
            + "listeners: [{name: a, type: model, cors: {allow_origins: ['*', 'https://a.example', a.example]}}]\n",
            ["error listeners[0].cors.allow_origins[2]: 'a.example' is no origin"],
        ),
    ],
    "alias_targets_are_models": [
        (
            HEAD + TWO + "model_aliases: {a: {target: gpt-4}, b: {target: ok}, ok: {target: gpt-4o}, c: {target: d}, "
            "d: {target: c}, e: {target: main}, f: {target: anthropic/claude}}\n",
            [
                "error model_aliases.a.target: alias 'a' names an unknown model 'gpt-4'",
                "error model_aliases.c.target: aliases go in a circle: c -> d -> c",
                "error model_aliases.d.target: aliases go in a circle: d -> c -> d",
            ],
        ),
        (HEAD + ALL + "model_aliases: {a: {target: openai/anything}}\n", []),
    ],
    "asked_models_exist": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, retry_policy: {fallback_models: [openai/y]}}]\n"
            "routing_preferences: [{name: a, description: b, models: [x, z]}]\n"
            "prompt_guards: {input_guards: {moderation: {model: m}}}\n"
            "listeners: [{name: l, type: model, memory: {extract: m2}}]\n",
            [
                "error routing_preferences[0].models[1]: unknown model 'z'",
                "error model_providers[0].retry_policy.fallback_models[0]: unknown model 'openai/y'",
                "error prompt_guards.input_guards.moderation.model: unknown model 'm'",
                "error listeners[0].memory.extract: unknown model 'm2'",
            ],
        ),
        (
            HEAD + TWO + "model_aliases: {fast: {target: main}}\n"
            "routing_preferences: [{name: a, description: b, models: [fast, main, openai/gpt-4o, gpt-4o]}]\n",
            [],
        ),
    ],
    "limited_models_exist": [
        (
            HEAD + TWO + "ratelimits: [{model: gpt-5, selector: {key: a}, limit: {tokens: 1, unit: day}}]\n"
            "clients: [{id: a, key: k, models: ['openai/*', 'xai/*']}]\n",
            [
                "error ratelimits[0].model: unknown model 'gpt-5'",
                "warning clients[0].models[1]: 'xai/*' matches no configured model",
            ],
        ),
        (HEAD + TWO + "ratelimits: [{model: 'openai/*', selector: {key: a}, limit: {tokens: 1, unit: day}}]\n", []),
        (
            OLD + TWO + "ratelimits: [{model: gpt-5, selector: {key: a, value: b}, limit: {tokens: 1, unit: day}}]\n",
            ["warning ratelimits[0].model: unknown model 'gpt-5'"],
        ),
    ],
    "role_models_exist": [
        (
            HEAD + TWO + "overrides: {llm_routing_model: hosted/router, agent_orchestration_model: local/minilm}\n",
            ["error overrides.llm_routing_model: model 'hosted/router' is not configured"],
        ),
        (
            OLD + TWO + "overrides: {llm_routing_model: Plano-Orchestrator, agent_orchestration_model: x/gpt-4o}\n",
            [
                "warning overrides.llm_routing_model: model 'Plano-Orchestrator' is not configured and local/lexical is used"
            ],
        ),
    ],
    "services_exist": [
        (
            HEAD + "agents: [{id: a, url: 'http://h'}]\nfilters: [{id: f, url: 'http://h'}]\nlisteners:\n"
            "  - name: x\n    type: agent\n    port: 1\n    input_filters: [f, a, g]\n    output_filters: [h]\n"
            "    agents: [{id: a, description: d, input_filters: [i], on_error: 'fallback: b'}, {id: b, description: d}]\n",
            [
                "error listeners[0].input_filters[2]: unknown filter 'g' of listener 'x'",
                "error listeners[0].output_filters[0]: unknown filter 'h' of listener 'x'",
                "error listeners[0].agents[0].input_filters[0]: unknown filter 'i' of agent 'a'",
                "error listeners[0].agents[1].id: unknown agent 'b' of listener 'x'",
            ],
        ),
        (
            HEAD + "agents: [{id: a, url: 'http://h'}]\nlisteners:\n"
            "  - {name: x, type: agent, port: 1, agents: [{id: a, description: d, on_error: {fallback: a}}]}\n",
            ["error listeners[0].agents[0].on_error: 'a' is no other agent of this listener"],
        ),
    ],
    "target_endpoints_exist": [
        (
            HEAD + "agents: [{id: a, url: 'http://h'}]\nprompt_targets:\n"
            "  - {name: s, description: d, endpoint: {name: a, path: /}}\n"
            "  - {name: t, description: d, endpoint: {name: e, path: /}}\n",
            ["error prompt_targets[1].endpoint.name: unknown endpoint 'e' of prompt target 't'"],
        ),
    ],
    "listed_names_exist": [
        (
            HEAD + "listeners: [{name: x, type: unified, port: 1, prompt_targets: [t], clients: [c]}]\n"
            "governance: {agents: [{id: a}, {id: b, client: d}]}\n",
            [
                "error listeners[0].prompt_targets[0]: unknown prompt target 't'",
                "error listeners[0].clients[0]: unknown client 'c'",
                "error governance.agents[1].client: unknown client 'd'",
                "warning governance.agents[0].id: unknown agent 'a': its rules hold for nobody",
            ],
        ),
    ],
    "keys_have_an_effect": [
        (
            HEAD + TWO + "mode: llm\nlisteners: [{name: a, type: model, parallel: false}]\n",
            [
                "warning mode: has no effect. Remove it.",
            ],
        ),
    ],
}


def _name(check: object) -> str:
    name, module = getattr(check, "__name__", ""), getattr(check, "__module__", "").rpartition(".")[2]
    return f"{name}@{module}" if name == "names_are_unique" else name


def test_every_check_has_a_case() -> None:
    assert set(CASES) == {_name(check) for check in CHECKS}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [(name, text, expected) for name, cases in CASES.items() for text, expected in cases],
    ids=[f"{name}-{at}" for name, cases in CASES.items() for at in range(len(cases))],
)
def test_a_check_finds_what_it_is_for(
    name: str, text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = next(check for check in CHECKS if _name(check) == name)
    monkeypatch.setattr("plano_extproc.config.checks.CHECKS", (check,))
    monkeypatch.setitem(sys.modules, "botocore", None)
    problems = load(text, environ={}).problems
    found = {f"{one.severity} {one.path}: {one.message}" + (f". {one.hint}" if one.hint else "") for one in problems}
    unmatched = [want for want in expected if not any(one.startswith(want) for one in found)]

    assert (unmatched, len(found)) == ([], len(expected)), found


def test_no_problem_is_said_twice() -> None:
    text = dedent("""
        version: v0.5.0
        listeners: [{name: a, type: model}, {name: a, type: model}, {name: a, type: model}]
    """)
    problems = loaded(text).problems

    assert len(set(problems)) == len(problems)


def test_an_agent_that_is_wrong_is_not_said_to_be_missing() -> None:
    text = HEAD + "agents: [{id: a, url: nowhere}]\n"

    assert [f"{one.severity} {one.path}" for one in loaded(text).problems] == ["error agents[0].url"]


def test_of_many_known_names_the_rest_is_counted() -> None:
    text = HEAD + "model_providers: [{model: zzzz/x, access_key: k}]\n"

    assert re.search(r"Known: amazon_bedrock, .* and \d+ more\. For one", loaded(text).problems[0].hint)
