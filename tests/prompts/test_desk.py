from textwrap import dedent

import pytest

from plano_extproc.prompts import Decider, Desk
from tests.config.reading import config_of

BASE = """
version: v0.5.0
listeners:
  - {type: unified, name: all, port: 8001}
  - {type: prompt, name: some, port: 10000, prompt_targets: [b, {name: own, description: d, default: true}]}
endpoints: {e: {endpoint: h}}
prompt_targets:
  - {name: a, description: d, endpoint: {name: e, path: /}}
  - {name: b, description: d, endpoint: {name: e, path: /}}
system_prompt: P
"""
MODELS = "model_providers:\n  - {model: openai/gpt-4o, access_key: k, default: true}\n"
ARCH = "  - {model: katanemo/Arch-Function-3B, name: arch-function, provider_interface: openai, base_url: 'http://h'}\n"
TINY = "  - {model: openai/tiny, access_key: k}\n"


def _desk(text: str, listener: str = "all") -> Desk:
    config = config_of(dedent(text))
    return Desk.of(config, next(one for one in config.listeners if one.name == listener))


def test_a_listener_has_all_targets_or_those_it_names() -> None:
    every, some = _desk(BASE), _desk(BASE, "some")

    assert ([one.name for one in every.targets], every.default) == (["a", "b"], None)
    assert ([one.name for one in some.targets], some.default and some.default.name) == (["b"], "own")
    assert (every.system_prompt, every.has_model) == ("P", False)


@pytest.mark.parametrize(
    ("more", "decider"),
    [
        ("", Decider("local")),
        (MODELS, Decider("tools", "openai/gpt-4o")),
        (MODELS + ARCH, Decider("arch", "arch-function")),
        (MODELS + ARCH + "overrides: {function_calling_model: openai/gpt-4o}\n", Decider("tools", "openai/gpt-4o")),
        (MODELS + TINY + "overrides: {function_calling_model: openai/tiny}\n", Decider("tools", "openai/tiny")),
        (MODELS + "overrides: {function_calling_model: local/lexical}\n", Decider("local")),
        (
            MODELS + ARCH + "model_aliases: {fc: {target: arch-function}}\noverrides: {function_calling_model: fc}\n",
            Decider("arch", "fc"),
        ),
    ],
)
def test_who_decides(more: str, decider: Decider) -> None:
    assert _desk(BASE + more).decider == decider


def test_the_short_form_is_served_like_any_other() -> None:
    short = """
        version: v0.3.0
        listeners: [{type: prompt, name: all, port: 10000}]
        model_providers: [{model: openai/gpt-4o, access_key: k, default: true}]
        prompt_targets:
          - name: "get_weather"
            prompt_template: "Get weather for {city} on {date}"
            target_url: "http://weather-api/forecast"
            parameter_extraction: [city, date]
    """
    (target,) = _desk(short).targets

    assert target.endpoint is not None
    assert (target.endpoint.name, target.endpoint.path) == ("weather_api", "/forecast")
    assert [target.needs(one) for one in target.parameters] == [True, True]


def test_the_targets_of_a_unified_listener_may_stand_in_it_with_few_words() -> None:
    unified = """
        version: v0.5.0
        listeners:
          - type: unified
            name: all
            port: 8001
            router: plano_orchestrator_v1
            prompt_targets:
              - name: fetch_application_fields
                description: Fetch fields for a certain database
                parameters: [{name: applicationId, type: str, required: true}]
                endpoint: {name: server, path: /api/v1/meta/queries/appfields, http_method: GET}
            agents: [{id: chat, description: General conversation, default: true}]
        agents: [{id: chat, url: "http://h"}]
        endpoints: {server: {endpoint: h}}
    """
    assert [one.name for one in _desk(unified).targets] == ["fetch_application_fields"]
