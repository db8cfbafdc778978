"""Errors come in the caller's dialect, with the right status, so that its client raises the right exception."""

from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.end_to_end.conftest import MAX_BODY, Providers
from tests.support.clients import anthropic_client, openai_client
from tests.support.http_server import Close, Data, Head
from tests.support.reply import Reply
from tests.support.scripted import Api, ScriptedProvider

HELLO: Any = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
PATHS: dict[Api, str] = {"openai.chat": CHAT, "anthropic.messages": MESSAGES}
MODELS: dict[Api, str] = {"openai.chat": "openai/gpt-4o", "anthropic.messages": "anthropic/claude-sonnet-4-5"}
REPLY = Reply()
VERSION = {"anthropic-version": "2023-06-01"}
BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)

Failing = type[openai.APIStatusError] | type[anthropic.APIStatusError]
EXCEPTIONS: dict[Api, dict[int, Failing]] = {
    "openai.chat": {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        413: openai.APIStatusError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        503: openai.InternalServerError,
        529: openai.InternalServerError,
    },
    "anthropic.messages": {
        400: anthropic.BadRequestError,
        401: anthropic.AuthenticationError,
        403: anthropic.PermissionDeniedError,
        404: anthropic.NotFoundError,
        413: anthropic.ContentTooLargeError,
        422: anthropic.UnprocessableEntityError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        503: anthropic.ServiceUnavailableError,
        529: anthropic.OverloadedError,
    },
}
ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}

clients = pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
providers_of = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])
ways = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])


def scripted(providers: Providers, api: Api) -> ScriptedProvider:
    return providers.chat if api == "openai.chat" else providers.messages


def ask(url: str, client: Api, model: str, *, is_stream: bool = False) -> None:
    if client == "openai.chat":
        with openai_client(url) as speaking:
            answer: Any = speaking.chat.completions.create(model=model, messages=HELLO, stream=is_stream)
            if is_stream:
                list(answer)
    else:
        with anthropic_client(url) as talking:
            told: Any = talking.messages.create(model=model, max_tokens=9, messages=HELLO, stream=is_stream)
            if is_stream:
                list(told)


def post(url: str, client: Api, **body: Any) -> httpx.Response:
    needed = {"max_tokens": 9} if client == "anthropic.messages" else {}
    whole = {"messages": HELLO} | needed | body
    return httpx.post(url + PATHS[client], json=whole, headers=VERSION, timeout=60)


def heard_until_broken(url: str, client: Api, model: str) -> bytes:
    """Read a stream up to the point where the connection breaks; an answer that ends in order fails the test.

    Where the break is noticed before the answer's headers are on their way, a whole error is the answer.
    """
    body = {"model": model, "messages": HELLO, "stream": True, "max_tokens": 9}
    heard = b""
    try:
        with httpx.stream("POST", url + PATHS[client], json=body, headers=VERSION, timeout=60) as answer:
            for chunk in answer.iter_raw():
                heard += chunk
            if answer.status_code >= 500:
                return heard
    except BROKEN:
        return heard
    pytest.fail(f"the answer ended as if it were whole: {heard!r}")


def told(answer: httpx.Response, client: Api) -> dict[str, Any]:
    """The error object, its envelope being the dialect's."""
    body = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    if client == "anthropic.messages":
        assert body["type"] == "error"
        assert set(body) <= {"type", "error", "request_id"}
        assert {"type", "message"} <= set(body["error"])
    else:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@ways
@providers_of
@clients
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 503, 529])
def test_provider_error_raises_the_clients_own_exception(
    url: str, providers: Providers, status: int, client: Api, api: Api, is_stream: bool
) -> None:
    scripted(providers, api).fail(status, "The provider says no.", retry_after=7)
    with pytest.raises(EXCEPTIONS[client][status], match="The provider says no") as raised:
        ask(url, client, MODELS[api], is_stream=is_stream)

    assert isinstance(raised.value, openai.APIStatusError | anthropic.APIStatusError)
    assert raised.value.status_code == status
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.response.headers["x-plano-model"] == MODELS[api]


