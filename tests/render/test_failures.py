"""What becomes of a request when something is broken. Nothing reaches a provider but what the sidecar sent there."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from plano_extproc._pb import ext_proc_pb2 as pb
from tests.render.stand import BODY_LIMIT, Answer, Handler, Script, Stand, immediate, ok, read_answer_whole, standing

pytestmark = pytest.mark.envoy

IMPATIENT = 2
LLM_PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


def message_of(path: str, answer: httpx.Response) -> str:
    """The error's message; asserts that the body has the shape of the dialect which the path speaks."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    error: dict[str, str | None] = body["error"]
    if path == "/v1/messages":
        assert (set(body), body["type"], set(error)) == ({"type", "error"}, "error", {"type", "message"})
    else:
        assert (set(body), set(error)) == ({"error"}, {"message", "type", "param", "code"})
    return str(error["message"])


def crash(_headers: object, _body: object) -> Answer:
    raise RuntimeError("secret words of a traceback")


def end(_headers: object, _body: object) -> None:
    return None


def say_nothing(_headers: object, _body: object) -> Answer:
    return Answer()


def hang(_headers: object, _body: object) -> Answer:
    time.sleep(2)
    return Answer()


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway whose sidecar has half a second, which only those may have that take longer on purpose."""
    with standing(tmp_path_factory.mktemp("hurried"), decision_timeout=0.5) as stand:
        yield stand


def forbidden(_headers: object, _body: object) -> Answer:
    mutation = pb.HeaderMutation(set_headers=[pb.HeaderValueOption(header=pb.HeaderValue(key="host", raw_value=b"x"))])
    response = pb.CommonResponse(header_mutation=mutation)
    return Answer(request_headers=pb.HeadersResponse(response=response))


@pytest.mark.parametrize("path", LLM_PATHS)
@pytest.mark.parametrize("kind", ["request_headers", "request_body"])
@pytest.mark.parametrize(
    ("script", "status"),
    [(crash, 503), (end, 503), (say_nothing, 503), (hang, 504)],
    ids=["crashes", "ends-cleanly", "says-nothing", "hangs"],
)
def test_without_a_decision_nothing_is_sent(
    request: pytest.FixtureRequest, script: Script, status: int, kind: str, path: str
) -> None:
    stand: Stand = request.getfixturevalue("hurried" if script is hang else "stand")
    stand.reset()
    stand.sidecar.script[kind] = script
    answer = stand.post(path)

    assert answer.status_code == status
    assert "gateway" in message_of(path, answer)
    assert "secret" not in answer.text
    assert not stand.provider.requests


@pytest.mark.parametrize("path", LLM_PATHS)
def test_a_sidecar_that_lets_everything_pass_sends_nothing(stand: Stand, path: str) -> None:
    answer = stand.post(path, headers={"x-plano-cluster": "up"})

    assert answer.status_code == 503
    assert "no provider" in message_of(path, answer)
    assert not stand.provider.requests


def test_a_change_that_the_sidecar_may_not_make_fails_the_request(stand: Stand) -> None:
    stand.sidecar.script["request_headers"] = forbidden
    stand.sidecar.decide("up")

    assert stand.post().status_code == 503
    assert not stand.provider.requests


def test_while_the_sidecar_is_down_every_answer_is_a_503_in_the_callers_dialect(tmp_path: Path) -> None:
    with standing(tmp_path) as stand:
        stand.sidecar.decide("up")
        stand.sidecar.server.stop(0).wait()
        answers = [(path, stand.post(path)) for path in LLM_PATHS * 3]

        assert {answer.status_code for _, answer in answers} == {503}
        assert all("cannot decide" in message_of(path, answer) for path, answer in answers)
        assert stand.get("/readyz").status_code == 503
        assert stand.get("/healthz").status_code == 200
        assert not stand.provider.requests


def test_one_of_two_workers_serves_when_the_other_is_gone(tmp_path: Path) -> None:
    with standing(tmp_path, workers=2) as stand:
        for sidecar in stand.sidecars:
            sidecar.decide("up")
        both = [stand.post().status_code for _ in range(20)]
        used = [len(sidecar.streams) for sidecar in stand.sidecars]
        stand.sidecars[0].server.stop(0).wait()
        one = [stand.post().status_code for _ in range(20)]

        assert set(both) == {200}
        assert all(used)
        assert set(one) == {200}


@pytest.mark.parametrize("path", LLM_PATHS)
@pytest.mark.parametrize("cluster", ["refuses", "speaks_no_tls", "unresolvable"])
def test_a_provider_that_cannot_be_reached_is_a_503(stand: Stand, cluster: str, path: str) -> None:
    stand.sidecar.decide(cluster, {":path": "/somewhere/else"})
    answer = stand.post(path)

    assert answer.status_code == 503
    assert message_of(path, answer) == "the model provider cannot be reached"


def test_a_connection_that_is_refused_is_tried_once_more(stand: Stand) -> None:
    stand.sidecar.decide("refuses")

    assert stand.post().headers["x-plano-attempts"] == "2"


def test_a_cluster_that_does_not_exist_is_a_503(stand: Stand) -> None:
    stand.sidecar.decide("gone")
    answer = stand.post()

    assert answer.status_code == 503
    assert "no provider" in message_of("/v1/chat/completions", answer)


def reset(handler: Handler, _body: bytes) -> None:
    handler.connection.shutdown(2)


def garbage(handler: Handler, _body: bytes) -> None:
    handler.wfile.write(b"this is no HTTP\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("path", LLM_PATHS)
@pytest.mark.parametrize("answer_", [reset, garbage])
def test_a_provider_that_breaks_off_is_a_502_and_is_not_asked_twice(
    stand: Stand, answer_: Callable[[Handler, bytes], None], path: str
) -> None:
    stand.provider.answer = answer_
    stand.sidecar.decide("up")
    answer = stand.post(path)

    assert answer.status_code == 502
    assert "without a valid answer" in message_of(path, answer)
    assert len(stand.provider.requests) == 1


@pytest.mark.parametrize("path", LLM_PATHS)
def test_a_silent_provider_is_a_504_after_the_listeners_timeout(stand: Stand, path: str) -> None:
    stand.provider.answer = lambda _handler, _body: time.sleep(5)
    stand.sidecar.decide("up")
    answer = stand.post(path, listener=IMPATIENT)

    assert answer.status_code == 504
    assert "in time" in message_of(path, answer)


def test_a_provider_may_have_more_patience_than_the_listener(stand: Stand) -> None:
    def slow(handler: Handler, body: bytes) -> None:
        time.sleep(1.5)
        ok(handler, body)

    stand.provider.answer = slow
    stand.sidecar.decide("patient")

    assert stand.post(listener=IMPATIENT).status_code == 200


def test_the_sidecar_may_set_the_time_to_the_first_byte(stand: Stand) -> None:
    stand.provider.answer = lambda _handler, _body: time.sleep(5)
    stand.sidecar.decide("up", {"x-envoy-upstream-rq-per-try-timeout-ms": "100"})
    answer = stand.post()

    assert answer.status_code == 504
    assert stand.logged(answer)["details"] == "upstream_per_try_timeout"
    assert "x-envoy-upstream-rq-per-try-timeout-ms" not in stand.provider.requests[0][1]


@pytest.mark.parametrize("path", LLM_PATHS)
def test_a_body_over_the_limit_is_a_413_that_says_the_limit(stand: Stand, path: str) -> None:
    stand.sidecar.decide("up")
    answer = stand.post(path, content=b"x" * (BODY_LIMIT + 1))

    assert answer.status_code == 413
    assert f"{BODY_LIMIT} bytes" in message_of(path, answer)
    assert not stand.provider.requests


def test_the_sidecars_own_answers_keep_body_and_type(stand: Stand) -> None:
    stand.sidecar.script["request_body"] = lambda _headers, _body: immediate(429, b"data: x\n\n", "text/event-stream")
    answer = stand.post("/v1/messages")

    assert (answer.status_code, answer.text) == (429, "data: x\n\n")
    assert answer.headers["content-type"] == "text/event-stream"


def test_the_sidecar_sees_envoys_own_answers_as_the_client_will(stand: Stand) -> None:
    stand.sidecar.decide("refuses")
    stand.sidecar.script["response_headers"] = lambda _headers, _body: read_answer_whole()
    answer = stand.post("/v1/messages")

    (stream,) = stand.sidecar.streams
    assert stream.headers("response_headers")[":status"] == "503"
    assert stream.events[-1] == ("response_body", {}, answer.content)
