"""Calls taken out of a whole answer. Without any call left, an answer ends as one that called nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.translate.calls import call
from plano_extproc.translate.calls.call import Call, Judge
from plano_extproc.translate.chat import Json


def without_calls(api: Api, answer: Json, may_stay: Judge) -> Json:
    """Return the answer without the calls that may not stay; the very same object where all do.

    `may_stay` is asked once for each call, in order. An error, and what is no answer of the dialect, has none.
    """
    return _DIALECTS[api](answer, may_stay)


def _chat(answer: Json, may_stay: Judge) -> Json:
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return answer
    made = [_choice(one, may_stay) if isinstance(one, dict) else one for one in choices]
    return answer if _same(made, choices) else {**answer, "choices": made}


def _choice(choice: Json, may_stay: Judge) -> Json:
    message = choice.get("message")
    if not isinstance(message, dict):
        return choice
    calls, function = message.get("tool_calls"), message.get("function_call")
    kept = _kept(calls, may_stay, lambda _: True, call.of_chat)
    is_function_gone = isinstance(function, dict) and not may_stay(call.of_function(function))
    if _same(kept, calls) and not is_function_gone:
        return choice
    left = {key: value for key, value in message.items() if key not in ("tool_calls", "function_call")}
    if kept:
        left["tool_calls"] = kept
    if function is not None and not is_function_gone:
        left["function_call"] = function
    has_calls = bool(kept) or "function_call" in left
    return {**choice, "message": left, "finish_reason": finish_of_chat(choice.get("finish_reason"), has_calls)}


def finish_of_chat(reason: Any, has_calls: bool) -> Any:
    """Return why a chat's choice ended, whose calls were looked at."""
    return "stop" if reason in ("tool_calls", "function_call") and not has_calls else reason


def finish_of_anthropic(reason: Any, has_calls: bool) -> Any:
    """Return why a message ended, whose calls were looked at."""
    return "end_turn" if reason == "tool_use" and not has_calls else reason


def _anthropic(answer: Json, may_stay: Judge) -> Json:
    blocks = answer.get("content")
    kept = _kept(blocks, may_stay, call.is_call_block, call.of_block)
    if _same(kept, blocks):
        return answer
    gone = {one.get("id") for one in blocks or () if isinstance(one, dict) and not any(one is left for left in kept)}
    # What a tool of the provider's returned has no sense without its call.
    kept = [one for one in kept if not isinstance(one, dict) or one.get("tool_use_id", _NONE) not in gone]
    has_calls = any(isinstance(one, dict) and one.get("type") == "tool_use" for one in kept)
    reason = finish_of_anthropic(answer.get("stop_reason"), has_calls)
    return {**answer, "content": kept, "stop_reason": reason}


def _responses(answer: Json, may_stay: Judge) -> Json:
    output = answer.get("output")
    kept = _kept(output, may_stay, call.is_call_item, call.of_item)
    return answer if _same(kept, output) else {**answer, "output": kept}


def _gemini(answer: Json, may_stay: Judge) -> Json:
    candidates = answer.get("candidates")
    if not isinstance(candidates, list):
        return answer
    made = [_candidate(one, may_stay) if isinstance(one, dict) else one for one in candidates]
    return answer if _same(made, candidates) else {**answer, "candidates": made}


def _candidate(candidate: Json, may_stay: Judge) -> Json:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    kept = gemini_parts(parts, may_stay)
    if _same(kept, parts) or not isinstance(content, dict):
        return candidate
    # Google's clients call a content without parts broken.
    return {**candidate, "content": {**content, "parts": kept or [{"text": ""}]}}


def gemini_parts(parts: Any, may_stay: Judge) -> list[Any]:
    """Return the parts of a content that may stay."""
    return [part for part in (parts if isinstance(parts, list) else ()) if _part_stays(part, may_stay)]


def _part_stays(part: Any, may_stay: Judge) -> bool:
    if isinstance(part, dict) and isinstance(part.get("functionCall"), dict):
        return may_stay(call.of_part(part["functionCall"]))
    if isinstance(part, dict) and isinstance(part.get("executableCode"), dict):
        return may_stay(Call("code_execution", str(part["executableCode"].get("code", ""))))
    return True


def _kept(listed: Any, may_stay: Judge, is_call: Callable[[Json], bool], read: Callable[[Json], Call]) -> list[Any]:
    return [
        one
        for one in (listed if isinstance(listed, list) else ())
        if not isinstance(one, dict) or not is_call(one) or may_stay(read(one))
    ]


def _same(made: list[Any], before: Any) -> bool:
    if not isinstance(before, list):
        return not made
    return len(made) == len(before) and all(one is other for one, other in zip(made, before, strict=True))


_NONE: Final = object()

_DIALECTS: Final[Mapping[Api, Callable[[Json, Judge], Json]]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
}
