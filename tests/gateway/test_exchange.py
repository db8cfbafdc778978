import gzip
import json

import pytest

from plano_extproc import headers
from plano_extproc.gateway.actions import PROCEED, BodyMode, Continue, Reply
from plano_extproc.gateway.events import RequestHeaders, ResponseHeaders, Trailers
from tests.gateway.support import Call, edits, error, gateway

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
HELLO_CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}


def test_request_headers_of_an_llm_call_wait_for_the_body() -> None:
    assert Call(CHAT).begin() is PROCEED


def test_same_dialect_and_same_model_leaves_the_body_alone() -> None:
    action = Call(CHAT).ask(HELLO)

    assert isinstance(action, Continue)
    assert action.body is None
    assert action.changes is not None
    assert action.changes.clear_route
    assert edits(action)[headers.CLUSTER].startswith("provider_api_openai_com_")
    assert edits(action)[":path"] == "/v1/chat/completions"
    assert edits(action)["authorization"] == "Bearer sk-openai"
    assert "content-length" not in edits(action)


def test_bypass_changes_only_the_models_bytes() -> None:
    raw = b'{"new_field": {"b":1,  "a":2}, "model" : "fast","messages":[{"role":"user","content":"hi"}]}'

    action = Call(CHAT).ask(raw)

    assert isinstance(action, Continue)
    assert action.body == raw.replace(b'"fast"', b'"gpt-4o"')
    assert edits(action)["content-length"] == str(len(action.body))


def test_credentials_of_the_client_are_removed_before_ours_are_set() -> None:
    action = Call(CHAT, authorization="Bearer client", cookie="a=b").ask(HELLO)

    assert isinstance(action, Continue)
    assert action.changes is not None
    assert {"authorization", "x-api-key", "cookie", "openai-organization"} <= set(action.changes.remove)


def test_passthrough_forwards_the_clients_credential() -> None:
    action = Call(CHAT, authorization="Bearer gsk_client").ask(HELLO | {"model": "groq/llama-3"})

    assert edits(action)["authorization"] == "Bearer gsk_client"
    assert edits(action)[":path"] == "/openai/v1/chat/completions"
    assert isinstance(action, Continue)
    assert json.loads(action.body or b"")["model"] == "llama-3"


def test_bypassed_answers_are_explained_and_not_read() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "fast"})

    action = call.answer(200, "text/event-stream")

    assert isinstance(action, Continue)
    assert action.changes is not None
    assert action.changes.response_body is None
    assert edits(action)[headers.MODEL] == "openai/gpt-4o"
    assert edits(action)[headers.ROUTE_REASON] == "alias fast -> gpt-4o"
    assert float(edits(action)[headers.OVERHEAD_MS]) > 0


def test_a_messages_client_of_an_openai_provider_is_translated_both_ways() -> None:
    call = Call(MESSAGES)
    asked = call.ask(HELLO_CLAUDE | {"model": "openai/gpt-4o", "top_k": 3})

    assert isinstance(asked, Continue)
    assert json.loads(asked.body or b"")["model"] == "gpt-4o"
    assert edits(asked)[":path"] == "/v1/chat/completions"
    assert edits(asked)["accept-encoding"] == "identity"

    begun = call.answer(200)
    assert isinstance(begun, Continue)
    assert begun.changes is not None
    assert begun.changes.response_body is BodyMode.BUFFERED
    assert edits(begun)[headers.DROPPED] == "top_k"

    whole = call.body(
        json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": "gpt-4o",
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi there"}}
                ],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            }
        ).encode()
    )
    assert isinstance(whole, Continue)
    message = json.loads(whole.body or b"")
    assert message["type"] == "message"
    assert message["content"] == [{"type": "text", "text": "hi there"}]
    assert edits(whole)["content-length"] == str(len(whole.body or b""))


