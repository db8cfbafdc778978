"""A prompt to a listener of this gateway, as a client of any dialect would send it, and how it was decided."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from planoai.state import Endpoint

APIS: Final[Mapping[str, str]] = {
    "openai.chat": "/v1/chat/completions",
    "anthropic.messages": "/v1/messages",
    "openai.responses": "/v1/responses",
    "gemini.generate": "/v1beta/models/{model}:{method}",
}
"""Paths by dialect."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=600, connect=5)
_TOLD: Final = ("x-plano-", "x-request-id", "x-ratelimit-", "retry-after", "content-type", "traceparent")
_LARGEST: Final = 4 * 1024 * 1024
_MOST_TOKENS: Final = 1024


class Refused(Exception):
    """What was asked for cannot be sent; the words are for the page."""


def request(asked: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return path, headers and body of what is sent. Raises `Refused`."""
    api, prompt = str(asked.get("api") or "openai.chat"), asked.get("prompt")
    if api not in APIS:
        raise Refused(f"the playground does not speak {api}; it speaks {', '.join(APIS)}")
    if not isinstance(prompt, str) or not prompt.strip():
        raise Refused("write a prompt first")
    body: dict[str, Any] = {"model": asked["model"]} if asked.get("model") else {}
    if asked.get("stream"):
        body["stream"] = True
    said, system = [{"role": "user", "content": prompt}], asked.get("system")
    if api == "gemini.generate":
        return _to_gemini(asked, prompt)
    if api == "openai.responses":
        body |= {"input": prompt} | ({"instructions": system} if system else {})
    elif api == "anthropic.messages":
        body |= {"max_tokens": _MOST_TOKENS, "messages": said} | ({"system": system} if system else {})
    else:
        body["messages"] = [*([{"role": "system", "content": system}] if system else ()), *said]
    return APIS[api], _headers(asked), body


def _headers(asked: Mapping[str, Any]) -> dict[str, str]:
    key = {"authorization": f"Bearer {asked['key']}"} if asked.get("key") else {}
    return {"content-type": "application/json", **key}


def _to_gemini(asked: Mapping[str, Any], prompt: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return a request of Gemini's clients, who name the model in the path."""
    if not asked.get("model"):
        raise Refused("Gemini's clients always name a model; write one")
    method = "streamGenerateContent?alt=sse" if asked.get("stream") else "generateContent"
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    if system := asked.get("system"):
        body["systemInstruction"] = {"parts": [{"text": system}]}
    path = APIS["gemini.generate"].format(model=quote(str(asked["model"]), safe="/"), method=method)
    return path, _headers(asked), body


async def send(endpoint: Endpoint, asked: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Yield what happens: `sent`, `status` with the headers that explain the decision, `text` as it comes, `end`.

    What fails on the way is an `error` with words for the page.
    """
    try:
        path, headers, body = request(asked)
    except Refused as refused:
        yield {"type": "error", "message": str(refused)}
        return
    api = str(asked.get("api") or "openai.chat")
    yield {"type": "sent", "url": f"{endpoint.url}{path}", "body": body}
    began, length = time.perf_counter(), 0
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(f"{endpoint.url}{path}", headers=headers, json=body) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith(_TOLD)}
            yield {"type": "status", "status": answer.status, "headers": told, "ms": _since(began)}
            is_stream = "text/event-stream" in answer.headers.get("content-type", "")
            if is_stream:
                async for line in answer.content:
                    length += len(line)
                    if text := _streamed(line):
                        yield {"type": "text", "text": text, "ms": _since(began)}
                    if length > _LARGEST:
                        yield {"type": "error", "message": "the answer is longer than the playground shows"}
                        return
            else:
                whole = await answer.content.read(_LARGEST)
                yield {"type": "text", "text": _whole(api, whole, answer.status), "ms": _since(began)}
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        yield {"type": "error", "message": f"no answer from {endpoint.url}: {error or type(error).__name__}"}
        return
    yield {"type": "end", "ms": _since(began)}


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _whole(api: str, body: bytes, status: int) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
    text = _TEXTS[api](found) if status < 300 and isinstance(found, dict) else ""
    return text or orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()


def _streamed(line: bytes) -> str:
    if not line.startswith(b"data:"):
        return ""
    try:
        event = orjson.loads(line[5:])
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(event, dict):
        return ""
    if "error" in event:
        return orjson.dumps(event["error"]).decode()
    match event:
        case {"choices": [{"delta": {"content": str(text)}}, *_]}:
            return text
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return text
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
        case {"candidates": [_, *_]}:
            return _of_gemini(event)
    return ""


def _of_chat(found: Mapping[str, Any]) -> str:
    return "".join(str(choice.get("message", {}).get("content") or "") for choice in found.get("choices", ()))


def _of_messages(found: Mapping[str, Any]) -> str:
    return "".join(str(block.get("text") or "") for block in found.get("content", ()))


def _of_responses(found: Mapping[str, Any]) -> str:
    parts = (part for item in found.get("output", ()) for part in item.get("content") or ())
    return "".join(str(part.get("text") or "") for part in parts)


def _of_gemini(found: Mapping[str, Any]) -> str:
    parts = (part for one in found.get("candidates", ()) for part in (one.get("content") or {}).get("parts") or ())
    return "".join(str(part.get("text") or "") for part in parts)


_TEXTS: Final = {
    "openai.chat": _of_chat,
    "anthropic.messages": _of_messages,
    "openai.responses": _of_responses,
    "gemini.generate": _of_gemini,
}
