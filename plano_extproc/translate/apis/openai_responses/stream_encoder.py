"""A stream of OpenAI's Responses, written.

An answer is a list of items, and each is announced, told in pieces, and told once more as a whole. An item opens with
its first piece, so that a block without any leaves no trace. It stays open until something else begins, or the end
comes: only then is known whether texts in a row belong to one message, and whether the last item is complete.
"""

from typing import assert_never

import orjson

from plano_extproc.translate.apis.openai_responses.items import (
    annotation,
    call_item,
    call_prefix,
    custom_input,
    echo,
    ending,
    item_id,
    message_item,
    reasoning_item,
    refusal_part,
    response_id,
    seed,
    summary_part,
    text_part,
    tier,
    write_usage,
)
from plano_extproc.translate.apis.openai_responses.reasoning import write_redacted, write_signature
from plano_extproc.translate.apis.openai_responses.tools import Names
from plano_extproc.translate.chat import Citation, Json, Token, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Failure,
    Finished,
    Kind,
    Mark,
    Ping,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.faults import TOO_LONG, Fault
from plano_extproc.translate.logprobs import write_tokens
from plano_extproc.translate.reading import arguments_of


class ResponsesStreamEncoder:
    """Writes events, numbers them, and keeps what the last one repeats: all of the output."""

    def __init__(self, options: AnswerOptions) -> None:
        """Write a stream; `options` fill in what the provider leaves out."""
        self._options = options
        self._names = Names(options.asked)
        self._echo = b""
        self._response: Json = {}
        self._sequence = -1
        self._output: list[Json] = []
        self._block: BlockStart | None = None
        self._item_kind: Kind | None = None
        self._item_id = ""
        self._parts: list[Json] = []
        self._head = b""
        self._text: list[str] = []
        self._citations: list[Citation] = []
        self._tokens: list[Token] = []
        self._encrypted = ""
        self._call: Json = {}

    def take(self, delta: Delta) -> bytes:
        """Return the events for a delta."""
        match delta:
            case TextDelta(text=text, tokens=tokens) if tokens:
                opened = b"" if self._head else self._open_part()
                self._text.append(text)
                self._tokens += tokens
                return opened + self._event(
                    "output_text.delta", **self._place(), delta=text, logprobs=write_tokens(tokens)
                )
            case TextDelta(text=text) | ThinkingDelta(text=text) | RefusalDelta(text=text) | ArgumentsDelta(json=text):
                opened = b"" if self._head else self._open_part()
                self._text.append(text)
                return opened + self._piece(text)
            case SignatureDelta(signature=signature):
                opened = self._open_item()
                self._encrypted = write_signature(signature)
                return opened
            case CitationDelta(citation=citation):
                self._citations.append(citation)
                return b""
            case _:
                return self._mark(delta)

    def _mark(self, delta: Mark) -> bytes:
        match delta:
            case BlockStart():
                return self._start_block(delta)
            case BlockStop():
                return self._stop_block()
            case Start():
                return self._start(delta)
            case Ping():
                return b": ping\n\n"
            case Finished():
                return self._finish(delta)
            case Failure(fault=fault):
                return self._fail(fault)
            case _:
                assert_never(delta)

    def _start(self, start: Start) -> bytes:
        self._response = {
            "id": response_id(start.id or self._options.id),
            "object": "response",
            "created_at": start.created or self._options.created,
            "model": start.model or self._options.model,
        }
        self._echo = orjson.dumps(echo(self._options))
        return self._lifecycle("created", "in_progress") + self._lifecycle("in_progress", "in_progress")

    def _lifecycle(self, event: str, status: str, usage: Usage | None = None, **more: Json | None) -> bytes:
        told = {
            **self._response,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "output": self._output,
            "usage": write_usage(usage),
            "service_tier": tier(usage, self._options),
            **more,
        }
        # What repeats the request is the longest part, and the same each time.
        response = orjson.dumps(told)[:-1] + b"," + self._echo[1:]
        self._sequence += 1
        return b'event: response.%b\ndata: {"type":"response.%b","sequence_number":%d,"response":%b}\n\n' % (
            event.encode(),
            event.encode(),
            self._sequence,
            response,
        )

    def _event(self, event: str, **fields: object) -> bytes:
        self._sequence += 1
        told = {"type": f"response.{event}", "sequence_number": self._sequence, **fields}
        return b"event: response.%b\ndata: %b\n\n" % (event.encode(), orjson.dumps(told))

    def _piece(self, text: str) -> bytes:
        if not self._head:
            # The text of a custom tool is known when its JSON is complete.
            return b""
        self._sequence += 1
        return self._head + orjson.dumps(text) + b',"sequence_number":%d}\n\n' % self._sequence

    def _start_block(self, block: BlockStart) -> bytes:
        out = b"" if _is_said(block.kind) and self._item_kind == "text" else self._close_item("completed")
        self._block = block
        if block.kind == "redacted_thinking":
            out += self._open_item()
            self._encrypted = write_redacted(block.data)
        elif block.kind == "tool_use":
            out += self._open_item()
        return out

    def _open_item(self) -> bytes:
        """Announce the item of the block, unless it is there."""
        if self._item_kind is not None or self._block is None:
            return b""
        kind, position = self._block.kind, len(self._output)
        origin = seed(self._response["id"], self._options.id)
        if _is_said(kind):
            self._item_kind = "text"
            self._item_id = item_id("msg", origin, position)
            item = message_item(self._item_id, (), "in_progress")
        elif kind == "tool_use":
            self._item_kind = kind
            self._item_id = item_id(call_prefix(self._names, self._block.name), origin, position)
            item = self._called("", "in_progress")
        else:
            self._item_kind = "thinking"
            self._item_id = item_id("rs", origin, position)
            item = reasoning_item(self._item_id, "", "")
        return self._event("output_item.added", output_index=position, item=item)

    def _called(self, arguments: str, status: str) -> Json:
        assert self._block is not None, "a call is told within its block"
        return call_item(self._names, self._item_id, self._block.id, self._block.name, arguments, status)

    def _open_part(self) -> bytes:
        """Announce the part that the first piece of a block belongs to."""
        assert self._block is not None, "pieces come within a block"
        out = self._open_item()
        match self._block.kind:
            case "text":
                out += self._event("content_part.added", **self._place(), part=text_part(""))
                self._head_for("output_text.delta", logprobs=[], **self._place())
            case "refusal":
                out += self._event("content_part.added", **self._place(), part=refusal_part(""))
                self._head_for("refusal.delta", **self._place())
            case "thinking":
                out += self._event("reasoning_summary_part.added", **self._summary(), part=summary_part(""))
                self._head_for("reasoning_summary_text.delta", **self._summary())
            case "tool_use" if not self._is_custom():
                self._head_for("function_call_arguments.delta", **self._here())
            case _:
                pass
        return out

    def _head_for(self, event: str, **fields: object) -> None:
        told = orjson.dumps({"type": f"response.{event}", **fields})
        self._head = b"event: response.%b\ndata: %b" % (event.encode(), told[:-1] + b',"delta":')

    def _is_custom(self) -> bool:
        return self._block is not None and self._names.origin(self._block.name).is_custom

    def _here(self) -> Json:
        return {"item_id": self._item_id, "output_index": len(self._output)}

    def _place(self) -> Json:
        return {**self._here(), "content_index": len(self._parts)}

    def _summary(self) -> Json:
        return {**self._here(), "summary_index": 0}

    def _stop_block(self) -> bytes:
        assert self._block is not None, "only an open block stops"
        text = "".join(self._text)
        out = b""
        if self._block.kind == "tool_use":
            out = self._stop_call(text)
        elif self._head:
            out = self._stop_part(self._block.kind, text)
        self._text.clear()
        self._citations.clear()
        self._tokens.clear()
        self._head = b""
        return out

    def _stop_part(self, kind: Kind, text: str) -> bytes:
        if kind == "thinking":
            part = summary_part(text)
            out = self._event("reasoning_summary_text.done", **self._summary(), text=text)
            out += self._event("reasoning_summary_part.done", **self._summary(), part=part)
        elif kind == "refusal":
            part = refusal_part(text)
            out = self._event("refusal.done", **self._place(), refusal=text)
            out += self._event("content_part.done", **self._place(), part=part)
        else:
            part = text_part(text, self._citations, self._tokens)
            out = b"".join(
                self._event(
                    "output_text.annotation.added",
                    **self._place(),
                    annotation_index=position,
                    annotation=annotation(citation, text),
                )
                for position, citation in enumerate(self._citations)
            )
            out += self._event("output_text.done", **self._place(), text=text, logprobs=part["logprobs"])
            out += self._event("content_part.done", **self._place(), part=part)
        self._parts.append(part)
        return out

    def _stop_call(self, arguments: str) -> bytes:
        out = b""
        if self._is_custom():
            text = custom_input(arguments_of(arguments))
            out += self._event("custom_tool_call_input.delta", **self._here(), delta=text) if text else b""
            out += self._event("custom_tool_call_input.done", **self._here(), input=text)
            self._call = self._called(text, "completed")
            return out
        if not arguments.strip():
            arguments = "{}"
            out += self._open_part() + self._piece(arguments)
        self._call = self._called(arguments, "completed")
        name = self._call["name"]
        return out + self._event("function_call_arguments.done", **self._here(), name=name, arguments=arguments)

    def _close_item(self, status: str) -> bytes:
        match self._item_kind:
            case None:
                return b""
            case "text":
                item = message_item(self._item_id, self._parts, status)
            case "tool_use":
                item = {**self._call, "status": status}
            case _:
                text = self._parts[0]["text"] if self._parts else ""
                item = reasoning_item(self._item_id, text, self._encrypted)
        out = self._event("output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._item_kind = None
        self._parts.clear()
        self._encrypted = ""
        return out

    def _finish(self, end: Finished) -> bytes:
        status, incomplete = ending(end.finish)
        out = self._close_item(status)
        return out + self._lifecycle(status, status, end.usage, incomplete_details=incomplete)

    def _fail(self, fault: Fault) -> bytes:
        # A client that was told of no answer could not be told that it failed.
        out = b"" if self._response else self._start(Start("", ""))
        return out + self._lifecycle("failed", "failed", error=write_failure(fault))


def _is_said(kind: Kind) -> bool:
    return kind in ("text", "refusal")


def write_failure(fault: Fault) -> Json:
    """Return why a response failed. Clients look at the code to decide whether to try again."""
    if fault.message.startswith(TOO_LONG):
        code = "context_length_exceeded"
    elif fault.code:
        code = fault.code
    elif fault.status == 429:
        code = "rate_limit_exceeded"
    else:
        code = "invalid_prompt" if 400 <= fault.status < 500 else "server_error"
    return {"code": code, "message": fault.message}
