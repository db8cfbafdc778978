"""Where the gateway differs on purpose from the one that its configuration comes from (D1 to D25).

Most facts have further cases beside the code that they are about; here each has one test under its number.
"""

from typing import Any

import orjson
import pytest

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.config.zero import zero_config
from plano_extproc.gateway.actions import Continue
from plano_extproc.translate import Translation, profile_for
from tests.gateway.support import Call, edits, gateway
from tests.translate import eventstream
from tests.translate.bedrock import BEDROCK, CLAUDE
from tests.translate.facts import (
    CHAT_USES,
    DONE,
    HI,
    START,
    USES,
    answer,
    call,
    chat_answer,
    chunk,
    event,
    messages_answer,
    new_stream,
    request_to,
    streamed,
    to_chat,
    to_messages,
)
from tests.translate.invariants import Content, check_stream

Json = dict[str, Any]
PIXEL = "iVBORw0KGgo="
PICTURE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
NOW: Json = {"name": "now", "input_schema": {"type": "object", "properties": {}}}

PROVIDERS = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/gpt-5.2, access_key: k}
  - {model: groq/llama-3, access_key: k}
  - {model: zhipu/glm-4, access_key: k}
  - {model: qwen/qwen3, base_url: "https://dashscope-intl.aliyuncs.com", access_key: k, api: openai.chat}
  - {model: gemini/gemini-2.5-flash, access_key: k, api: openai.chat}
  - {model: azure_openai/gpt-4o, base_url: "https://r.openai.azure.com", access_key: k}
  - {model: anthropic/claude-sonnet-4-5, access_key: k}
  - model: amazon_bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.nova
    base_url: https://bedrock-runtime.us-east-1.amazonaws.com
    access_key: k
"""


def asked(path: str, body: Json) -> Continue:
    """Return what becomes of a request at the gateway."""
    action = Call(path, on=gateway(PROVIDERS)).ask(body)
    assert isinstance(action, Continue), action
    return action


def path_of(client_path: str, body: Json) -> str:
    return edits(asked(client_path, body))[":path"].partition("?")[0]


def frames(*told: tuple[str, Json], client: Api = "anthropic.messages") -> Content:
    """Return what a client reads of a stream of Bedrock's."""
    data = b"".join(eventstream.event(kind, body) for kind, body in told)
    return check_stream(client, new_stream(BEDROCK, client=client).feed(data, end=True))


# Paths.


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("groq/llama-3", "/openai/v1/chat/completions"),
        ("qwen/qwen3", "/compatible-mode/v1/chat/completions"),
        ("gemini/gemini-2.5-flash", "/v1beta/openai/chat/completions"),
        ("azure_openai/gpt-4o", "/openai/deployments/gpt-4o/chat/completions"),
    ],
)
def test_clients_of_the_messages_api_reach_the_same_paths_as_those_of_chat(model: str, path: str) -> None:
    """D1: they do not all end at /v1/chat/completions."""
    body = {"model": model, "max_tokens": 9, "messages": [HI]}

    assert path_of("/v1/messages", body) == path_of("/v1/chat/completions", body) == path


@pytest.mark.parametrize(
    ("model", "client_path", "path"),
    [
        ("groq/m", "/v1/chat/completions", "/openai/v1/chat/completions"),
        ("groq/m", "/v1/messages", "/openai/v1/chat/completions"),
        ("gemini/m", "/v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("gemini/m", "/v1/messages", "/v1beta/models/m:generateContent"),
    ],
)
def test_the_zero_configuration_calls_paths_that_exist(model: str, client_path: str, path: str) -> None:
    """D2: a base URL is the root of an API, so that neither a `/v1` is doubled nor a dialect's prefix lost."""
    on = gateway(zero_config({}))
    call = Call(client_path, listener=next(iter(on.listeners)), on=on)

    assert edits(call.ask({"model": model, "max_tokens": 9, "messages": [HI]}))[":path"] == path


def test_the_path_follows_the_providers_api_and_not_the_clients() -> None:
    """D3: a chat body never goes to a path of the responses API."""
    made = asked("/v1/responses", {"model": "groq/llama-3", "input": "hi"})

    assert edits(made)[":path"] == "/openai/v1/chat/completions"
    assert "messages" in orjson.loads(made.body or b"")


def test_bedrocks_model_is_in_the_path_alone_and_escaped() -> None:
    """D4: the id of an inference profile holds colons and slashes."""
    model = "amazon_bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.nova"
    made = asked("/v1/chat/completions", {"model": model, "messages": [HI]})

    assert edits(made)[":path"] == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.nova/converse"
    assert not {"model", "model_id", "modelId"} & orjson.loads(made.body or b"").keys()


# Bedrock.


def test_an_image_for_bedrock_is_its_format_and_its_bytes() -> None:
    """D5: not the shape of Anthropic's API."""
    body, _ = request_to(BEDROCK, "anthropic.messages", {"messages": [{"role": "user", "content": [PICTURE]}]}, CLAUDE)

    assert body["messages"][0]["content"] == [{"image": {"format": "png", "source": {"bytes": PIXEL}}}]


def test_results_of_parallel_tools_share_one_message_for_bedrock() -> None:
    """D6: else it answers 400."""
    told = [{"role": "tool", "tool_call_id": i, "content": i} for i in "ab"]
    body, _ = request_to(BEDROCK, "openai.chat", {"messages": [HI, CHAT_USES, *told]}, CLAUDE)

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["toolResult"]["toolUseId"] for block in body["messages"][2]["content"]] == ["a", "b"]


