"""Cases of the checks of names that must exist."""

# ruff: noqa: E501 - rows of a table are read whole

from tests.config.cases.words import ALL, HEAD, OLD, TWO, Cases

CASES: Cases = {
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
}
