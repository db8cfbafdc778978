import hashlib

import pytest

from plano_extproc.errors import Forbidden, Unauthenticated
from tests.limits.reading import admission_of

DIGEST = hashlib.sha256(b"key-b").hexdigest()
CLIENTS = f"clients: [{{id: a, key: key-a, models: ['openai/*']}}, {{id: b, key: 'sha256:{DIGEST}'}}]\n"
LISTENERS = """\
listeners:
  - {name: closed, type: model, port: 12001, clients: [a]}
  - {name: free, type: model, port: 12002}
"""


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": b"Bearer key-b"}, ""),
        ({"authorization": b"bearer  key-b"}, ""),
        ({"x-api-key": b"key-b"}, ""),
        ({"x-goog-api-key": b"key-b"}, ""),
        ({"api-key": b"key-b"}, ""),
        ({"x-plano-key": b"key-b", "authorization": b"Bearer sk-of-the-provider"}, ""),
        ({"x-api-key": b"key-b", "authorization": b"Bearer sk-else"}, ""),
        ({}, "alt=sse&key=key-b"),
        ({"sec-websocket-protocol": b"realtime, openai-insecure-api-key.key-b"}, ""),
    ],
)
def test_a_key_is_found_wherever_a_client_may_put_it(headers: dict[str, bytes], query: str) -> None:
    client = admission_of(CLIENTS).admit(headers, query, "egress_traffic")

    assert client is not None
    assert client.id == "b"


def test_no_clients_mean_that_anyone_may_call() -> None:
    assert admission_of("").admit({}, "", "egress_traffic") is None


def test_a_missing_key_is_refused_with_where_to_send_it() -> None:
    with pytest.raises(Unauthenticated, match="a client key is required; send it as Authorization: Bearer, x-api-key"):
        admission_of(CLIENTS).admit({}, "", "egress_traffic")


@pytest.mark.parametrize("key", [b"key-c", b"key-", b"", DIGEST.encode(), b"sha256:" + DIGEST.encode(), b"\xff\xfe"])
def test_a_wrong_key_is_refused(key: bytes) -> None:
    with pytest.raises(Unauthenticated):
        admission_of(CLIENTS).admit({"x-api-key": key}, "", "egress_traffic")


def test_beside_the_gateways_own_header_no_other_counts() -> None:
    with pytest.raises(Unauthenticated, match="not known"):
        admission_of(CLIENTS).admit({"x-plano-key": b"wrong", "x-api-key": b"key-a"}, "", "egress_traffic")


def test_a_listener_takes_the_clients_that_it_names() -> None:
    admission = admission_of(CLIENTS + LISTENERS)

    client = admission.admit({"x-api-key": b"key-a"}, "", "closed")
    assert client is not None
    assert client.id == "a"
    with pytest.raises(Forbidden, match="client 'b' may not call listener 'closed'"):
        admission.admit({"x-api-key": b"key-b"}, "", "closed")
    with pytest.raises(Unauthenticated):
        admission.admit({}, "", "closed")


def test_beside_it_a_listener_that_names_none_takes_anyone_and_still_knows_who_calls() -> None:
    admission = admission_of(CLIENTS + LISTENERS)

    assert admission.admit({}, "", "free") is None
    assert admission.admit({"authorization": b"Bearer sk-of-the-provider"}, "", "free") is None
    client = admission.admit({"x-api-key": b"key-b"}, "", "free")
    assert client is not None
    assert client.id == "b"


@pytest.mark.parametrize(
    ("models", "name", "requested", "allowed"),
    [
        ("['openai/*']", "openai/gpt-4o", None, True),
        ("['openai/*']", "openai_like/gpt-4o", None, False),
        ("[gpt-4o]", "azure_openai/gpt-4o", None, True),
        ("[openai/gpt-4o]", "openai/gpt-4o-mini", None, False),
        ("['*']", "any/thing", None, True),
        ("[fast]", "openai/gpt-4o", "fast", True),
        ("['fast*']", "openai/gpt-4o", "fastest", False),
        ("[]", "any/thing", None, True),
    ],
)
def test_models_are_allowed_by_name(models: str, name: str, requested: str | None, allowed: bool) -> None:
    admission = admission_of(f"clients: [{{id: a, key: k, models: {models}}}]\n")
    client = admission.admit({"x-api-key": b"k"}, "", "egress_traffic")

    assert admission.may_use(client, name, requested) is allowed


def test_a_model_that_is_not_allowed_is_refused_with_those_that_are() -> None:
    admission = admission_of(CLIENTS)
    client = admission.admit({"x-api-key": b"key-a"}, "", "egress_traffic")

    with pytest.raises(Forbidden, match=r"client 'a' may not use model 'anthropic/claude'; it may use openai/\*"):
        admission.demand(client, "anthropic/claude")
    admission.demand(None, "anthropic/claude")