def test_system_messages_within_a_conversation_reach_bedrock() -> None:
    """D7: they are no error."""
    turns = [HI, {"role": "system", "content": "Be brief."}]
    body, _ = request_to(BEDROCK, "anthropic.messages", {"messages": turns, "system": "Be kind."}, CLAUDE)

    assert body["system"] == [{"text": "Be kind."}, {"text": "Be brief."}]


def test_reasoning_of_bedrock_is_thinking() -> None:
    """D8: it does not fail the answer."""
    reasoning = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
    told = {
        "output": {"message": {"role": "assistant", "content": [reasoning, {"text": "Ho."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
    thinking, text = answer(BEDROCK, told, "anthropic.messages")["content"]

    assert (thinking["type"], thinking["thinking"], text["text"]) == ("thinking", "Hm.", "Ho.")


# Streams between chat and messages.


def test_blocks_of_a_stream_have_numbers_of_their_own() -> None:
    """D9: the first tool is not numbered as the text before it."""
    content = streamed(
        "openai.chat", chunk({"content": "x"}), chunk(call(0, "{}", "a", "f")), chunk({}, "tool_calls"), DONE
    )

    assert (content.text, [told["name"] for told in content.calls]) == ("x", ["f"])


def test_arguments_in_the_chunk_of_the_name_are_kept() -> None:
    """D10, B1: providers that send a whole call at once are common; so are two calls in one chunk."""
    both = {"tool_calls": [*call(0, '{"a":1}', "a", "f")["tool_calls"], *call(1, '{"b":2}', "b", "g")["tool_calls"]]}
    content = streamed("openai.chat", chunk(both), chunk({}, "tool_calls"), DONE)

    assert [(told["name"], told["arguments"]) for told in content.calls] == [("f", '{"a":1}'), ("g", '{"b":2}')]


def test_usage_of_a_stream_is_asked_for_and_reaches_clients_of_the_messages_api() -> None:
    """D11: OpenAI's APIs tell it only when they are asked, in a chunk without choices."""
    body, _ = to_chat({"messages": [HI], "max_tokens": 9, "stream": True})
    tail = b'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3}}\n\n'
    content = streamed("openai.chat", chunk({"content": "x"}), chunk({}, "stop"), tail, DONE)

    assert body["stream_options"] == {"include_usage": True}
    assert content.usage is not None
    assert (content.usage["input_tokens"], content.usage["output_tokens"]) == (10, 3)


def test_a_stream_for_chat_has_one_reason_and_one_end() -> None:
    """D12: no second reason overrides `tool_calls`, and `[DONE]` comes."""
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    made = new_stream("anthropic.messages").feed(
        START
        + event("content_block_start", index=0, content_block=use)
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 3})
        + event("message_stop"),
        end=True,
    )

    assert check_stream("openai.chat", made).finish == "tool_calls"
    assert made.count(b'"finish_reason":"') == 1
    assert made.endswith(b"data: [DONE]\n\n")


def test_thinking_is_never_told_as_text() -> None:
    """D13: it has a field of its own in chat."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    message = answer("anthropic.messages", messages_answer([thought, {"type": "text", "text": "Ho."}]))["choices"][0][
        "message"
    ]

    assert (message["content"], message["reasoning_content"]) == ("Ho.", "Hm.")


def test_errors_are_told_in_the_clients_dialect() -> None:
    """D14: with the provider's status, message and, where both know it, kind."""
    told = orjson.dumps({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}})
    chat = orjson.loads(Translation("openai.chat", "anthropic.messages").error(429, told))
    gemini = orjson.loads(Translation("gemini.generate", "anthropic.messages").error(429, told))

    assert (chat["error"]["message"], chat["error"]["type"]) == ("Slow down.", "rate_limit_error")
    assert gemini["error"] == {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}


def test_the_items_of_the_responses_api_have_whole_lives() -> None:
    """D15, B3, B6: each its own place, its parts, its content at the end, and the usage in the last event."""
    usage = b'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3}}\n\n'
    made = new_stream("openai.chat", client="openai.responses").feed(
        chunk({"content": "x"}) + chunk(call(0, "{}", "a", "f")) + chunk(call(1, "{}", "b", "g"))
        + chunk({}, "length") + usage + DONE, end=True,
    )  # fmt: skip
    content = check_stream("openai.responses", made)
    events = [orjson.loads(line[6:]) for line in made.splitlines() if line.startswith(b"data: ")]
    done = [told for told in events if told["type"] == "response.output_item.done"]

    assert [told["output_index"] for told in done] == [0, 1, 2]
    assert done[0]["item"]["content"][0]["text"] == "x"
    assert {"response.content_part.added", "response.content_part.done"} <= {told["type"] for told in events}
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["usage"]["total_tokens"] == 13
    assert content.text == "x"


def test_untranslated_requests_keep_fields_that_nobody_knows() -> None:
    """D16: only the name of the model is changed, in its place."""
    raw = b'{"verbosity_2": {"z": 1, "a": 2},"model" : "openai/gpt-5.2","messages":[{"role":"user","content":"hi"}]}'
    action = Call("/v1/chat/completions", on=gateway(PROVIDERS)).ask(raw)

    assert isinstance(action, Continue)
    assert action.body == raw.replace(b"openai/gpt-5.2", b"gpt-5.2")


@pytest.mark.parametrize(
    ("client", "body", "lost"),
    [
        ("openai.chat", {"messages": [HI], "stop": "END"}, ()),
        ("anthropic.messages", {"messages": [HI], "tools": [{"type": "web_search_20250305", "name": "search"}]}, ()),
        (
            "anthropic.messages",
            {"messages": [HI, {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "eA=="}]}, HI]},
            ("messages[].content[redacted_thinking]",),
        ),
        (
            "anthropic.messages",
            {"messages": [{"role": "user", "content": [{
                "type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]}]},
            (),
        ),
        (
            "anthropic.messages",
            {"messages": [HI, USES, {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": i} for i in "ab"]}]},
            (),
        ),
    ],
    ids=["a stop of one text", "a tool of the provider", "hidden thinking", "a text document", "an empty result"],
)  # fmt: skip
def test_usual_shapes_are_accepted(client: Api, body: Json, lost: tuple[str, ...]) -> None:
    """D17: what cannot be sent is named, and does not refuse the request."""
    provider: Api = "openai.chat" if client != "openai.chat" else "anthropic.messages"
    _, dropped = request_to(provider, client, {"max_tokens": 9, **body})

    assert dropped == lost
    assert answer("anthropic.messages", messages_answer([{"type": "text", "text": "x"}], "no_such_reason"))["choices"]


def test_events_with_less_or_more_than_usual_are_read() -> None:
    """D18: usage without input tokens counts, citations are told, an error is one, and untranslated bytes stay."""
    start = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    page = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
    made = new_stream("anthropic.messages").feed(
        START + start
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"})
        + event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": page})
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
        + event("message_stop"), end=True,
    )  # fmt: skip
    told = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    failed = check_stream("openai.chat", new_stream("anthropic.messages").feed(START + told, end=True))

    assert b"https://a.example" in made
    usage = check_stream("openai.chat", made).usage
    assert usage is not None
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (25, 3)
    assert failed.error is not None
    assert failed.error["message"] == "Overloaded"


def test_chat_requests_are_whole_for_anthropic() -> None:
    """D19: every system message, calls without arguments, merged results, the user, the effort, the schema."""
    told = [{"role": "tool", "tool_call_id": i, "content": i} for i in "ab"]
    schema = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object"}}}
    body, dropped = to_messages(
        {
            "messages": [
                {"role": "system", "content": "a"}, HI, {"role": "developer", "content": "b"}, CHAT_USES, *told],
            "user": "u",
            "reasoning_effort": "high",
            "response_format": schema,
        },
        profile_for("anthropic.messages", "claude-opus-4-8"),
    )  # fmt: skip

    assert [block["text"] for block in body["system"]] == ["a", "b"]
    assert [block["input"] for block in body["messages"][1]["content"]] == [{}, {}]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["a", "b"]
    assert body["metadata"] == {"user_id": "u"}
    assert body["output_config"]["effort"] == "high"
    assert body["output_config"]["format"]["schema"]["type"] == "object"
    assert dropped == ()


def test_cached_tokens_are_told_both_ways() -> None:
    """D20, B14: within the input for OpenAI's APIs, beside it for Anthropic's."""
    usage = {"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 90}}
    messages = answer("openai.chat", chat_answer({"content": "x"}, usage=usage))
    chat = answer("anthropic.messages", messages)

    assert (messages["usage"]["input_tokens"], messages["usage"]["cache_read_input_tokens"]) == (10, 90)
    assert (chat["usage"]["prompt_tokens"], chat["usage"]["prompt_tokens_details"]["cached_tokens"]) == (100, 90)


def test_bedrocks_stop_sequence_is_one() -> None:
    """D21: it is no end of the turn."""
    told = frames(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}),
        ("messageStop", {"stopReason": "stop_sequence"}),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
    )

    assert told.finish == "stop_sequence"


def test_requests_of_the_responses_api_keep_what_chat_can_say() -> None:
    """D22: the effort, the format, a named tool; what only OpenAI runs is named and does not refuse the request."""
    body, dropped = request_to(
        "openai.chat",
        "openai.responses",
        {
            "input": "hi",
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": "p", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "name": "now", "parameters": {}}, {"type": "code_interpreter"}],
            "tool_choice": {"type": "function", "name": "now"},
        },
        profile_for("openai.chat", "gpt-5.2"),
    )

    assert body["reasoning_effort"] == "low"
    assert body["response_format"]["json_schema"]["schema"]["type"] == "object"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "now"}}
    assert dropped == ("tools[code_interpreter]",)


@pytest.mark.parametrize("client", ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"])
def test_an_exception_within_bedrocks_stream_is_one_error(client: Api) -> None:
    """D23: it is not swallowed."""
    start = eventstream.event("messageStart", {"role": "assistant"})
    data = start + eventstream.exception("throttlingException", {"message": "Too many requests"})
    content = check_stream(client, new_stream(BEDROCK, client=client).feed(data, end=True))

    assert content.error is not None
    assert content.error["message"] == "Too many requests"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_form_of_event_streams_is_read(line_end: bytes) -> None:
    """D24, B15: no space after the colon, any line end, comments, characters cut by the network."""
    text = chunk({"content": "Grüße, 世界"}) + b": a comment\n\n" + chunk({}, "stop") + DONE
    data = text.replace(b"data: ", b"data:").replace(b"\n", line_end)
    stream = new_stream("openai.chat")
    made = b"".join(stream.feed(data[at : at + 1], end=False) for at in range(len(data))) + stream.feed(b"", end=True)

    assert check_stream("anthropic.messages", made).text == "Grüße, 世界"


def test_failures_and_pictures_of_tools_reach_chat() -> None:
    """D25: a picture comes in the user's message that follows, as chat has none in results."""
    failed = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "No such city."}
    shown = {"type": "tool_result", "tool_use_id": "b", "content": [PICTURE]}
    body, dropped = to_chat({"max_tokens": 9, "messages": [HI, USES, {"role": "user", "content": [failed, shown]}]})

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "tool", "user"]
    assert "No such city." in body["messages"][2]["content"]
    assert "error" in body["messages"][2]["content"].lower()
    assert PIXEL in orjson.dumps(body["messages"][4]).decode()
    assert dropped == ()


def test_dropped_settings_are_named_to_the_client() -> None:
    """The one difference that all others lean on: nothing is lost in silence."""
    call = Call("/v1/messages", on=gateway(PROVIDERS))
    call.ask({"model": "openai/gpt-5.2", "max_tokens": 9, "top_k": 3, "messages": [HI], "tools": [NOW]})

    assert edits(call.answer(200))[headers.DROPPED] == "top_k"