def test_a_translated_stream_is_read_by_chunks() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO_CLAUDE | {"model": "gpt-4o", "stream": True})

    begun = call.answer(200, "text/event-stream; charset=utf-8")
    assert isinstance(begun, Continue)
    assert begun.changes is not None
    assert begun.changes.response_body is BodyMode.STREAMED

    first = call.body(b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":"he', end=False)
    rest = call.body(b'llo"},"finish_reason":null}]}\n\n', end=False)
    last = call.body(b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')

    assert isinstance(first, Continue)
    assert isinstance(rest, Continue)
    assert isinstance(last, Continue)
    assert first.body == b""
    assert b'"text":"hello"' in (rest.body or b"")
    assert (last.body or b"").rstrip().endswith(b'{"type":"message_stop"}')


def test_a_translated_stream_that_ends_early_says_so() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO_CLAUDE | {"model": "gpt-4o", "stream": True})
    call.answer(200, "text/event-stream")

    action = call.body(b"", end=True)

    assert isinstance(action, Continue)
    assert (action.body or b"").startswith(b"event: error\n")


def test_a_compressed_answer_is_read_all_the_same() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "claude-sonnet-4-5"})
    call.answer(200, content_encoding="gzip")

    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    action = call.body(gzip.compress(json.dumps(answer).encode()))

    assert isinstance(action, Continue)
    assert json.loads(action.body or b"")["choices"][0]["message"]["content"] == "hi"


def test_garbage_from_a_provider_becomes_502_in_the_callers_dialect() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "claude-sonnet-4-5"})
    call.answer(200)

    action = call.body(b"<html>oops</html>")

    assert edits(action)[":status"] == "502"
    assert isinstance(action, Continue)
    assert "message" in json.loads(action.body or b"")["error"]


def test_a_providers_error_is_translated_and_keeps_its_message() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "claude-sonnet-4-5"})
    call.answer(429)

    action = call.body(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}')

    assert isinstance(action, Continue)
    assert json.loads(action.body or b"")["error"]["message"] == "slow down"
    assert ":status" not in edits(action)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (CHAT, b"{", 400, "not valid JSON"),
        (CHAT, b"[]", 400, "object"),
        (CHAT, {"model": "gpt-4o"}, 400, "messages"),
        (CHAT, {"model": 7, "messages": [{"role": "user", "content": "x"}]}, 400, "model"),
        (CHAT, HELLO | {"model": "gpt-4p"}, 404, "gpt-4o"),
        (MESSAGES, HELLO_CLAUDE | {"model": "nope/nothing"}, 404, "nope/nothing"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_in_the_callers_dialect(
    path: str, body: object, status: int, words: str
) -> None:
    got, shown = error(Call(path).ask(body))

    assert got == status
    assert words in shown["error"]["message"]
    assert (shown.get("type") == "error") == (path == MESSAGES)


def test_a_request_without_a_body_is_refused() -> None:
    call = Call(CHAT)

    status, shown = error(call.exchange.handle(RequestHeaders(call.headers, end_of_stream=True)))

    assert status == 400
    assert "no body" in shown["error"]["message"]


def test_no_model_means_the_default() -> None:
    action = Call(CHAT).ask({"messages": HELLO["messages"]})

    assert isinstance(action, Continue)
    assert json.loads(action.body or b"")["model"] == "gpt-4o"


def test_a_unified_listener_serves_by_its_default_agent() -> None:
    sent = edits(Call(CHAT, listener="both").ask(HELLO))

    assert sent["x-plano-cluster"].startswith("agent_weather_")
    assert sent["x-plano-hops"] == "1"


def test_models_are_listed_with_aliases() -> None:
    action = Call("/v1/models").begin()

    assert isinstance(action, Reply)
    listed = json.loads(action.body)
    names = [m["id"] for m in listed["data"]]
    assert names[:3] == ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "amazon_bedrock/nova"]
    assert names[-1] == "fast"
    assert "groq/openai/gpt-oss-120b" in names[3:-1]
    assert listed["data"][0] == {"id": "openai/gpt-4o", "object": "model", "created": 0, "owned_by": "OpenAI"}


def test_an_anthropic_client_gets_its_own_list_of_models() -> None:
    action = Call("/v1/models", anthropic_version="2023-06-01").begin()

    assert isinstance(action, Reply)
    assert json.loads(action.body)["data"][0]["type"] == "model"
    assert json.loads(action.body)["has_more"] is False


def test_one_model_is_found_by_its_escaped_name() -> None:
    found, unknown = Call("/v1/models/openai%2Fgpt-4o"), Call("/v1/models/none")
    found.headers[":method"] = unknown.headers[":method"] = b"GET"
    answer = found.begin()

    assert isinstance(answer, Reply)
    assert json.loads(answer.body)["id"] == "openai/gpt-4o"
    assert error(unknown.begin())[0] == 404


