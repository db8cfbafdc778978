"""Who serves: pools, chains and cool-downs, as transcripts."""

import json
from typing import Any

from plano_extproc.gateway import Attempt
from plano_extproc.gateway.actions import Continue
from plano_extproc.gateway.events import ResponseHeaders
from plano_extproc.gateway.tries.message import tries
from tests.gateway.support import Call, gateway

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/gpt-4o, name: first, access_key: $OPENAI_API_KEY, retry_policy: {fallback_models: [second]}}
  - {model: groq/llama, name: second, access_key: k2}
  - {model: groq/shared, name: left, access_key: left-key}
  - {model: mistral/shared, name: right, access_key: right-key}
cooldown: {after: 2, for: 30s}
"""
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def ask(on: Any, model: str, *, attempts: int = 1, status: int = 200, **headers: str) -> tuple[str, ...]:
    """Return the clusters of a request that is answered after some attempts, in order."""
    call = Call("/v1/chat/completions", on=on)
    action = call.ask({**HELLO, "model": model})
    assert isinstance(action, Continue)
    assert action.changes is not None
    sent = {":status": str(status), "x-plano-attempts": str(attempts), **headers}
    raw = {name: value.encode() for name, value in sent.items()}
    for number in range(2, attempts + 1):
        said = {"x-plano-candidates": action.changes.metadata["candidates"], "x-plano-attempt": str(number)}
        Attempt(on, "models", "/v1/chat/completions", tries(said))
    call.exchange.handle(ResponseHeaders(raw, end_of_stream=False))
    return action.changes.clusters


def test_a_candidate_that_failed_often_enough_is_asked_last() -> None:
    on = gateway(CONFIG)
    before = ask(on, "first", attempts=2)
    ask(on, "first", attempts=2)
    after = ask(on, "first")

    assert len(before) == len(after) == 2
    assert "openai" in before[0]
    assert "openai" in after[1]


def test_an_answer_ends_the_count_of_failures() -> None:
    on = gateway(CONFIG)
    ask(on, "first", attempts=2)
    ask(on, "first")
    ask(on, "first", attempts=2)

    assert "openai" in ask(on, "first")[0]


def test_one_model_at_two_providers_is_a_pool_with_a_fallback() -> None:
    clusters = ask(gateway(CONFIG), "shared")

    assert len(clusters) == 2
    assert {("groq" in name, "mistral" in name) for name in clusters} == {(True, False), (False, True)}


def test_the_first_try_has_the_first_candidates_key_and_no_one_elses() -> None:
    action = Call("/v1/chat/completions", on=gateway(CONFIG)).ask({**HELLO, "model": "shared"})

    assert isinstance(action, Continue)
    assert action.changes is not None
    sent = dict(action.changes.set)
    assert sent["x-plano-cluster"] == b"chain"
    assert sent["authorization"] in (b"Bearer left-key", b"Bearer right-key")
    assert json.dumps(action.changes.metadata).count("-key") == 0
