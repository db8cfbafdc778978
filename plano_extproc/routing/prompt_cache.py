"""Marks for prompt caches, placed for the provider that is actually used, in its own dialect, after routing.

OpenAI, Google and most others cache by themselves and want no mark. Anthropic's dialect takes `cache_control`, at the
end of the instructions and at the end of the conversation; aggregators that serve Claude behind OpenAI's chat take one
on the instructions. A client that marks its own prompt knows better, and is left alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.config.routing import PromptCaching

Json = dict[str, Any]

LEAST_TOKENS: Final = 1024
"""Shorter prefixes are not cached by any provider that wants marks."""

_MARK: Final = {"type": "ephemeral"}
_AGGREGATORS: Final = frozenset({"digitalocean", "openrouter", "edenai"})


def marked(
    api: Api, provider: str, model: str, request: Json, settings: PromptCaching, *, is_off: bool = False
) -> Json:
    """Return the request with marks, or the very same object where it needs none.

    `api` is the dialect that `request` is written in and `provider` the canonical id of who gets it. `is_off` says that
    the client wants no caching (`x-plano-cache: off`).
    """
    if is_off or not (settings.enabled and settings.inject_cache_control):
        return request
    place = _place(api, provider, model)
    if place is None or has_marks(request):
        return request
    if _prefix_tokens(api, request) < max(settings.min_prefix_tokens, LEAST_TOKENS):
        return request
    return place(request)


def wants_marks(api: Api, provider: str, model: str) -> bool:
    """Return whether a provider's prompts are marked at all; if not, a request need not be parsed for it."""
    return _place(api, provider, model) is not None


def has_marks(value: object) -> bool:
    """Return whether a request holds a mark of its own, wherever a dialect has them; what tools say does not count."""
    if isinstance(value, list):
        return any(map(has_marks, value))
    if not isinstance(value, dict):
        return False
    return any(
        (key == "cache_control" and held is not None) or (key in _WITHIN and has_marks(held))
        for key, held in value.items()
    )


_WITHIN: Final = frozenset({"system", "messages", "tools", "content", "function"})


def _place(api: Api, provider: str, model: str) -> Callable[[Json], Json] | None:
    if api == "anthropic.messages":
        return _in_messages
    name = model.lower()
    if api == "openai.chat" and provider in _AGGREGATORS and ("claude" in name or "anthropic" in name):
        return _in_chat
    return None


def _prefix_tokens(api: Api, request: Mapping[str, Any]) -> int:
    """Estimate the instructions and tools, at four characters a token."""
    if api == "anthropic.messages":
        system: Any = request.get("system") or ""
    else:
        messages = [one for one in request.get("messages", ()) if one.get("role") in ("system", "developer")]
        system = [part for one in messages for part in _blocks(one.get("content"))]
    length = sum(len(block["text"]) for block in _blocks(system) if isinstance(block.get("text"), str))
    tools = request.get("tools")
    return (length + (len(orjson.dumps(tools)) if tools else 0)) // 4


def _in_messages(request: Json) -> Json:
    made = dict(request)
    if system := _blocks(request.get("system")):
        made["system"] = _marked_last(system)
    elif isinstance(tools := request.get("tools"), list) and tools and isinstance(tools[-1], dict):
        made["tools"] = [*tools[:-1], {**tools[-1], "cache_control": _MARK}]
    messages = request.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        last = messages[-1]
        made["messages"] = [*messages[:-1], {**last, "content": _marked_last(_blocks(last.get("content")))}]
    return made


def _in_chat(request: Json) -> Json:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        return request
    roles = [one.get("role") for one in messages]
    index = next((at for at, role in enumerate(roles) if role in ("system", "developer")), 0)
    blocks = _blocks(messages[index].get("content"))
    if not any(_is_text(block) for block in blocks):
        return request
    # Only text takes the mark behind these.
    marked_one = {**messages[index], "content": _marked_last(blocks, _is_text)}
    return {**request, "messages": [*messages[:index], marked_one, *messages[index + 1 :]]}


def _blocks(content: Any) -> list[Json]:
    """Return content as blocks; an empty text cannot be marked, and is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _is_text(block: Json) -> bool:
    return block.get("type") == "text" and bool(block.get("text"))


def _is_cacheable(block: Json) -> bool:
    # https://platform.claude.com/docs/en/build-with-claude/prompt-caching: thinking and empty texts take no mark.
    return _is_text(block) or block.get("type") in ("image", "document", "tool_use", "tool_result")


def _marked_last(blocks: list[Json], takes: Callable[[Json], bool] = _is_cacheable) -> list[Json]:
    for at in range(len(blocks) - 1, -1, -1):
        if takes(blocks[at]):
            return [*blocks[:at], {**blocks[at], "cache_control": _MARK}, *blocks[at + 1 :]]
    return blocks
