"""What a client's request looks like when it has come in, and which requests do."""

import uuid

import pytest

from tests.render.stand import LISTENER, Stand, immediate

pytestmark = pytest.mark.envoy

TWO_LENGTHS = b"content-length: 3\r\ntransfer-encoding: chunked"


def test_a_request_to_a_provider_is_seen_as_headers_then_body_then_response_headers(stand: Stand) -> None:
    stand.sidecar.decide("up")
    stand.post()

    (stream,) = stand.sidecar.streams
    assert stream.kinds == ["request_headers", "request_body", "response_headers"]
    assert stream.metadata["x-plano-listener"] == LISTENER


def test_headers_that_only_we_may_send_are_removed_and_those_of_clients_kept(stand: Stand) -> None:
    sent = {
        "x-plano-key": "key",
        "x-plano-cache": "off",
        "x-plano-max-switch-spend-pct": "5",
        "x-arch-ratelimit-selector": "x-user",
        "X-Plano-Cluster": "up",
        "x-plano-cachet": "1",
        "x-plano-ke": "1",
        "x-plano-": "1",
        "x-arch-upstream": "1",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x_plano_cluster": "up",
        "plano-aside-0": "1",
        "x-model-affinity": "session",
    }
    stand.post(headers=sent)

    seen = stand.sidecar.streams[0].headers("request_headers")
    kept = {name: value for name, value in seen.items() if name.replace("_", "-") in {n.lower() for n in sent}}
    assert kept == {
        "x-plano-key": "key",
        "x-plano-cache": "off",
        "x-plano-max-switch-spend-pct": "5",
        "x-arch-ratelimit-selector": "x-user",
        "x-model-affinity": "session",
    }


def test_a_header_put_aside_cannot_be_brought_in_by_a_client(stand: Stand) -> None:
    stand.post(headers={f"plano-aside-{number}": "spoofed" for number in range(6)})

    assert "spoofed" not in stand.sidecar.streams[0].headers("request_headers").values()


@pytest.mark.parametrize("given", ["my-own-id", "11111111-2222-4333-8444-555555555555"])
def test_a_request_id_of_the_client_is_kept_letter_by_letter(stand: Stand, given: str) -> None:
    stand.sidecar.decide("up")
    answer = stand.post(headers={"x-request-id": given})

    assert answer.headers.get_list("x-request-id") == [given]
    assert stand.provider.requests[0][1]["x-request-id"] == given


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/v1/models"])
def test_every_answer_has_a_request_id(stand: Stand, path: str) -> None:
    assert uuid.UUID(stand.get(path).headers["x-request-id"])


@pytest.mark.parametrize("path", ["//v1/chat/completions", "/v1/x/../chat/completions", "/v1/./chat/completions?a=b"])
def test_a_path_has_one_spelling_when_it_is_matched(stand: Stand, path: str) -> None:
    request = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    stand.sidecar.decide("up")
    answer = stand.raw(request.encode())

    assert answer.startswith(b"HTTP/1.1 200")
    assert stand.sidecar.streams[0].headers("request_headers")[":path"].partition("?")[0] == "/v1/chat/completions"


def test_the_slash_in_a_models_name_may_be_escaped(stand: Stand) -> None:
    stand.sidecar.script["request_headers"] = lambda _headers, _body: immediate(200, b"{}")

    assert stand.raw(b"GET /v1/models/openai%2Fgpt-4o HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")[9:12] == b"200"
    assert stand.sidecar.streams[0].headers("request_headers")[":path"] == "/v1/models/openai/gpt-4o"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_healthz_is_answered_without_the_sidecar(stand: Stand, method: str) -> None:
    answer = stand.client.request(method, f"{stand.url}/healthz")

    assert answer.status_code == 200
    assert not stand.sidecar.streams


def test_readyz_asks_a_worker_for_the_generation_of_its_route(stand: Stand) -> None:
    stand.sidecar.script["request_headers"] = lambda _headers, _body: immediate(503, b'{"ready":false}')
    answer = stand.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    assert stand.sidecar.streams[0].metadata["x-plano-generation"] == "7"


@pytest.mark.parametrize("path", ["/readyz", "/v1/models", "/v1/models/m"])
def test_what_the_sidecar_should_have_answered_and_did_not_is_a_503(stand: Stand, path: str) -> None:
    answer = stand.get(path)

    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/messages", "POST"),
        ("OPTIONS", "/v1/responses", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PUT", "/v1/models/m", "POST, GET"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/readyz", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_ones(stand: Stand, method: str, path: str, allow: str) -> None:
    answer = stand.client.request(method, stand.url + path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert not stand.sidecar.streams


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat/completions/", "/v1/messages/x", "/metrics", "/v1/modelsx"])
def test_an_unknown_path_is_a_404_in_the_shape_of_openai(stand: Stand, path: str) -> None:
    answer = stand.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["type"] == "not_found_error"
    assert "chats are at /v1/chat/completions" in answer.json()["error"]["message"]
    assert not stand.sidecar.streams


def test_figures_are_on_a_port_of_their_own(stand: Stand) -> None:
    stand.sidecar.script["request_headers"] = lambda _headers, _body: immediate(
        200, b"up 1\n", "text/plain; version=0.0.4"
    )
    answer = stand.client.get(f"{stand.metrics}/metrics")

    assert (answer.status_code, answer.text) == (200, "up 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    assert stand.client.get(f"{stand.metrics}/v1/models").status_code == 404
    assert stand.client.post(f"{stand.metrics}/v1/messages").status_code == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"426"),
        (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 101 + b"\r\n", b"431"),
        (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nbad\x00: x\r\n\r\n", b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + TWO_LENGTHS + b"\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET /v1/messages HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", b"403"),
    ],
    ids=["no-http", "old-http", "large-headers", "many-headers", "nul", "two-lengths", "upgrade"],
)
def test_malformed_requests_are_answered_with_json(stand: Stand, request_: bytes, status: bytes) -> None:
    head, _, body = stand.raw(request_).partition(b"\r\n\r\n")

    assert head.split()[1] == status
    assert b"content-type: application/json" in head
    assert body.startswith(b'{"error"')


def test_the_admin_interface_cannot_stop_the_process(stand: Stand) -> None:
    assert stand.client.post(f"{stand.admin}/quitquitquit").status_code == 403
    assert stand.client.post(f"{stand.admin}/logging?level=trace").status_code == 403
    assert stand.client.get(f"{stand.admin}/stats?filter=rejected").status_code == 200
    assert stand.client.get(f"{stand.admin}/ready").status_code == 200
