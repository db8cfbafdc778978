from pathlib import Path

import pytest

from plano_extproc import render
from plano_extproc.config import Config, load
from plano_extproc.render.build import CA_FILES, system_ca_file


def config(text: str) -> Config:
    loaded = load(text, environ={"KEY": "sk-secret-value"})
    assert loaded.config is not None, loaded.problems
    return loaded.config


def topology(text: str) -> render.Topology:
    return render.topology(
        config(text), folder="/run/e", workers=["unix:/run/w.sock"], admin_port=9901, metrics_port=9092
    )


CONFIG = """
version: v0.5.0
listeners:
  - {name: llm, type: model, port: 12345, address: 0.0.0.0, timeout: 2m, max_retries: 3}
model_providers:
  - {model: openai/gpt-4o, access_key: $KEY}
  - {model: openai/gpt-4o-mini, access_key: $KEY, default: true}
  - model: local/one
    base_url: http://127.0.0.1:8000/v1
    provider_interface: openai
    http_host: llm.internal
    passthrough_auth: true
    timeouts: {connect: 1s}
overrides: {max_body_bytes: 2048, upstream_tls_ca_path: /etc/my.pem, upstream_connect_timeout: 7s}
"""


def test_listeners_keep_what_the_user_said() -> None:
    assert topology(CONFIG).listeners == (render.Listener("llm", "0.0.0.0", 12345, "model", 120.0, 3),)


def test_providers_at_one_endpoint_share_a_cluster() -> None:
    openai, local = topology(CONFIG).clusters

    assert (openai.scheme, openai.host, openai.port, openai.authority) == (
        "https",
        "api.openai.com",
        443,
        "api.openai.com",
    )
    assert (local.scheme, local.host, local.port, local.authority) == ("http", "127.0.0.1", 8000, "llm.internal")
    assert (openai.connect_timeout, local.connect_timeout) == (7.0, 1.0)


def test_providers_that_share_an_endpoint_get_the_longest_patience() -> None:
    text = """
version: v0.5.0
model_providers:
  - {model: openai/a, access_key: k, timeouts: {idle: 5s}}
  - {model: openai/b, access_key: k, timeouts: {idle: 20s}}
  - {model: groq/c, access_key: k, timeouts: {idle: 5s, first_byte: 30s}}
  - {model: mistral/d, access_key: k}
"""

    assert [cluster.idle_timeout for cluster in topology(text).clusters] == [20.0, 30.0, None]


def test_overrides_are_taken_over() -> None:
    assert (topology(CONFIG).max_body_bytes, topology(CONFIG).ca_file) == (2048, "/etc/my.pem")


def test_no_secret_is_rendered() -> None:
    built = topology(CONFIG)

    assert "sk-secret-value" not in render.static(built) + "".join(render.files(built).values())


def test_the_system_decides_which_authorities_are_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = tmp_path / "bundle.pem"
    theirs.touch()
    monkeypatch.setattr("plano_extproc.render.build.CA_FILES", ("/nowhere.pem", str(theirs)))

    assert system_ca_file() == str(theirs)


def test_without_any_authorities_the_usual_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plano_extproc.render.build.CA_FILES", ("/nowhere.pem",))

    assert system_ca_file() == "/nowhere.pem"
    assert CA_FILES[0] == "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize(
    ("more", "reads"),
    [
        ("", False),
        ("tracing: {random_sampling: 1, opentracing_grpc_endpoint: 'http://127.0.0.1:4317'}", True),
        ("tracing: {random_sampling: 0, opentracing_grpc_endpoint: 'http://127.0.0.1:4317'}", False),
        ("clients: [{id: a, key: k}]", True),
    ],
)
def test_envoy_reads_costs_where_somebody_wants_to_know_them(more: str, reads: bool) -> None:
    assert topology(CONFIG + more).reads_usage is reads
