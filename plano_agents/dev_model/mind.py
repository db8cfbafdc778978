"""From an ask to an answer: a tool call, JSON, or a reply, cut where the request says so. Pure."""

import json
from dataclasses import replace

from plano_agents.dev_model import replies, schemas, tokens, tools
from plano_agents.dev_model.ask import Answer, Ask, Call, Stop


def answer(ask: Ask) -> Answer:
    """Answer an ask; the same ask has the same answer."""
    text = next((turn.text for turn in reversed(ask.turns) if turn.role == "user" and turn.text), "")
    asked = sum(
        tokens.count(turn.text) + sum(tokens.count(result.text) for result in turn.results) for turn in ask.turns
    )
    thinking = f"The last message asks: {text[:200]}" if ask.thinks else ""
    calls = () if ask.turns[-1].results else tools.calls(ask, text)
    if calls:
        return _calling(ask, calls, thinking, asked)
    return _saying(ask, _said(ask, text), thinking, asked)


def _said(ask: Ask, text: str) -> str:
    if ask.answer_schema is None:
        return replies.reply(ask, text)
    return json.dumps(schemas.value(ask.answer_schema, text) if ask.answer_schema else {"answer": text})


def _calling(ask: Ask, calls: tuple[Call, ...], thinking: str, asked: int) -> Answer:
    """Call tools, or nothing at all where the calls do not fit: half a call is of no use."""
    thought = tokens.count(thinking)
    spent = thought + sum(tokens.count(call.name) + tokens.count(json.dumps(call.arguments)) for call in calls)
    if ask.max_tokens is not None and spent > ask.max_tokens:
        cut = _saying(ask, "", thinking, asked)
        return replace(cut, stop="length", stop_sequence=None)
    return Answer("", thinking, calls, "tool", None, asked, spent, thought)


def _saying(ask: Ask, text: str, thinking: str, asked: int) -> Answer:
    met = min((sequence for sequence in ask.stop if sequence in text), key=text.index, default=None)
    if met is not None:
        text = text[: text.index(met)]
    thought = tokens.pieces(thinking)[: ask.max_tokens]
    said = tokens.pieces(text)
    kept = said if ask.max_tokens is None else said[: max(0, ask.max_tokens - len(thought))]
    stop: Stop = "end" if met is None else "stop_sequence"
    if len(kept) < len(said):
        stop, met = "length", None
    spent = len(kept) + len(thought)
    return Answer("".join(kept), "".join(thought), (), stop, met, asked, spent, len(thought))
