"""A caller's request with something put in for the model: a system prompt, and what an API said."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.prompts.call import Said
from plano_extproc.translate.chat import Json


def context_of(said: tuple[Said, ...]) -> str:
    """Return what is put behind the user's words."""
    if len(said) == 1:
        return f"\ncontext: {said[0].text}"
    return "".join(f"\ncontext of {one.target.name}: {one.text}" for one in said)


def with_context(api: Api, body: Mapping[str, Any], context: str) -> Json:
    """Return the request with `context` at the end of the user's last message."""
    key, put = _LAST[api]
    turns = body[key]
    if isinstance(turns, str):
        return {**body, key: turns + context}
    if isinstance(turns, dict):  # Google's servers take one object for a list of one
        turns = [turns]
    return {**body, key: [*turns[:-1], put(turns[-1], context)]}


def with_system_prompt(api: Api, body: Mapping[str, Any], prompt: str | None) -> Json:
    """Return the request with a system prompt before the caller's own; None adds nothing."""
    return _SYSTEM[api](dict(body), prompt) if prompt else dict(body)


def _content(kind: str) -> Callable[[Json, str], Json]:
    def put(message: Json, text: str) -> Json:
        content = message.get("content")
        if isinstance(content, list):
            return {**message, "content": [*content, {"type": kind, "text": text.lstrip("\n")}]}
        return {**message, "content": f"{content or ''}{text}"}

    return put


def _parts(message: Json, text: str) -> Json:
    parts = message.get("parts")
    held = [parts] if isinstance(parts, dict) else list(parts or ())
    return {**message, "parts": [*held, {"text": text.lstrip("\n")}]}


def _chat(body: Json, prompt: str) -> Json:
    return {**body, "messages": [{"role": "system", "content": prompt}, *body["messages"]]}


def _responses(body: Json, prompt: str) -> Json:
    own = body.get("instructions")
    return {**body, "instructions": f"{prompt}\n\n{own}" if own else prompt}


def _anthropic(body: Json, prompt: str) -> Json:
    own = body.get("system")
    if isinstance(own, list):
        return {**body, "system": [{"type": "text", "text": prompt}, *own]}
    return {**body, "system": f"{prompt}\n\n{own}" if own else prompt}


def _gemini(body: Json, prompt: str) -> Json:
    key = "system_instruction" if "system_instruction" in body else "systemInstruction"
    own = body.get(key)
    parts = own.get("parts", []) if isinstance(own, dict) else [{"text": own}] if own else []
    return {**body, key: {"parts": [{"text": prompt}, *([parts] if isinstance(parts, dict) else parts)]}}


_LAST: Final[Mapping[Api, tuple[str, Callable[[Json, str], Json]]]] = {
    "openai.chat": ("messages", _content("text")),
    "openai.responses": ("input", _content("input_text")),
    "anthropic.messages": ("messages", _content("text")),
    "gemini.generate": ("contents", _parts),
}

_SYSTEM: Final[Mapping[Api, Callable[[Json, str], Json]]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
}