@pytest.mark.parametrize("status", ANTHROPIC_TYPES)
def test_error_of_openai_has_anthropics_type(url: str, chat: ScriptedProvider, status: int) -> None:
    chat.fail(status, "No.", type="something_else", code="x")
    answer = post(url, "anthropic.messages", model="gpt-4o")

    assert answer.status_code == status
    assert told(answer, "anthropic.messages")["message"] == "No."


@clients
@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"\xff\xfe", b"null", b'{"detail":"down"}'])
def test_error_that_is_no_error_of_the_dialect_is_translated(
    url: str, providers: Providers, client: Api, body: bytes
) -> None:
    other: Api = "anthropic.messages" if client == "openai.chat" else "openai.chat"
    scripted(providers, other).answer(body, status=502, headers=[("content-type", "text/html")])
    answer = post(url, client, model=MODELS[other])

    assert answer.status_code == 502
    assert told(answer, client)["message"]


@clients
@pytest.mark.parametrize("body", [b"garbage", b"", b"[]", b'"text"', b"{}", b'{"choices":[]}', b"\xff\xfe"])
def test_answer_that_is_no_answer_of_the_dialect_is_502(
    url: str, providers: Providers, client: Api, body: bytes
) -> None:
    other: Api = "anthropic.messages" if client == "openai.chat" else "openai.chat"
    scripted(providers, other).answer(body)
    answer = post(url, client, model=MODELS[other])

    assert answer.status_code == 502
    assert told(answer, client)["type"]


@providers_of
@clients
def test_provider_that_speaks_no_http_is_a_server_error(url: str, providers: Providers, client: Api, api: Api) -> None:
    for _ in range(8):
        scripted(providers, api).garbage()
    answer = post(url, client, model=MODELS[api])

    assert answer.status_code in (502, 503)
    assert told(answer, client)["message"]


@providers_of
@clients
def test_provider_that_resets_is_a_server_error(url: str, providers: Providers, client: Api, api: Api) -> None:
    for _ in range(8):
        scripted(providers, api).reset()
    answer = post(url, client, model=MODELS[api])

    assert answer.status_code in (502, 503)
    assert told(answer, client)["message"]


@clients
def test_provider_that_refuses_connections_is_503(url: str, client: Api) -> None:
    answer = post(url, client, model="openai/gone")
    said = told(answer, client)["message"]

    assert answer.status_code == 503
    assert "127.0.0.1" not in said
    assert "delayed connect error" not in said


@clients
def test_provider_that_is_too_slow_is_504(url: str, chat: ScriptedProvider, client: Api) -> None:
    chat.hang()
    answer = post(url, client, model="openai/impatient")

    assert answer.status_code == 504
    assert told(answer, client)["message"]


@providers_of
@clients
@pytest.mark.parametrize("end", ["reset", "close"])
def test_stream_that_breaks_off_never_looks_whole(
    url: str, providers: Providers, client: Api, api: Api, end: Any
) -> None:
    provider = scripted(providers, api)
    events = list(provider.dialect.stream(REPLY, {"model": "m"}))
    provider.stream([b"".join(events[:4])], end=end)
    heard = heard_until_broken(url, client, MODELS[api])

    assert b"[DONE]" not in heard
    assert b"message_stop" not in heard


@providers_of
@clients
def test_answer_that_breaks_off_never_looks_whole(url: str, providers: Providers, client: Api, api: Api) -> None:
    scripted(providers, api).raw(Head(200, (("content-type", "application/json"),)), Data(b'{"id": "x", '), Close())
    try:
        answer = post(url, client, model=MODELS[api])
    except BROKEN:
        return

    assert answer.status_code >= 500
    assert told(answer, client)["message"]


