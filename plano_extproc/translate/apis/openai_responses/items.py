"""Output items of OpenAI's Responses, written: what a whole answer and a stream say alike.

Ids are derived from the answer's own and the item's place, with the prefixes that OpenAI looks for when it gets an
item back.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from plano_extproc.translate.apis.openai_responses.tools import CUSTOM_INPUT, Names
from plano_extproc.translate.chat import Citation, Finish, Json, Token, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.logprobs import write_tokens
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.reading import INVALID_JSON


def response_id(given: str) -> str:
    """Return the id of an answer."""
    return given if given.startswith("resp_") else f"resp_{given}"


def seed(answer_id: str, exchange: str) -> str:
    """Return what the ids of an answer's items are made from: some servers give many answers the same id."""
    return f"{answer_id}:{exchange}"


def item_id(prefix: str, origin: str, position: int) -> str:
    """Return the id of the item at a place of the output; `origin` is the answer's `seed`."""
    return derived_id(f"{prefix}_", origin, position)


def reasoning_item(made_id: str, text: str, encrypted: str) -> Json:
    """Return reasoning; without text it shows nothing."""
    made: Json = {"id": made_id, "type": "reasoning", "summary": [summary_part(text)] if text else []}
    if encrypted:
        made["encrypted_content"] = encrypted
    return made


def summary_part(text: str) -> Json:
    """Return one part of what reasoning shows."""
    return {"type": "summary_text", "text": text}


def message_item(made_id: str, parts: Sequence[Json], status: str) -> Json:
    """Return a message of the assistant."""
    return {"id": made_id, "type": "message", "status": status, "role": "assistant", "content": list(parts)}


def text_part(text: str, citations: Sequence[Citation] = (), tokens: Sequence[Token] = ()) -> Json:
    """Return text, each source with the stretch that rests on it."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [annotation(c, text) for c in citations],
        "logprobs": write_tokens(tokens),
    }


def annotation(citation: Citation, text: str) -> Json:
    """Return one source of a text."""
    start, end = citation.span or (0, len(text))
    page = {"url": citation.url, "title": citation.title}
    return {"type": "url_citation", **page, "start_index": start, "end_index": end}


def refusal_part(text: str) -> Json:
    """Return the reason why the model will not answer."""
    return {"type": "refusal", "refusal": text}


def call_item(names: Names, made_id: str, call_id: str, name: str, arguments: str, status: str) -> Json:
    """Return the call of a tool as its caller knows it; `arguments` is JSON, or the text of a custom tool."""
    origin = names.origin(name)
    kind, key = ("custom_tool_call", "input") if origin.is_custom else ("function_call", "arguments")
    made: Json = {"id": made_id, "type": kind, "status": status, "call_id": call_id, "name": origin.name}
    if origin.namespace is not None:
        made["namespace"] = origin.namespace
    made[key] = arguments
    return made


def call_prefix(names: Names, name: str) -> str:
    """Return how ids of calls of a tool begin."""
    return "ctc" if names.origin(name).is_custom else "fc"


def custom_input(arguments: Json) -> str:
    """Return the free text in the arguments of the function that stands for a custom tool."""
    held: Any = arguments.get(CUSTOM_INPUT, arguments.get(INVALID_JSON))
    return held if isinstance(held, str) else orjson.dumps(arguments).decode() if arguments else ""


def echo(options: AnswerOptions) -> Json:
    """Return those fields of an answer that repeat the request. Nothing is stored here, whatever was asked for."""
    asked = {key: held for key in _ECHOED if (held := options.asked.get(key)) is not None}
    return {**_ECHOED, **asked, "text": {**_TEXT, **(asked.get("text") or {})}, **_NOTHING_STORED}


def ending(finish: Finish) -> tuple[str, Json | None]:
    """Return the status of an answer, and the reason where it is incomplete."""
    reason = _INCOMPLETE.get(finish)
    return ("incomplete", {"reason": reason}) if reason else ("completed", None)


def tier(usage: Usage | None, options: AnswerOptions) -> Any:
    """Return the service tier of an answer: that which the provider tells, else that which was asked for."""
    return usage.tier if usage and usage.tier else options.asked.get("service_tier")


def write_usage(usage: Usage | None) -> Json | None:
    """Return token counts as this API reports them."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.output,
    }


_INCOMPLETE: Final = {
    Finish.LENGTH: "max_output_tokens",
    Finish.CONTEXT_WINDOW: "max_output_tokens",
    Finish.CONTENT_FILTER: "content_filter",
}
_TEXT: Final[Json] = {"format": {"type": "text"}}
_NOTHING_STORED: Final[Json] = {"background": False, "previous_response_id": None, "store": False}
_ECHOED: Final[Json] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": None,
    "text": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Each with what stands where the request says nothing."""
