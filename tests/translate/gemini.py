"""Pieces of Gemini's API, for tests that state one fact each."""

from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate import Profile, Translation

Json = dict[str, Any]

HI: Json = {"role": "user", "parts": [{"text": "hi"}]}
NEW = Profile(adaptive_thinking=True, signed_calls=True, efforts=("low", "medium", "high"))
"""A model of Gemini 3 or later."""


def candidate(parts: list[Json], finish: str | None = "STOP", **more: Any) -> Json:
    made = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0, **more}
    return {key: value for key, value in made.items() if value is not None}


def generated(parts: list[Json], finish: str | None = "STOP", usage: Json | None = None, **more: Any) -> Json:
    counts = usage or {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    body = {"candidates": [candidate(parts, finish, **more)], "usageMetadata": counts}
    return {**body, "modelVersion": "m", "responseId": "r1"}


def piece(parts: list[Json], finish: str | None = None, **more: Any) -> bytes:
    return b"data: " + orjson.dumps(generated(parts, finish, **more)) + b"\r\n\r\n"


def to_gemini(body: Json, profile: Profile | None = None, client: Api = "openai.chat") -> tuple[Json, tuple[str, ...]]:
    """Return the request that a Gemini provider gets, and what it does not get."""
    out = Translation(client, "gemini.generate", profile or Profile()).request(body, "m")
    return orjson.loads(out.body), out.dropped


def from_gemini(body: Json, provider: Api, profile: Profile | None = None) -> tuple[Json, tuple[str, ...]]:
    """Return the request that a provider gets from a Gemini client, and what it does not get."""
    out = Translation("gemini.generate", provider, profile or Profile()).request({"contents": [HI], **body}, "m")
    return orjson.loads(out.body), out.dropped


def contents_of(stream: bytes) -> list[Json]:
    """Return a stream as Google's clients keep it for the next turn: one content for each event."""
    events = [line.removeprefix(b"data: ") for line in stream.splitlines() if line.startswith(b"data: ")]
    return [orjson.loads(event)["candidates"][0]["content"] for event in events]