@clients
def test_translated_stream_that_ends_early_ends_with_one_error_event(
    url: str, providers: Providers, client: Api
) -> None:
    other: Api = "anthropic.messages" if client == "openai.chat" else "openai.chat"
    provider = scripted(providers, other)
    events = list(provider.dialect.stream(REPLY, {"model": "m"}))
    provider.stream(events[:4])
    answer = post(url, client, model=MODELS[other], stream=True)

    assert answer.text.count('"error":') == 1
    assert "[DONE]" not in answer.text
    assert "message_stop" not in answer.text


@clients
def test_error_event_raises_the_clients_exception(url: str, providers: Providers, client: Api) -> None:
    other: Api = "anthropic.messages" if client == "openai.chat" else "openai.chat"
    provider = scripted(providers, other)
    events = list(provider.dialect.stream(REPLY, {"model": "m"}))
    provider.stream([*events[:4], b"data: {broken\n\n", *events[4:]])
    kind = openai.APIError if client == "openai.chat" else anthropic.APIError
    with pytest.raises(kind):
        ask(url, client, MODELS[other], is_stream=True)


def test_overload_in_the_middle_of_a_stream_is_told(url: str, messages: ScriptedProvider) -> None:
    events = list(messages.dialect.stream(REPLY, {"model": "m"}))
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    messages.stream([*events[:4], error])
    with pytest.raises(openai.APIError, match="Overloaded"):
        ask(url, "openai.chat", MODELS["anthropic.messages"], is_stream=True)


def test_stream_that_goes_quiet_is_cut(url: str, messages: ScriptedProvider) -> None:
    events = list(messages.dialect.stream(REPLY, {"model": "anthropic/idle"}))
    messages.stream([b"".join(events[:4])], end="stall")
    heard = heard_until_broken(url, "anthropic.messages", "anthropic/idle")

    assert heard == b"".join(events[:4])


BAD_BODIES: list[tuple[bytes, str]] = [
    (b"{", "JSON"),
    (b"", "body"),
    (b"[]", "object"),
    (b'"text"', "object"),
    (b"\xff\xfe{}", "JSON"),
    (b"{}", "messages"),
    (b'{"model":"gpt-4o"}', "messages"),
    (b'{"model":"gpt-4o","messages":[]}', "messages"),
    (b'{"model":"gpt-4o","messages":"hello"}', "messages"),
    (b'{"model":"gpt-4o","messages":{"role":"user"}}', "messages"),
    (b'{"model":7,"messages":[{"role":"user","content":"x"}]}', "model"),
    (b'{"model":"gpt-4o","stream":"yes","messages":[{"role":"user","content":"x"}]}', "stream"),
]


@clients
@pytest.mark.parametrize(("body", "named"), BAD_BODIES)
def test_bad_body_is_400_that_names_the_field(
    url: str, providers: Providers, client: Api, body: bytes, named: str
) -> None:
    answer = httpx.post(
        url + PATHS[client], content=body, headers=VERSION | {"content-type": "application/json"}, timeout=20
    )

    assert answer.status_code == 400
    assert named in told(answer, client)["message"]
    assert all(provider.requests == [] for provider in providers.all())


@pytest.mark.parametrize(
    ("client", "model", "turn", "named"),
    [
        ("openai.chat", MODELS["anthropic.messages"], {"role": "alien", "content": "x"}, "messages[0].role"),
        ("openai.chat", MODELS["anthropic.messages"], {"role": "user", "content": 7}, "messages[0].content"),
        ("openai.chat", MODELS["anthropic.messages"], 7, "messages[0]"),
        ("anthropic.messages", MODELS["openai.chat"], {"role": "alien", "content": "x"}, "messages[0].role"),
        (
            "anthropic.messages",
            MODELS["openai.chat"],
            {"role": "user", "content": [{"type": "?"}]},
            "messages[0].content",
        ),
    ],
)
def test_wrong_turn_is_400_that_names_the_field(url: str, client: Api, model: str, turn: Any, named: str) -> None:
    answer = post(url, client, model=model, messages=[turn])

    assert answer.status_code == 400
    assert named in told(answer, client)["message"]


