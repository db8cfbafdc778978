"""Pieces of Bedrock's Converse, for tests that state one fact each."""

from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate import Profile, Translation, profile_for
from tests.translate import eventstream
from tests.translate.facts import new_stream
from tests.translate.invariants import Content, check_stream

Json = dict[str, Any]
BEDROCK: Api = "bedrock.converse"
CLAUDE = profile_for(BEDROCK, "anthropic.claude-sonnet-4-5-20250929-v1:0")
CLAUDE_3 = profile_for(BEDROCK, "anthropic.claude-3-5-sonnet-20241022-v2:0")
HI = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "now"}}
USE = {"type": "tool_use", "id": "a", "name": "now", "input": {}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}


def from_chat(body: Json, profile: Profile = CLAUDE) -> tuple[Json, tuple[str, ...]]:
    out = Translation("openai.chat", BEDROCK, profile).request({"messages": [HI], **body}, "m")
    return orjson.loads(out.body), out.dropped


def from_messages(body: Json, profile: Profile = CLAUDE) -> tuple[Json, tuple[str, ...]]:
    out = Translation("anthropic.messages", BEDROCK, profile).request({"messages": [HI], **body}, "m")
    return orjson.loads(out.body), out.dropped


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


def streamed(*frames: bytes, client: Api = "anthropic.messages") -> Content:
    return check_stream(client, new_stream(BEDROCK, client=client).feed(b"".join(frames), end=True))


def delta(index: int, **piece: Any) -> bytes:
    return eventstream.event("contentBlockDelta", {"contentBlockIndex": index, "delta": piece})


def tool_start(index: int, name: str = "now") -> bytes:
    use = {"toolUseId": f"t{index}", "name": name}
    return eventstream.event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": use}})


def stop(reason: str = "end_turn") -> bytes:
    return eventstream.event("messageStop", {"stopReason": reason})


SECRET = delta(0, reasoningContent={"redactedContent": "?"})
START = eventstream.event("messageStart", {"role": "assistant"})
USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
METADATA = eventstream.event("metadata", {"usage": USAGE})
