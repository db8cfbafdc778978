"""Calls taken out of a streamed answer, in any dialect that clients speak, as bytes in and bytes out.

A call is held back until all of it is there, since its name alone does not say whether it may stay; texts go on as they
come. Events that nothing is taken out of go out as they came.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from plano_extproc.apis import Api
from plano_extproc.translate.calls.anthropic_events import AnthropicCalls
from plano_extproc.translate.calls.call import Judge
from plano_extproc.translate.calls.chat_events import ChatCalls
from plano_extproc.translate.calls.gemini_events import GeminiCalls
from plano_extproc.translate.calls.responses_events import ResponsesCalls
from plano_extproc.translate.texts import Channel, TextStream, Window


class CallStream(TextStream):
    """One streamed answer. What `may_stay` raises comes out of `feed`; then the stream cannot go on."""

    def __init__(self, api: Api, may_stay: Judge, *, framing: Literal["sse", "array"] = "sse") -> None:
        """Read and write dialect `api`; `array` is Gemini's JSON list."""
        super().__init__(api, _untouched, framing=framing)
        self._events = _DIALECTS[api](may_stay)


def _untouched(channel: Channel) -> Window:
    raise AssertionError(f"no text is looked at here: {channel}")


_DIALECTS: Final[Mapping[Api, Callable[[Judge], ChatCalls | AnthropicCalls | ResponsesCalls | GeminiCalls]]] = {
    "openai.chat": ChatCalls,
    "openai.responses": ResponsesCalls,
    "anthropic.messages": AnthropicCalls,
    "gemini.generate": GeminiCalls,
}
