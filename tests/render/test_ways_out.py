"""What a provider gets, and what of its answer the client gets."""

import threading

import httpx
import pytest

from tests.render.stand import BODY_LIMIT, Handler, Stand, read_answer_whole, send

pytestmark = pytest.mark.envoy


def test_the_sidecar_chooses_the_cluster_and_the_path(stand: Stand) -> None:
    stand.sidecar.decide("up", {":path": "/openai/deployments/m/chat/completions?api-version=1", "authorization": "k"})
    answer = stand.post()

    assert (answer.status_code, answer.json()) == (200, {"echo": 13})
    ((path, headers, body),) = stand.provider.requests
    assert (path, body) == ("/openai/deployments/m/chat/completions?api-version=1", b'{"model":"m"}')
    assert headers["authorization"] == "k"


def test_a_provider_is_called_by_the_name_that_it_expects(stand: Stand) -> None:
    stand.sidecar.decide("named")
    stand.post()

    assert stand.provider.requests[0][1]["host"] == "api.example.com"


def test_a_provider_sees_neither_our_headers_nor_who_the_client_is(stand: Stand) -> None:
    stand.sidecar.decide("up")
    stand.post(
        headers={
            "x-plano-key": "key",
            "x-plano-cache": "off",
            "x-arch-ratelimit-selector": "x",
            "x-forwarded-for": "1.2.3.4",
            "x-forwarded-host": "me",
            "forwarded": "for=1.2.3.4",
            "via": "1.1 proxy",
        }
    )

    headers = stand.provider.requests[0][1]
    assert set(headers) == {
        *("host", "accept", "accept-encoding", "user-agent", "content-length", "x-request-id"),
    }


def test_an_answer_tells_how_many_attempts_it_took(stand: Stand) -> None:
    stand.sidecar.decide("up")

    assert stand.post().headers["x-plano-attempts"] == "1"


def test_an_answer_loses_what_would_bind_the_client_to_the_provider(stand: Stand) -> None:
    stand.provider.answer = lambda handler, _body: send(
        handler,
        200,
        b"{}",
        {
            "set-cookie": "a=b",
            "alt-svc": 'h3=":443"',
            "openai-organization": "ours",
            "server": "nginx",
            "x-request-id": "theirs",
            "x-plano-model": "spoofed",
            "x-ratelimit-remaining-tokens": "5",
            "retry-after": "3",
        },
    )
    stand.sidecar.decide("up")
    answer = stand.post(headers={"x-request-id": "mine"})

    assert set(answer.headers) == {
        *("content-type", "content-length", "date", "server", "x-request-id", "x-plano-attempts"),
        *("x-ratelimit-remaining-tokens", "retry-after"),
    }
    assert answer.headers["server"] == "plano"
    assert answer.headers.get_list("x-request-id") == ["mine"]


def test_an_error_of_the_provider_comes_through_as_it_is(stand: Stand) -> None:
    stand.provider.answer = lambda handler, _body: send(handler, 429, b'{"their":"words"}', {"retry-after": "7"})
    stand.sidecar.decide("up")
    answer = stand.post()

    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (429, '{"their":"words"}', "7")


@pytest.mark.parametrize("size", [0, 1, 70_000, BODY_LIMIT])
def test_a_body_up_to_the_limit_reaches_the_sidecar_whole(stand: Stand, size: int) -> None:
    stand.sidecar.decide("up")
    answer = stand.post(content=b"x" * size)

    assert answer.status_code == (503 if size == 0 else 200)
    if size:
        assert len(stand.sidecar.streams[0].events[1][2]) == size
        assert answer.json() == {"echo": size}


def test_an_answer_may_be_read_whole_though_it_is_larger_than_a_request_may_be(stand: Stand) -> None:
    size = 5 * BODY_LIMIT
    stand.provider.answer = lambda handler, _body: send(handler, 200, b"x" * size)
    stand.sidecar.decide("up")
    stand.sidecar.script["response_headers"] = lambda _headers, _body: read_answer_whole()
    answer = stand.post()

    assert (answer.status_code, len(answer.content)) == (200, size)
    assert len(stand.sidecar.streams[0].events[3][2]) == size


def test_an_answer_too_large_to_be_read_whole_is_a_502(stand: Stand) -> None:
    stand.provider.answer = lambda handler, _body: send(
        handler, 200, b"x" * (stand.topology.max_answer_bytes + 100_000)
    )
    stand.sidecar.decide("up")
    stand.sidecar.script["response_headers"] = lambda _headers, _body: read_answer_whole()
    answer = stand.post("/v1/messages")

    assert answer.status_code == 502
    assert "too large" in answer.json()["error"]["message"]


def test_a_stream_flows_without_the_sidecar(stand: Stand) -> None:
    first_seen = threading.Event()

    def stream(handler: Handler, _body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"9\r\ndata: 1\n\n\r\n")
        assert first_seen.wait(30), "the first event waits for the second"
        handler.wfile.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    stand.provider.answer = stream
    stand.sidecar.decide("up")
    with stand.client.stream("POST", f"{stand.url}/v1/messages", content=b"{}") as answer:
        chunks = answer.iter_raw()
        first = next(chunks)
        first_seen.set()
        rest = b"".join(chunks)

    assert (first, rest) == (b"data: 1\n\n", b"data: 2\n\n")
    assert stand.sidecar.streams[0].kinds == ["request_headers", "request_body", "response_headers"]


def test_a_client_that_hangs_up_ends_the_providers_work(stand: Stand) -> None:
    gone = threading.Event()

    def stream(handler: Handler, _body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"1\r\nx\r\n")
        if handler.rfile.read(1) == b"":
            gone.set()

    stand.provider.answer = stream
    stand.sidecar.decide("up")
    with httpx.Client(timeout=20) as client, client.stream("POST", f"{stand.url}/v1/messages", content=b"{}") as answer:
        assert next(answer.iter_raw()) == b"x"

    assert gone.wait(30)


def test_by_default_no_answer_of_a_provider_is_tried_again(stand: Stand) -> None:
    stand.provider.answer = lambda handler, _body: send(handler, 503, b"{}")
    stand.sidecar.decide("up")

    assert stand.post().headers["x-plano-attempts"] == "1"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_listener_with_max_retries_tries_again(stand: Stand, status: int) -> None:
    def once_bad(handler: Handler, _body: bytes) -> None:
        send(handler, status if len(stand.provider.requests) == 1 else 200, b"{}")

    stand.provider.answer = once_bad
    stand.sidecar.decide("up")
    answer = stand.post(listener=1)

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "2")
    assert {body for _, _, body in stand.provider.requests} == {b'{"model":"m"}'}


def test_max_retries_is_how_many_further_tries_there_are(stand: Stand) -> None:
    stand.provider.answer = lambda handler, _body: send(handler, 500, b"{}")
    stand.sidecar.decide("up")

    assert stand.post(listener=1).headers["x-plano-attempts"] == "3"
