from plano_extproc.config import load
from planoai.console.configuration import HIDDEN, hidden, serving, shown

TEXT = """
version: v0.5.0
listeners: [{type: model, name: llm, port: 12000}]
model_providers:
  - {model: openai/gpt-4o, access_key: sk-one, default: true, headers: {x-team: sk-two}}
state_storage: {type: postgres, connection_string: "postgresql://me:sk-three@db/plano"}
tracing: {random_sampling: 1, opentracing_grpc_endpoint: "http://localhost:4317", headers: {x-any: sk-four}}
clients: [{id: team-a, key: sk-five}]
"""


def test_no_secret_is_shown() -> None:
    config = load(TEXT, environ={}, name="test").config
    assert config is not None
    found = shown(config)

    assert "sk-" not in str(found)
    assert found["model_providers"][0]["model"] == "openai/gpt-4o"
    assert found["model_providers"][0]["access_key"] == HIDDEN


def test_a_login_in_an_address_is_hidden() -> None:
    assert hidden({"url": "redis://me:word@host:6379/0"}) == {"url": f"redis://{HIDDEN}@host:6379/0"}
    assert hidden({"url": "https://host/a@b"}) == {"url": "https://host/a@b"}
    assert hidden({"url": "https://host/mask?key=word"}) == {"url": f"https://host/mask?{HIDDEN}"}


def test_what_is_behind_a_cluster_is_named() -> None:
    config = load(TEXT, environ={}, name="test").config
    assert config is not None

    found = serving(config)
    assert [names for names in found.values() if "openai/gpt-4o" in names]
