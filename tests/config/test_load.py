from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plano_extproc import resources
from plano_extproc.config import load
from tests.config.reading import NO_VARIABLES, config_of, errors_of, loaded, warnings_of

SECRET = "sk-very-secret-value"


def test_a_file_without_listeners_gets_a_model_listener_on_loopback() -> None:
    (listener,) = config_of("version: v0.5.0\nmodel_providers: [{model: openai/x, access_key: k}]\n").listeners

    assert (listener.name, listener.type) == ("egress_traffic", "model")
    assert (listener.address, listener.port, listener.timeout) == ("127.0.0.1", 12000, 300.0)


def test_a_model_listener_is_added_beside_listeners_of_other_types() -> None:
    text = """
        version: v0.5.0
        agents: [{id: a, url: "http://h"}]
        listeners: [{name: x, type: agent, port: 8001, agents: [{id: a, description: b}]}, {name: p, type: prompt}]
    """
    found = [(one.name, one.address, one.port) for one in config_of(text).listeners]

    assert found == [("x", "127.0.0.1", 8001), ("p", "127.0.0.1", 10000), ("egress_traffic", "127.0.0.1", 12000)]


@pytest.mark.parametrize(
    ("version", "environ", "address"),
    [
        ("v0.5.0", {}, "127.0.0.1"),
        ("v0.4.0", {}, "0.0.0.0"),
        ("v0.1", {}, "0.0.0.0"),
        ("v0.5.0", {"PLANO_LISTEN_ADDRESS": "::1"}, "::1"),
        ("v0.4.0", {"PLANO_LISTEN_ADDRESS": "127.0.0.1"}, "127.0.0.1"),
        ("v0.4.0", {"PLANO_LISTEN_ADDRESS": ""}, "0.0.0.0"),
    ],
)
def test_the_default_address_depends_on_version_and_environment(
    version: str, environ: dict[str, str], address: str
) -> None:
    text = f"version: {version}\nlisteners: [{{name: a, type: model}}, {{name: b, type: prompt, address: 10.0.0.1}}]\n"

    assert [one.address for one in config_of(text, environ).listeners] == [address, "10.0.0.1"]


def test_a_wrong_address_in_the_environment_is_an_error() -> None:
    text = "version: v0.5.0\nlisteners: [{name: a, type: model}]\n"

    assert errors_of(text, {"PLANO_LISTEN_ADDRESS": "everywhere"}) == [
        "1:1: error: the variable PLANO_LISTEN_ADDRESS holds no IP address. Set it to one, or unset it."
    ]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
        version: v0.5.0
        listners: []
        listeners:
          - {name: a, type: mdel, port: x, timeout: 5y}
          - {name: b, type: model, port: 12000}
          - {name: b, type: model, port: 12000}
        model_providers:
          - {model: openai/gpt-4o, access_key: $KEY, default: true}
          - {model: gpt-4o, default: true}
        tracing: {random_sampling: 500}
    """

    assert [error.partition("error: ")[2].partition(":")[0] for error in errors_of(text)] == [
        "listners",
        "listeners[0].type",
        "listeners[0].port",
        "listeners[0].timeout",
        "listeners[2].name",
        "listeners[2].port",
        "model_providers[0].access_key",
        "model_providers[1].model",
        "tracing.random_sampling",
    ]


def test_a_problem_reads_as_place_severity_path_message_and_hint() -> None:
    (problem,) = loaded("version: v0.5.0\nlistners: []\n").errors

    assert str(problem) == "config.yaml:2:1: error: listners: is an unknown key. Did you mean 'listeners'?"


def test_what_is_left_out_as_wrong_blames_nothing_else() -> None:
    text = """
        version: v0.5.0
        model_providers: [{model: openai/gpt-4o, access_key: k, weight: much}, {model: openai/x, access_key: k, name: }]
        model_aliases: {fast: {target: gpt-4o}, other: {target: x}}
    """

    assert [problem.path for problem in loaded(text).errors] == [
        "model_providers[0].weight",
        "model_providers[1].name",
    ]


def test_problems_point_at_the_user_s_own_text_after_migration() -> None:
    text = """\
version: v0.1.0
listeners:
  egress_traffic:
    port: high
llm_providers:
  - model: openai/gpt-4o
    acess_key: k
    routing_preferences:
      - {name: code, description: 5}