@pytest.mark.parametrize(("wanted", "status"), [(None, 200), (1, 200), (2, 200), (3, 503)])
def test_a_worker_is_ready_for_its_generation_and_older_ones(wanted: int | None, status: int) -> None:
    from plano_extproc.gateway import Exchange

    exchange = Exchange(gateway(generation=2), "models", wanted)

    action = exchange.handle(RequestHeaders({":path": b"/readyz"}, end_of_stream=True))

    assert isinstance(action, Reply)
    assert action.status == status
    assert json.loads(action.body)["generation"] == 2


def test_metrics_come_from_the_port() -> None:
    action = Call("/metrics").begin()

    assert isinstance(action, Reply)
    assert action.body == b"figures"


def test_an_answer_before_any_decision_is_left_alone() -> None:
    call = Call(CHAT)
    call.begin()

    assert call.answer(413) is PROCEED


def test_trailers_are_left_alone() -> None:
    assert Call(CHAT).exchange.handle(Trailers(of_request=False)) is PROCEED


def test_every_answer_is_counted_once() -> None:
    call = Call(CHAT)
    call.ask(HELLO)
    call.answer(200)
    Call(CHAT, on=call.gateway).ask(b"{")

    counts = call.gateway.ports.metrics
    assert counts.answers == [  # type: ignore[attr-defined]
        ("models", "openai.chat", "openai/gpt-4o", "bypass", 200),
        ("models", "openai.chat", "", "local", 400),
    ]


def test_an_error_without_a_body_gets_one() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "claude-sonnet-4-5"})

    action = call.exchange.handle(ResponseHeaders({":status": b"429", "retry-after": b"7"}, end_of_stream=True))

    status, shown = error(action)
    assert status == 429
    assert shown["error"]["message"]
    assert isinstance(action, Reply)
    assert dict(action.headers)["retry-after"] == b"7"
    assert dict(action.headers)[headers.MODEL] == b"anthropic/claude-sonnet-4-5"


def test_an_answer_without_a_body_is_502() -> None:
    call = Call(CHAT)
    call.ask(HELLO | {"model": "claude-sonnet-4-5"})

    assert error(call.exchange.handle(ResponseHeaders({":status": b"200"}, end_of_stream=True)))[0] == 502


def test_a_stream_whose_compression_breaks_ends_in_one_error_event() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO_CLAUDE | {"model": "gpt-4o", "stream": True})
    call.answer(200, "text/event-stream", content_encoding="gzip")

    first = call.body(b"this is not gzip", end=False)
    second = call.body(b"", end=True)

    assert isinstance(first, Continue)
    assert (first.body or b"").startswith(b"event: error\n")
    assert isinstance(second, Continue)
    assert second.body == b""


def test_an_exchange_is_done_when_nothing_more_can_come() -> None:
    bypassed, translated, refused = Call(CHAT), Call(CHAT), Call(CHAT)

    bypassed.ask(HELLO)
    assert not bypassed.exchange.is_done
    bypassed.answer(200)
    assert bypassed.exchange.is_done

    translated.ask(HELLO | {"model": "claude-sonnet-4-5"})
    translated.answer(200)
    assert not translated.exchange.is_done

    refused.ask(b"{")
    assert refused.exchange.is_done


AWS = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - model: amazon_bedrock/nova
    base_url: https://bedrock-runtime.us-east-1.amazonaws.com
    aws: {access_key_id: AKIDEXAMPLE, secret_access_key: $OPENAI_API_KEY}
"""


def test_requests_to_bedrock_are_signed_for_the_bytes_that_go_out() -> None:
    on = gateway(AWS)

    first = Call(CHAT, on=on, x_amz_security_token="spoofed").ask(HELLO | {"model": "nova", "stream": True})
    second = Call(CHAT, on=on).ask(HELLO | {"model": "nova", "max_tokens": 7})

    assert isinstance(first, Continue)
    assert edits(first)[":path"] == "/model/nova/converse-stream"
    assert edits(first)["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/us-east-1/bedrock/"
    )
    assert edits(first)["authorization"] != edits(second)["authorization"]
    assert first.changes is not None
    assert "x-amz-security-token" in first.changes.remove


def test_every_credential_of_amazons_is_removed_from_clients() -> None:
    assert {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"} <= set(headers.CREDENTIALS)


def test_ids_that_carry_geminis_state_go_plain_to_others() -> None:
    call = {"id": "call_1__thought__QUJD", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1__thought__QUJD", "content": "ok"},
    ]

    action = Call(CHAT).ask({"model": "gpt-4o", "messages": messages})

    assert isinstance(action, Continue)
    sent = json.loads(action.body or b"")["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == "call_1"
