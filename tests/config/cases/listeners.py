"""Cases of the checks of listeners."""

# ruff: noqa: E501 - rows of a table are read whole

from tests.config.cases.words import HEAD, OLD, Cases

CASES: Cases = {
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
}
