"""One prompt of the demo: what is sent, what must come back, and the reading of both dialects' answers."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from planoai.probe import Reply, ask

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt to send to a listener. `served_by` and `says` are what makes its answer right.

    Served it is by a model, by agents with commas between them, or by a prompt target. `model` None names none.
    """

    path: str
    prompt: str
    served_by: str
    says: str
    model: str | None = None
    is_stream: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    listener: str = "demo"

    def body(self) -> dict[str, Any]:
        """Return the request's body in the dialect of its path."""
        named = {} if self.model is None else {"model": self.model}
        needed = {"max_tokens": 200} if self.path == MESSAGES else {}
        messages = [{"role": "user", "content": self.prompt}]
        stream = {"stream": True} if self.is_stream else {}
        return named | needed | {"messages": messages} | stream | self.extra


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back. `wrong` says what is not as it should be; empty means right."""

    status: int
    text: str
    events: int
    headers: dict[str, str]
    wrong: str


def send(url: str, exchange: Exchange) -> Outcome:
    """Send a prompt through the gateway and judge its answer."""
    headers = {"content-type": "application/json"}
    if exchange.path == MESSAGES:
        headers["anthropic-version"] = "2023-06-01"
    body = json.dumps(exchange.body()).encode()
    reply = ask(f"{url}{exchange.path}", method="POST", body=body, headers=headers, timeout=30.0)
    if reply is None:
        return Outcome(0, "", 0, {}, "no answer")
    try:
        text, events = _read(exchange, reply)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Outcome(reply.status, "", 0, reply.headers, f"an answer of another shape: {reply.body[:200]!r}")
    return Outcome(reply.status, text, events, reply.headers, _wrong(exchange, reply, text, events))


def server(headers: Mapping[str, str]) -> str:
    """Return who an answer says that it is from; empty where it is the gateway's own."""
    return next((headers[name] for name in ("x-plano-agent", "x-plano-model", "x-plano-route") if name in headers), "")


def _wrong(exchange: Exchange, reply: Reply, text: str, events: int) -> str:
    served_by = server(reply.headers)
    found = (
        (reply.status == exchange.status, f"status {reply.status}, not {exchange.status}"),
        (exchange.says in text, f"the answer lacks '{exchange.says}'"),
        (served_by == exchange.served_by, f"served by '{served_by}', not '{exchange.served_by}'"),
        (events > 1 or not exchange.is_stream, "the answer did not come as a stream"),
    )
    return "; ".join(words for is_right, words in found if not is_right)


def _read(exchange: Exchange, reply: Reply) -> tuple[str, int]:
    """Return the answer's text and the number of its events."""
    if reply.status != 200:
        return str(json.loads(reply.body)["error"]["message"]), 0
    if not exchange.is_stream:
        return WHOLE[exchange.path](json.loads(reply.body)), 0
    events = [json.loads(line[5:]) for line in _data(reply.body)]
    return "".join(PIECE[exchange.path](event) for event in events), len(events)


def _data(body: bytes) -> Iterator[bytes]:
    return (line for line in body.splitlines() if line.startswith(b"data:") and line[5:].strip() != b"[DONE]")


def _chat_text(answer: dict[str, Any]) -> str:
    message = answer["choices"][0]["message"]
    calls = [
        _call(call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    ]
    return "\n".join([*([message["content"]] if message.get("content") else []), *calls])


def _chat_piece(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


def _messages_text(answer: dict[str, Any]) -> str:
    return "\n".join(_block(block) for block in answer["content"] if block["type"] in {"text", "tool_use"})


def _block(block: dict[str, Any]) -> str:
    return str(block["text"]) if block["type"] == "text" else _call(block["name"], block["input"])


def _messages_piece(event: dict[str, Any]) -> str:
    return str(event["delta"].get("text") or "") if event["type"] == "content_block_delta" else ""


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


WHOLE: dict[str, Callable[[dict[str, Any]], str]] = {CHAT: _chat_text, MESSAGES: _messages_text}
PIECE: dict[str, Callable[[dict[str, Any]], str]] = {CHAT: _chat_piece, MESSAGES: _messages_piece}
