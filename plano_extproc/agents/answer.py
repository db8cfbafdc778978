"""What an agent said: the text of a chat completion, whole or streamed, or why there is none."""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer, GatewayError, Relayed, TimedOut, Unavailable
from plano_extproc.flow import CalloutFailed, Reply
from plano_extproc.translate.faults import read_fault
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser

_DONE: Final = b"[DONE]"
_AGAIN: Final = frozenset({408, 425, 429})


class AgentFailed(Exception):
    """An agent without an answer: `reason` for records, `told` for the caller, `status` 0 where none came.

    `is_passing` says that another try may succeed.
    """

    def __init__(self, reason: str, told: GatewayError, *, status: int = 0, is_passing: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.told = told
        self.status = status
        self.is_passing = is_passing


def text_of(agent: str, reply: Reply) -> str:
    """Return what the agent said; empty where it said nothing. Raises `AgentFailed`."""
    if not 200 <= reply.status < 300:
        raise _refused(agent, reply)
    if reply.headers.get("content-type", b"").lower().startswith(b"text/event-stream"):
        text = _streamed(reply.body)
    else:
        text = _whole(reply.body)
    if text is None:
        told = BadProviderAnswer(f"agent '{agent}' answered with something that is no chat completion")
        raise AgentFailed("no chat completion", told, status=reply.status)
    return text


def completion(text: str) -> bytes:
    """Return a text as a chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"object": "chat.completion", "choices": [choice]})


def filtered_text(agent: str, body: bytes) -> str:
    """Return the text of a completion that filters have seen. Raises `BadProviderAnswer` where they left none."""
    text = _whole(body)
    if text is None:
        raise spoilt(agent)
    return text


def spoilt(agent: str) -> BadProviderAnswer:
    """Return what it means that filters leave no completion of an answer."""
    told = f"a filter of agent '{agent}' made something of its answer that is no chat completion"
    return BadProviderAnswer(told, code="filter_failed")


def lost(agent: str, failed: CalloutFailed) -> AgentFailed:
    """Return what it means that no answer came."""
    match failed.reason:
        case "timeout":
            told: GatewayError = TimedOut(f"agent '{agent}' did not answer in time")
        case "too_large":
            told = BadProviderAnswer(f"agent '{agent}' answered more than the gateway takes")
        case "reset":
            told = BadProviderAnswer(f"agent '{agent}' closed the connection without a valid answer")
        case _:
            told = Unavailable(f"agent '{agent}' cannot be reached")
    return AgentFailed(failed.reason, told, is_passing=failed.reason != "too_large")


def _refused(agent: str, reply: Reply) -> AgentFailed:
    said = read_fault(reply.status, reply.body).message
    if not 400 <= reply.status < 600:
        told: GatewayError = BadProviderAnswer(f"agent '{agent}' answered with status {reply.status}")
    elif reply.body.strip():
        told = Relayed(said, reply.status)
    else:
        told = Relayed(f"agent '{agent}' answered with status {reply.status} and no message", reply.status)
    is_passing = reply.status >= 500 or reply.status in _AGAIN
    return AgentFailed(f"status {reply.status}", told, status=reply.status, is_passing=is_passing)


def _whole(body: bytes) -> str | None:
    completion = _parsed(body)
    choice = _first_choice(completion)
    message = choice.get("message") if choice else None
    if not isinstance(message, dict):
        return None
    return _content(message)


def _streamed(body: bytes) -> str | None:
    """Join the deltas of a stream; None where it broke off or is none."""
    parser = SseParser()
    texts: list[str] = []
    is_complete = False
    try:
        for event in (*parser.feed(body), *parser.end()):
            if event is KEEPALIVE:
                continue
            if event.data == _DONE:
                is_complete = True
                break
            chunk = _parsed(event.data)
            if not isinstance(chunk, dict) or "error" in chunk:
                return None
            if choice := _first_choice(chunk):
                delta = choice.get("delta")
                texts.append(_content(delta) if isinstance(delta, dict) else "")
                is_complete = is_complete or choice.get("finish_reason") is not None
    except BadProviderAnswer:
        return None
    return "".join(texts) if is_complete else None


def _first_choice(completion: Any) -> dict[str, Any] | None:
    choices = completion.get("choices") if isinstance(completion, dict) else None
    if not isinstance(choices, list):
        return None
    return next((one for one in choices if isinstance(one, dict) and one.get("index", 0) == 0), None)


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(_texts(content))
    if isinstance(content, str) and content:
        return content
    refusal = message.get("refusal")
    return refusal if isinstance(refusal, str) else ""


def _texts(parts: Iterable[Any]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
