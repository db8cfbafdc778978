"""Cases of the checks of policies: stores, routing, limits, clients, governance, prompt targets."""

# ruff: noqa: E501 - rows of a table are read whole

from hashlib import sha256

from tests.config.cases.words import ALL, HEAD, TWO, Cases

CASES: Cases = {
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
}
