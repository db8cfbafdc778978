"""Short ways to ask for a translation, for tests that state one fact each."""

from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate import Profile, StreamTranslation, Translation
from plano_extproc.translate.framing.sse import SseParser
from tests.translate.golden import ASKS, OTHER
from tests.translate.invariants import Content, check_stream

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "hi"}
USES: Json = {"role": "assistant", "content": [{"type": "tool_use", "id": i, "name": "now", "input": {}} for i in "ab"]}
CHAT_USES: Json = {
    "role": "assistant",
    "tool_calls": [{"id": i, "type": "function", "function": {"name": "now", "arguments": ""}} for i in "ab"],
}


def to_messages(body: Json, profile: Profile | None = None) -> tuple[Json, tuple[str, ...]]:
    """Return the request that an Anthropic provider gets from a chat client, and what it does not get."""
    out = Translation("openai.chat", "anthropic.messages", profile or Profile()).request(body, "m")
    return orjson.loads(out.body), out.dropped


def to_chat(body: Json, profile: Profile | None = None) -> tuple[Json, tuple[str, ...]]:
    """Return the request that a chat provider gets from an Anthropic client, and what it does not get."""
    out = Translation("anthropic.messages", "openai.chat", profile or Profile()).request(body, "m")
    return orjson.loads(out.body), out.dropped


def request_to(provider: Api, client: Api, body: Json, profile: Profile | None = None) -> tuple[Json, tuple[str, ...]]:
    """Return the request that a provider gets, and the names of what it does not get."""
    out = Translation(client, provider, profile or Profile()).request(body, "m")
    return orjson.loads(out.body), out.dropped


def answer(provider: Api, body: Json, client: Api | None = None) -> Json:
    """Return a whole answer as the client of the other dialect gets it."""
    made: Json = orjson.loads(Translation(client or OTHER[provider], provider).response(orjson.dumps(body)))
    return made


def chat_answer(message: Json, finish: str | None = "stop", usage: Json | None = None) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c1", "model": "m", "created": 1, "choices": [choice], "usage": usage}


def messages_answer(content: list[Json], stop: str = "end_turn", usage: Json | None = None) -> Json:
    counts = usage or {"input_tokens": 1, "output_tokens": 1}
    return {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": content, "usage": counts,
            "stop_reason": stop, "stop_sequence": None}  # fmt: skip


def chunk(delta: Json, finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + orjson.dumps({"id": "c1", "model": "m", "choices": choices, **more}) + b"\n\n"


def call(index: int | None, arguments: str | None = None, call_id: str | None = None, name: str | None = None) -> Json:
    told = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{key: value for key, value in told.items() if value is not None}]}


def event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


DONE = b"data: [DONE]\n\n"
START = event("message_start", message={"id": "m1", "model": "m", "usage": {"input_tokens": 25, "output_tokens": 1}})


def new_stream(
    provider: Api, request: Json | None = None, profile: Profile | None = None, client: Api | None = None
) -> StreamTranslation:
    client = client or OTHER[provider]
    translation = Translation(client, provider, profile or Profile())
    translation.request({**ASKS[client], "stream": True} if request is None else request, "m")
    return translation.stream()


def streamed(
    provider: Api,
    *chunks: bytes,
    request: Json | None = None,
    profile: Profile | None = None,
    client: Api | None = None,
) -> Content:
    """Return what the client of the other dialect reads in a stream."""
    made = new_stream(provider, request, profile, client).feed(b"".join(chunks), end=True)
    return check_stream(client or OTHER[provider], made)


def values(data: bytes) -> list[Any]:
    """Return what the events hold; an error that has no field's name counts too."""
    events = [*(parser := SseParser(keeps_strays=True)).feed(data), *parser.end()]
    return [event.data if event.data in (b"[DONE]", b"") else orjson.loads(event.data) for event in events]