@clients
def test_unknown_model_is_404_with_the_nearest_names(url: str, client: Api) -> None:
    with pytest.raises(EXCEPTIONS[client][404], match="claude-sonnet-4-5"):
        ask(url, client, "claude-sonet-4-5")


def test_unknown_model_has_openais_code(url: str) -> None:
    with openai_client(url) as client, pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="nothing-of-the-kind", messages=HELLO)

    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


@clients
def test_body_over_the_limit_is_413(url: str, providers: Providers, client: Api) -> None:
    talk = [{"role": "user", "content": "x" * (MAX_BODY + 1)}]
    answer = post(url, client, model="gpt-4o", messages=talk)

    assert answer.status_code == 413
    assert told(answer, client)["message"]
    assert all(provider.requests == [] for provider in providers.all())


GOOGLES_PATHS = (
    "/v1beta/models/gpt-4o:generateContent",
    "/v1/models/gpt-4o:generateContent",
    "/v1beta1/publishers/openai/models/gpt-4o:streamGenerateContent",
    "/v1/projects/p/locations/l/publishers/anthropic/models/gpt-4o:rawPredict",
)


@pytest.mark.parametrize("path", GOOGLES_PATHS)
def test_body_over_the_limit_is_413_in_googles_form(url: str, path: str) -> None:
    answer = httpx.post(url + path, json={"contents": "x" * (MAX_BODY + 1)}, timeout=60)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == 413
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("path", GOOGLES_PATHS)
def test_bad_body_is_400_in_the_form_of_the_client(url: str, path: str) -> None:
    answer = httpx.post(url + path, content=b"{", timeout=60)
    is_anthropics = path.endswith("rawPredict")

    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]["message"]
    assert ("type" in answer.json()) is is_anthropics
    assert ("status" in answer.json()["error"]) is not is_anthropics


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1beta/models/gpt-4o:embedContent", 404),
        ("/v1/models/gpt-4o:batchEmbedContents", 404),
        ("/v1/projects/p/locations/l/publishers/google/models/gpt-4o:predict", 404),
        ("/v1beta/models/gpt-4oo:generateContent", 404),
    ],
)
def test_what_is_not_there_is_404_in_googles_form(url: str, path: str, status: int) -> None:
    answer = httpx.post(url + path, json={"contents": [{"parts": [{"text": "hi"}]}]}, timeout=60)

    assert answer.status_code == status
    assert answer.json()["error"]["status"] == "NOT_FOUND"


def test_a_model_of_the_list_is_told_beside_googles_paths(url: str) -> None:
    found, wrong = httpx.get(f"{url}/v1/models/quick", timeout=60), httpx.put(f"{url}/v1/models/quick", timeout=60)

    assert (found.status_code, found.json()["id"]) == (200, "quick")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST, GET")


@clients
def test_body_under_the_limit_is_served(url: str, client: Api) -> None:
    talk = [{"role": "user", "content": "x" * (MAX_BODY - 1000)}]

    assert post(url, client, model="gpt-4o", messages=talk).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/chat/completions/x", "/v1/chat", "/favicon.ico"])
def test_unknown_path_is_404_in_openais_shape(url: str, path: str) -> None:
    answer = httpx.post(url + path, json={}, timeout=60)

    assert answer.status_code == 404
    assert told(answer, "openai.chat")["message"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method_is_405(url: str, path: str, method: str) -> None:
    answer = httpx.request(method, url + path, timeout=60)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert told(answer, "openai.chat")["message"]


def test_post_to_the_list_of_models_is_405(url: str) -> None:
    assert httpx.post(f"{url}/v1/models", json={}, timeout=60).status_code == 405


def test_query_does_not_matter(url: str) -> None:
    assert (
        httpx.post(f"{url}{CHAT}?beta=true", json={"model": "gpt-4o", "messages": HELLO}, timeout=60).status_code == 200
    )
