"""Asks a question with an official client, and tells what it heard."""

from collections.abc import Callable
from typing import Any, Final

import orjson
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.end_to_end.talk import Assistant, Heard, Question, Results, Turn, User
from tests.support.clients import CLIENT_KEY, anthropic_client, openai_client
from tests.support.reply import Finish, ToolCall, Usage
from tests.support.scripted import Api

Json = dict[str, Any]


def ask(
    client: Api, url: str, model: str, question: Question, *, is_stream: bool = False, key: str = CLIENT_KEY
) -> Heard:
    """Ask with the client of a dialect, streaming or not."""
    return ASKS[client](url, model, question, is_stream, key)


def openai_arguments(question: Question) -> Json:
    """Write a question as arguments of the OpenAI client."""
    arguments: Json = {"max_completion_tokens": question.max_tokens}
    system = [{"role": "system", "content": question.system}] if question.system else []
    arguments["messages"] = system + [message for turn in question.turns for message in _openai_messages(turn)]
    if question.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in question.tools
        ]
    if question.tool_choice is not None:
        name = question.tool_choice.removeprefix("=")
        named = {"type": "function", "function": {"name": name}}
        arguments["tool_choice"] = named if name != question.tool_choice else question.tool_choice
    optional = {
        "parallel_tool_calls": question.is_parallel,
        "stop": list(question.stop) or None,
        "temperature": question.temperature,
        "top_p": question.top_p,
    }
    return arguments | {name: value for name, value in optional.items() if value is not None}


def anthropic_arguments(question: Question) -> Json:
    """Write a question as arguments of the Anthropic client; its `create` takes some of them as extras only."""
    arguments: Json = {"max_tokens": question.max_tokens, "messages": [_anthropic_message(t) for t in question.turns]}
    if question.system:
        arguments["system"] = question.system
    if question.tools:
        arguments["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in question.tools
        ]
    if question.tool_choice is not None or question.is_parallel is not None:
        name = (question.tool_choice or "auto").removeprefix("=")
        is_named = name != (question.tool_choice or "auto")
        choice: Json = {"type": "tool", "name": name} if is_named else {"type": {"required": "any"}.get(name, name)}
        if question.is_parallel is not None:
            choice["disable_parallel_tool_use"] = not question.is_parallel
        arguments["tool_choice"] = choice
    if question.stop:
        arguments["stop_sequences"] = list(question.stop)
    extra = {"temperature": question.temperature, "top_p": question.top_p}
    return arguments | {"extra_body": {name: value for name, value in extra.items() if value is not None}}


def _openai_messages(turn: Turn) -> list[Json]:
    match turn:
        case User(text, ()):
            return [{"role": "user", "content": text}]
        case User(text, images):
            parts: list[Json] = [{"type": "image_url", "image_url": {"url": image}} for image in images]
            return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]
        case Assistant(text, calls):
            message: Json = {"role": "assistant", "content": text or None}
            if calls:
                message["tool_calls"] = [_openai_call(call) for call in calls]
            return [message]
        case Results(results):
            return [{"role": "tool", "tool_call_id": ident, "content": text} for ident, text in results]


def _openai_call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}


def _anthropic_message(turn: Turn) -> Json:
    match turn:
        case User(text, ()):
            return {"role": "user", "content": text}
        case User(text, images):
            blocks = [{"type": "image", "source": _source(image)} for image in images]
            return {"role": "user", "content": [{"type": "text", "text": text}, *blocks]}
        case Assistant(text, calls):
            said = [{"type": "text", "text": text}] if text else []
            used = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]
            return {"role": "assistant", "content": [*said, *used]}
        case Results(results):
            told = [{"type": "tool_result", "tool_use_id": ident, "content": text} for ident, text in results]
            return {"role": "user", "content": told}


def _source(image: str) -> Json:
    if not image.startswith("data:"):
        return {"type": "url", "url": image}
    kind, _, encoded = image.removeprefix("data:").partition(";base64,")
    return {"type": "base64", "media_type": kind, "data": encoded}


