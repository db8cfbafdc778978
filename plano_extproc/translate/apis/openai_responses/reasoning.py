"""Reasoning items of OpenAI's Responses, and what other dialects have in their place.

A model's own state is in `encrypted_content`, which callers hand back as they got it. For a provider of this dialect
it is sealed into the signature that callers of other dialects know; for a caller of this dialect it holds the
signature of another provider.
"""

from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.chat import Json, RedactedThinking, Thinking
from plano_extproc.translate.reading import text_of
from plano_extproc.translate.sealed import seal, unseal

PARAGRAPH: Final = "\n\n"
"""Parts two parts of one reasoning."""

_SIGNED: Final = "plano:signature:"
_REDACTED: Final = "plano:redacted:"


def write_signature(signature: str) -> str:
    """Return another provider's signature as `encrypted_content`."""
    return _SIGNED + signature


def write_redacted(secret: str) -> str:
    """Return another provider's redacted thinking as `encrypted_content`."""
    return _REDACTED + secret


def read_reasoning(item: Json, where: str) -> Thinking | RedactedThinking | None:
    """Return the thinking that a caller hands back; None where the item says nothing."""
    words = [*_words(item, "content", where), *_words(item, "summary", where)]
    text = PARAGRAPH.join(word for word in words if word)
    kept = shape.optional_text(item, "encrypted_content", where)
    if not kept:
        return Thinking(text) if text else None
    return thought(text, shape.optional_text(item, "id", where) or "", kept)


def _words(item: Json, key: str, where: str) -> list[str]:
    parts = shape.optional_list(item, key, where)
    places = [f"{where}.{key}[{position}]" for position in range(len(parts))]
    return [
        shape.required_text(shape.required_object(part, place), "text", place)
        for part, place in zip(parts, places, strict=True)
    ]


def thought(text: str, item_id: str, encrypted: str) -> Thinking | RedactedThinking | None:
    """Return a reasoning item. What shows no words is redacted: empty thinking spoils stored conversations."""
    signature, secret = read_encrypted(item_id, encrypted)
    if text:
        return Thinking(text, signature or None)
    if secret:
        return RedactedThinking(secret)
    return Thinking("", signature) if signature else None


def read_encrypted(item_id: str, encrypted: str) -> tuple[str, str]:
    """Return the signature for thinking with words, and the secret of that without; empty where there is none."""
    if not encrypted:
        return "", ""
    if encrypted.startswith(_SIGNED):
        return encrypted.removeprefix(_SIGNED), ""
    if encrypted.startswith(_REDACTED):
        return "", encrypted.removeprefix(_REDACTED)
    state = seal("openai.responses", f"{item_id}:{encrypted}")
    return state, state


def words_of(item: Json) -> str:
    """Return the words that a provider's reasoning item shows."""
    parts: list[Any] = [*(item.get("content") or ()), *(item.get("summary") or ())]
    return PARAGRAPH.join(text for part in parts if (text := text_of(part.get("text"))))


def unsealed_item(text: str, state: str) -> Json | None:
    """Return the reasoning item that a provider gave, from what a caller kept of it; None where it is another's."""
    kept = unseal("openai.responses", state)
    if kept is None:
        return None
    item_id, _, encrypted = kept.partition(":")
    made: Json = {"type": "reasoning"}
    if item_id:
        made["id"] = item_id
    made["summary"] = [{"type": "summary_text", "text": text}] if text else []
    made["encrypted_content"] = encrypted
    return made
