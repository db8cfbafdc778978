"""What the backend of ChatGPT subscriptions wants of a request in the responses dialect, beyond that dialect.

It keeps no state, always streams, and answers 400 to any field that it does not list. So knobs that it does not have
are dropped, and what would change the meaning of the request if it were dropped is refused. `FIELDS` and `REFUSED` at
the foot say which; the peers' reports behind them are https://github.com/BerriAI/litellm/pull/21209 and
https://github.com/diegosouzapw/OmniRoute/issues/3317.
"""

from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.translate.chat import Json
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.shape import refuse

DEFAULT_INSTRUCTIONS: Final = "You are a helpful assistant."
"""Instructions must not be empty (400 `Instructions are required`); a caller without any means no others."""

ENCRYPTED: Final = "reasoning.encrypted_content"


def fitted(request: Json, losses: Losses) -> Json:
    """Return a request of the responses dialect as this backend takes it; it is always to be streamed.

    The caller's own `stream` must be read before. `losses` are told in the words of the neutral request where it has
    one. Raises `InvalidRequest` for content that the backend cannot have.
    """
    for name, advice in REFUSED.items():
        if request.get(name):
            raise refuse(name, f"a ChatGPT subscription keeps no state; {advice}")
    for name, value in request.items():
        if name not in _KNOWN and value not in (None, [], {}):
            losses.field("max_tokens" if name == "max_output_tokens" else name)
    if request.get("store"):
        losses.add("store")
    made = {name: value for name, value in request.items() if name in FIELDS}
    instructions, items = _conversation(request, losses)
    made |= {"instructions": instructions, "input": items, "store": False, "stream": True}
    # Nothing is kept there: reasoning can be given back in the next turn only where it came along.
    made["include"] = _with_reasoning(request.get("include"))
    if request.get("service_tier") in ("auto", "default"):
        del made["service_tier"]
    return made


def _conversation(request: Json, losses: Losses) -> tuple[str, Any]:
    """Return instructions and input: the former must not be empty, and the latter holds no message of role system.

    Without instructions of the caller's own, the operator's first messages become them. They stay where they are when
    JSON is asked for without a schema, since the word must then stand in the input.
    """
    items = _items(request.get("input"), losses)
    told = request.get("instructions")
    if isinstance(told, str) and told.strip():
        return told, items
    if not isinstance(items, list) or _wants_plain_json(request):
        return DEFAULT_INSTRUCTIONS, items
    leading: list[str] = []
    for item in items:
        text = _operators_text(item)
        if text is None:
            break
        leading.append(text)
    instructions = "\n\n".join(filter(str.strip, leading))
    return instructions or DEFAULT_INSTRUCTIONS, items[len(leading) :]


def _items(value: object, losses: Losses) -> object:
    """Return the input as a list. What has no shape that is known is left for the backend to judge."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]}]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    return [_item(item, index) for index, item in enumerate(value) if not _is_lost(item, losses)]


def _item(item: object, index: int) -> object:
    if not isinstance(item, dict):
        return item
    if item.get("type") == "item_reference":
        raise refuse(f"input[{index}]", "a ChatGPT subscription keeps no state; send the item itself")
    # 400 `System messages are not allowed`; developer is the same word in newer models.
    return {**item, "role": "developer"} if item.get("role") == "system" else item


def _is_lost(item: object, losses: Losses) -> bool:
    """Tell whether an item is reasoning that only the one who kept it could read."""
    if not isinstance(item, dict) or item.get("type") != "reasoning" or item.get("encrypted_content"):
        return False
    losses.add("input[].reasoning")
    return True


def _operators_text(item: object) -> str | None:
    """Return the text of a message of the operator's; None for any other item, and where there is more than text."""
    if not isinstance(item, dict) or item.get("role") != "developer":
        return None
    content = item.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "\n".join(texts) if len(texts) == len(content) else None


def _wants_plain_json(request: Json) -> bool:
    text = request.get("text")
    form = text.get("format") if isinstance(text, dict) else None
    return isinstance(form, dict) and form.get("type") == "json_object"


def _with_reasoning(include: object) -> object:
    if include is None:
        return [ENCRYPTED]
    if isinstance(include, list) and ENCRYPTED not in include:
        return [*include, ENCRYPTED]
    return include


FIELDS: Final = frozenset(
    {
        "client_metadata",
        "include",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "reasoning",
        "service_tier",
        "store",
        "stream",
        "text",
        "tool_choice",
        "tools",
    }
)
"""All that the backend takes. Any other field is dropped and named."""

DROPPED: Final = frozenset(
    {
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""The dialect's fields that the backend does not take, as far as they are known."""

REFUSED: Final[Mapping[str, str]] = {
    "background": "leave it out, and wait for the answer",
    "conversation": "send all of the conversation in `input`",
    "previous_response_id": "send all of the conversation in `input`",
    "prompt": "send its text in `instructions` and `input`",
}
"""What cannot be dropped without changing the request, and what to do instead."""

_KNOWN: Final = FIELDS | REFUSED.keys()
