"""The texts of a request, in each dialect that clients speak: what a model reads, in the order in which it reads it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.parts import anthropic_blocks, chat_message, gemini_parts, item, joined_parts, listed
from plano_extproc.translate.texts.place import Kind, Path, Place, Role, leaves


def request_places(api: Api, request: Json) -> Iterator[Place]:
    """Yield the texts of a request in dialect `api`, the oldest first.

    What has the wrong shape is passed over. Legacy completions (`prompt`, `suffix`), embeddings and moderations
    (`input`), pictures (`prompt`), speech (`input`, `instructions`) and rerank (`query`, `documents`) are read as
    `openai.chat`.
    """
    return _DIALECTS[api](request)


def unreadable(api: Api, request: Json) -> str | None:
    """Return why a request's texts cannot all be read: they may be given as numbers of tokens."""
    for key in _PLAIN if api == "openai.chat" else ():
        if any(isinstance(held, (int, list)) for held in _list(request.get(key))):
            return f"'{key}' holds numbers of tokens in place of text"
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _chat(request: Json) -> Iterator[Place]:
    yield from _definitions(request.get("tools"), ("tools",))
    yield from _definitions(request.get("functions"), ("functions",))
    for at, message in enumerate(_list(request.get("messages"))):
        if isinstance(message, dict):
            role = _ROLES.get(str(message.get("role")), "user")
            yield from chat_message(message, role, ("messages", at))
    for key, kind in _PLAIN.items():
        yield from _plain(request.get(key), kind, (key,))
    prediction = request.get("prediction")
    if isinstance(prediction, dict):
        yield from joined_parts(prediction.get("content"), "assistant", "text", ("prediction", "content"))


def _plain(value: Any, kind: Kind, path: Path) -> Iterator[Place]:
    """Yield a text, or a list of texts or of parts, as the endpoints that are not chats have them."""
    if isinstance(value, str) and value:
        yield Place(value, "user", kind, path)
    for at, held in enumerate(_list(value)):
        if isinstance(held, str):
            yield Place(held, "user", kind, (*path, at))
        elif isinstance(held, dict):
            yield from joined_parts([held], "user", kind, path, first=at)


def _responses(request: Json) -> Iterator[Place]:
    yield from _definitions(request.get("tools"), ("tools",))
    instructions = request.get("instructions")
    if isinstance(instructions, str) and instructions:
        yield Place(instructions, "system", "text", ("instructions",))
    given = request.get("input")
    if isinstance(given, str) and given:
        yield Place(given, "user", "text", ("input",))
    for at, held in enumerate(_list(given)):
        if isinstance(held, dict):
            role = _ROLES.get(str(held.get("role")), "user")
            yield from item(held, role, ("input", at))
    prompt = request.get("prompt")
    if isinstance(prompt, dict):
        for name, value in (prompt.get("variables") or {}).items():
            yield from leaves(value, "user", "text", ("prompt", "variables", name))


def _anthropic(request: Json) -> Iterator[Place]:
    yield from _definitions(request.get("tools"), ("tools",))
    yield from anthropic_blocks(request.get("system"), "system", ("system",))
    for at, message in enumerate(_list(request.get("messages"))):
        if isinstance(message, dict):
            role = _ROLES.get(str(message.get("role")), "user")
            yield from anthropic_blocks(message.get("content"), role, ("messages", at, "content"))


def _gemini(request: Json) -> Iterator[Place]:
    for path, tool in listed(request.get("tools"), ("tools",)):
        for key in ("functionDeclarations", "function_declarations"):
            yield from _definitions(tool.get(key), (*path, key))
    for key in ("systemInstruction", "system_instruction"):
        told = request.get(key)
        if isinstance(told, dict):
            yield from gemini_parts(told.get("parts"), "system", (key, "parts"))
        elif isinstance(told, str) and told:
            yield Place(told, "system", "text", (key,))
    for path, content in listed(request.get("contents"), ("contents",)):
        role = _ROLES.get(str(content.get("role", "user")).lower(), "user")
        yield from gemini_parts(content.get("parts"), role, (*path, "parts"))


def _definitions(value: Any, path: Path) -> Iterator[Place]:
    """Yield the descriptions of tools and of their parameters. The schemas themselves are no text."""
    if isinstance(value, dict):
        for key, held in value.items():
            if key == "description" and isinstance(held, str):
                if held:
                    yield Place(held, "system", "definition", (*path, key))
            elif isinstance(held, (dict, list)):
                yield from _definitions(held, (*path, key))
    for at, held in enumerate(_list(value)):
        yield from _definitions(held, (*path, at))


_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}

_PLAIN: Final[Mapping[str, Kind]] = {
    "prompt": "text",
    "suffix": "text",
    "input": "text",
    "instructions": "text",
    "query": "text",
    "documents": "document",
}

_DIALECTS: Final[Mapping[Api, Callable[[Json], Iterator[Place]]]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
}