def _ask_openai(url: str, model: str, question: Question, is_stream: bool, key: str) -> Heard:
    arguments = openai_arguments(question)
    with openai_client(url, key=key) as client:
        if not is_stream:
            return heard_by_openai(client.chat.completions.create(model=model, **arguments))
        options: Any = {"include_usage": True}
        with client.chat.completions.create(model=model, stream=True, stream_options=options, **arguments) as stream:
            return heard_by_openai(joined(list(stream)))


def _ask_anthropic(url: str, model: str, question: Question, is_stream: bool, key: str) -> Heard:
    arguments = anthropic_arguments(question)
    with anthropic_client(url, key=key) as client:
        if not is_stream:
            return heard_by_anthropic(client.messages.create(model=model, **arguments))
        with client.messages.stream(model=model, **arguments) as stream:
            return heard_by_anthropic(stream.get_final_message())


def joined(chunks: list[ChatCompletionChunk]) -> ChatCompletion:
    """Join a stream; the client's own helper raises where an answer was cut or refused."""
    text, thinking, finish = "", "", None
    calls: dict[int, Json] = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        text += choice.delta.content or ""
        thinking += getattr(choice.delta, "reasoning_content", None) or ""
        finish = choice.finish_reason or finish
        for part in choice.delta.tool_calls or ():
            call = calls.setdefault(part.index, {"id": part.id, "type": "function", "function": {"arguments": ""}})
            if part.function and part.function.name:
                call["function"]["name"] = part.function.name
            if part.function and part.function.arguments:
                call["function"]["arguments"] += part.function.arguments
    message: Json = {"role": "assistant", "content": text or None, "tool_calls": list(calls.values()) or None}
    if thinking:
        message["reasoning_content"] = thinking
    whole = {
        "id": chunks[0].id,
        "object": "chat.completion",
        "created": chunks[0].created,
        "model": chunks[0].model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": chunks[-1].usage,
    }
    return ChatCompletion.model_validate(whole)


def heard_by_openai(answer: ChatCompletion) -> Heard:
    """Tell what an OpenAI client heard. `thinking` is the vendor field that most providers share."""
    choice = answer.choices[0]
    calls = tuple(
        ToolCall(call.function.name, orjson.loads(call.function.arguments), call.id)
        for call in choice.message.tool_calls or ()
        if call.type == "function"
    )
    thinking = getattr(choice.message, "reasoning_content", None) or ""
    finish = OPENAI_FINISHES[choice.finish_reason]
    return Heard(choice.message.content or "", finish, answer.model, calls, thinking, None, _openai_usage(answer))


def heard_by_anthropic(answer: Message) -> Heard:
    """Tell what an Anthropic client heard."""
    text = "".join(block.text for block in answer.content if block.type == "text")
    thinking = "".join(block.thinking for block in answer.content if block.type == "thinking")
    calls = tuple(ToolCall(block.name, block.input, block.id) for block in answer.content if block.type == "tool_use")
    assert answer.stop_reason is not None
    spent = answer.usage
    usage = Usage(
        input=spent.input_tokens,
        output=spent.output_tokens,
        cached=spent.cache_read_input_tokens or 0,
        written=spent.cache_creation_input_tokens or 0,
    )
    finish = ANTHROPIC_FINISHES[answer.stop_reason]
    return Heard(text, finish, answer.model, calls, thinking, answer.stop_sequence, usage)


def _openai_usage(answer: ChatCompletion) -> Usage:
    spent = answer.usage
    assert spent is not None
    assert spent.total_tokens == spent.prompt_tokens + spent.completion_tokens
    cached = (spent.prompt_tokens_details.cached_tokens if spent.prompt_tokens_details else None) or 0
    return Usage(input=spent.prompt_tokens - cached, output=spent.completion_tokens, cached=cached)


ASKS: Final[dict[Api, Callable[[str, str, Question, bool, str], Heard]]] = {
    "openai.chat": _ask_openai,
    "anthropic.messages": _ask_anthropic,
}
OPENAI_FINISHES: Final[dict[str, Finish]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "content_filter": "refusal",
}
ANTHROPIC_FINISHES: Final[dict[str, Finish]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool",
    "refusal": "refusal",
}
