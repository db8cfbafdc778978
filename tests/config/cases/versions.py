"""Cases of the checks of what a version knows, and of what has an effect."""

from tests.config.cases.words import HEAD, OLD, TWO, Cases

CASES: Cases = {
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
    "keys_have_an_effect": [
        (
            HEAD + TWO + "mode: llm\nlisteners: [{name: a, type: model, parallel: false}]\n",
            [
                "warning mode: has no effect. Remove it.",
            ],
        ),
    ],
}
