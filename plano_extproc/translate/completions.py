"""The legacy completions of OpenAI (`POST /v1/completions`), by mapping to chat: a prompt becomes a user's message.

Requests go out as chat requests, to be served as any other; `Completions` stands in front of what reads the answer, and
turns chat answers into completions. https://platform.openai.com/docs/api-reference/completions
"""

from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer, GatewayError, InvalidRequest
from plano_extproc.translate.chat import Json
from plano_extproc.translate.faults import error_event
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser
from plano_extproc.translate.several import SeveralStreams
from plano_extproc.translate.translation import StreamTranslation, Translation

_KEPT: Final = frozenset(
    {
        "model", "max_tokens", "temperature", "top_p", "n", "stream", "stream_options", "stop", "presence_penalty",
        "frequency_penalty", "logit_bias", "user", "seed",
    }
)  # fmt: skip
_TOLD: Final[tuple[str, ...]] = ("id", "created", "model", "usage")
_DROPPED: Final[dict[str, object]] = {"best_of": 1, "echo": False, "logprobs": None, "suffix": None}
"""Fields that chat has no word for, and the values that ask for nothing."""


def as_chat(request: Json) -> tuple[Json, tuple[str, ...]]:
    """Return a completion's request as one for chat, and the names of the fields that chat has no word for.

    Raises `InvalidRequest` for a prompt that is no text: several prompts at once, or tokens.
    """
    prompt = request.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise InvalidRequest(
            "prompt: one text is required; several prompts, and tokens, cannot be mapped", param="prompt"
        )
    kept = {key: value for key, value in request.items() if key in _KEPT}
    dropped = tuple(name for name, nothing in _DROPPED.items() if request.get(name) not in (None, nothing))
    return {**kept, "messages": [{"role": "user", "content": prompt}]}, dropped


class Completions:
    """Reads answers for a caller of completions; `inner` translates to chat where the provider does not speak it."""

    stream_type: Final = "text/event-stream"

    def __init__(self, inner: Translation | None) -> None:
        """Read chat answers, or what `inner` makes chat answers of."""
        self._inner = inner

    def is_stream(self, content_type: bytes) -> bool:
        """Tell by its `content-type` whether an answer is streamed."""
        if self._inner is not None:
            return self._inner.is_stream(content_type)
        return content_type.partition(b";")[0].strip().lower() == self.stream_type.encode()

    def response(self, body: bytes) -> bytes:
        """Return a whole answer of status 2xx. Raises `BadProviderAnswer` where the provider's makes no sense."""
        chat = body if self._inner is None else self._inner.response(body)
        try:
            return orjson.dumps(_completion(orjson.loads(chat), "message"))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            raise BadProviderAnswer("the provider's answer is not what its API promises") from None

    def error(self, status: int, body: bytes) -> bytes:
        """Return the provider's error, which completions share with chat."""
        return body if self._inner is None else self._inner.error(status, body)

    def stream(self) -> "CompletionsStream":
        """Return the translation of a streamed answer."""
        return CompletionsStream(None if self._inner is None else self._inner.stream())


class CompletionsStream:
    """Turns a stream of chat chunks into one of completions, event by event. `failed` tells of an error in it."""

    def __init__(self, inner: StreamTranslation | SeveralStreams | None) -> None:
        """Read what `inner` makes chat chunks of, or chat chunks."""
        self._inner = inner
        self._frames = SseParser()
        self._is_over = False
        self.failed = False

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client is to get for `chunk`; empty swallows it. `end` says that nothing follows."""
        chat = chunk if self._inner is None else self._inner.feed(chunk, end)
        try:
            events = [*self._frames.feed(chat), *(self._frames.end() if end else ())]
            made = b"".join(self._written(event.data) for event in events if event is not KEEPALIVE)
        except BadProviderAnswer as error:
            return self.fail(error)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            return self.fail(BadProviderAnswer("the provider sent an event that its API does not know"))
        if end and not self._is_over:
            return made + self.fail(BadProviderAnswer("the provider's stream ended early"))
        return made

    def fail(self, error: GatewayError) -> bytes:
        """Return the event for an error; empty after the end."""
        if self._is_over:
            return b""
        self._is_over = self.failed = True
        return error_event("openai.chat", error)

    def _written(self, data: bytes) -> bytes:
        if self._is_over:
            return b""
        if data == b"[DONE]":
            self._is_over = True
            return b"data: [DONE]\n\n"
        chunk: Any = orjson.loads(data)
        if "error" in chunk:
            self._is_over = self.failed = True
            return b"data: " + data + b"\n\n"
        return b"data: " + orjson.dumps(_completion(chunk, "delta")) + b"\n\n"


def _completion(chat: Json, holder: str) -> Json:
    """Return a chat answer or chunk as one of completions; `holder` is where a choice keeps its text."""
    choices = [
        {
            "index": choice["index"],
            "text": choice[holder].get("content") or "",
            "logprobs": None,
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in chat["choices"]
    ]
    told = {key: chat[key] for key in _TOLD if key in chat}
    return {**told, "object": "text_completion", "choices": choices}