"""

    assert errors_of(text) == [
        "4:11: error: listeners.egress_traffic.port: should be a whole number",
        "7:5: error: llm_providers[0].acess_key: is an unknown key. Did you mean 'access_key'?",
        "9:35: error: llm_providers[0].routing_preferences[0].description: should be text. Put it in quotes.",
    ]


def test_a_key_without_a_value_is_an_error() -> None:
    assert errors_of("version: v0.5.0\nmodel_providers:\ntracing: {exporters: }\n") == [
        "2:1: error: model_providers: has no value. Give it one, or remove the key.",
        "3:11: error: tracing.exporters: has no value. Give it one, or remove the key.",
    ]


def test_a_key_that_stands_twice_is_an_error_and_was_none() -> None:
    text = "version: {}\nsystem_prompt: a\nsystem_prompt: b\nlisteners: []\n"

    assert errors_of(text.format("v0.5.0")) == [
        "3:1: error: system_prompt: stands twice; the first is in line 2. Remove one of the two."
    ]
    assert "3:1: warning: system_prompt: stands twice; the first is in line 2, and this one holds" in "\n".join(
        warnings_of(text.format("v0.4.0"))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"version: \xff\xfe\n", "the file is not in UTF-8 (line 1)"),
        (b"", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    result = load(path, environ=NO_VARIABLES)

    assert result.config is None
    assert [problem.message for problem in result.problems] == [message]
    assert result.problems[0].file == str(path)


def test_a_folder_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in load(tmp_path, environ=NO_VARIABLES).problems[0].message
    assert "cannot be" in load(Path("a\0b"), environ=NO_VARIABLES).problems[0].message


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: v0.5.0\n")

    assert load(path, environ=NO_VARIABLES).config is not None
    assert config_of("\ufeffversion: v0.5.0\n").version == "v0.5.0"


def test_two_hundred_providers_are_no_trouble() -> None:
    entries = "".join(f"  - {{model: openai/m{n}, access_key: $K, weight: {n}}}\n" for n in range(200))
    config = config_of(f"version: v0.5.0\nmodel_providers:\n{entries}", {"K": "k"})

    assert len(config.model_providers) == 200


SECRET_PLACES = f"""
version: v0.5.0
listeners: [{{name: $SECRET, type: $SECRET, port: $SECRET, timeout: $SECRET, address: $SECRET}}]
model_providers:
  - {{model: openai/a, access_key: $SECRET, headers: {{a: $SECRET, host: $SECRET}}, http_host: "$SECRET/"}}
  - {{model: $SECRET, access_key: [$SECRET], base_url: "https://u:$SECRET@h", provider_interface: $SECRET}}
  - {{model: openai/b, access_key: {SECRET}, aws: {{access_key_id: {SECRET}}}}}
model_aliases: {{a: {{target: $SECRET}}}}
clients: [{{id: a, key: $SECRET}}, {{id: b, key: {SECRET}}}]
state_storage: {{type: redis, connection_string: "$SECRET"}}
routing: {{session_cache: {{type: redis, url: "$SECRET"}}}}
governance: {{store: $SECRET}}
tracing: {{opentracing_grpc_endpoint: $SECRET, exporters: [{{type: $SECRET, url: $SECRET, api_key: $SECRET}}]}}
"""


def test_no_problem_shows_a_secret() -> None:
    result = loaded(SECRET_PLACES, {"SECRET": SECRET})

    assert len(result.errors) > 10
    assert SECRET not in "\n".join(map(str, result.problems))
    assert SECRET not in repr(result.problems)


def test_no_configuration_shows_a_secret() -> None:
    text = f"""
        version: v0.5.0
        model_providers:
          - {{model: openai/a, access_key: $SECRET, headers: {{authorization: $SECRET}}}}
          - {{model: openai/b, aws: {{region: r, access_key_id: {SECRET}, secret_access_key: $SECRET,
              session_token: $SECRET}}}}
        clients: [{{id: a, key: $SECRET}}]
        state_storage: {{type: redis, connection_string: "redis://$SECRET@h"}}
        routing: {{session_cache: {{type: redis, url: "redis://$SECRET@h"}}}}
        governance: {{store: "redis://$SECRET@h"}}
        endpoints: {{e: {{endpoint: h}}}}
        prompt_targets: [{{name: a, description: b, endpoint: {{name: e, path: /, http_headers: {{x: $SECRET}}}}}}]
        tracing: {{headers: {{x: $SECRET}}, exporters: [{{type: posthog, url: "https://h", api_key: $SECRET}}]}}
    """
    config = config_of(text, {"SECRET": SECRET})

    assert SECRET not in repr(config)
    assert SECRET not in str(config)


EXAMPLES = sorted(resources.path("config/examples").glob("*.yaml"))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_damaged_example_is_a_problem_and_never_an_exception(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(EXAMPLES)).read_text()
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        junk = data.draw(
            st.sampled_from(["", "- x\n", "  a: 1\n", "{", "'", "version: v0.4.0\n", lines[0], "x: &a [*a]\n"])
        )
        lines[at] = data.draw(
            st.sampled_from([junk, lines[at] + junk, lines[at].replace(": ", ": [", 1), lines[at][1:]])
        )
    result = load("".join(lines), environ=NO_VARIABLES)

    assert (result.config is None) == bool(result.errors)


KEYS = [
    "version",
    "listeners",
    "model_providers",
    "llm_providers",
    "name",
    "type",
    "model",
    "agents",
    "id",
    "routing_preferences",
    "url",
    "overrides",
    "endpoints",
    "model_aliases",
    "target",
    "port",
    "on_error",
    "prompt_targets",
    "ingress_traffic",
    "egress_traffic",
    "codes",
    "cors",
    "<<",
]

yaml_like = st.recursive(
    st.sampled_from(["x", "1", "true", "null", "$A", "''", "*a", "openai/*", "-1", "1e999", "model", "5s", "v0.5.0"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(
            st.tuples(
                st.sampled_from(KEYS),
                inner,
            ),
            max_size=5,
        ).map(lambda entries: f"{{{', '.join(f'{key}: {value}' for key, value in entries)}}}")
    ),
    max_leaves=20,
)


@given(st.text() | yaml_like, st.sampled_from(["", "version: v0.5.0\n", "version: v0.4.0\n", "version: v0.2.0\n"]))
@settings(max_examples=120, deadline=None)
def test_any_text_is_a_configuration_or_problems(text: str, head: str) -> None:
    result = load(text, environ={"A": "x"})
    assert (result.config is None) == bool(result.errors)

    for key in ("listeners", "model_providers", "routing_preferences", "overrides", "endpoints"):
        result = load(f"{head}{key}: {text}\n", environ=NO_VARIABLES)
        assert (result.config is None) == bool(result.errors)
