"""Takes out of a request what only another provider can read, where it goes to one of the caller's own dialect.

A client gives back what it was told, whoever told it. Where the last answer came from a provider of another dialect,
that is state of that provider's, or none at all, in the place of this one's; and this one refuses the whole
conversation for it: a signature of thinking that is not its own, reasoning that it did not encrypt. A `Translation`
leaves such things out by itself; this is for requests that go out as they came.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Json
from plano_extproc.translate.sealed import is_sealed


def without_foreign(api: Api, body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a request of a dialect without what only another provider can read, and the names of what it lost.

    A body that holds nothing of the kind, which is nearly every one, is returned as it is, unread.
    """
    found = _FOUND.get(api)
    if found is None or found[0].search(body) is None:
        return body, ()
    try:
        request: Any = orjson.loads(body)
        lost = found[1](request)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        # What has the wrong shape is the provider's to refuse.
        return body, ()
    return (orjson.dumps(request), tuple(dict.fromkeys(lost))) if lost else (body, ())


def _messages(request: Json) -> list[str]:
    lost: list[str] = []
    thoughtless = False
    kept: list[Json] = []
    for turn in request["messages"]:
        content = turn.get("content")
        if turn.get("role") != "assistant" or not isinstance(content, list):
            kept.append(turn)
            continue
        own = [block for block in content if not _is_foreign(block)]
        lost += [f"messages[].content[{block['type']}]" for block in content if _is_foreign(block)]
        if any(block["type"] == "tool_use" for block in own):
            thoughtless = len(own) < len(content) and own[0]["type"] not in _THOUGHTS
        for block in own:
            lost += _uncited(block)
        if own:
            kept.append({**turn, "content": own})
    request["messages"] = kept
    thinking = request.get("thinking")
    if thoughtless and isinstance(thinking, dict) and thinking.get("type") == "enabled":
        # With a thinking budget, a turn that called a tool must begin with its thinking.
        del request["thinking"]
        lost.append("thinking")
    return lost


def _is_foreign(block: Json) -> bool:
    kind = block["type"]
    if kind not in _THOUGHTS:
        return False
    state = block.get("signature" if kind == "thinking" else "data")
    return not state or is_sealed(state)


def _uncited(block: Json) -> list[str]:
    cited = block.get("citations") or []
    own = [one for one in cited if not is_sealed(str(one.get("encrypted_index")))]
    if len(own) == len(cited):
        return []
    if own:
        block["citations"] = own
    else:
        del block["citations"]
    return ["messages[].content[].citations"]


def _responses(request: Json) -> list[str]:
    items = request["input"]
    if not isinstance(items, list):
        return []
    request["input"] = [item for item in items if not _is_foreign_item(item)]
    return ["input[reasoning]"] if len(request["input"]) < len(items) else []


def _is_foreign_item(item: Json) -> bool:
    if item.get("type") != "reasoning":
        return False
    state = item.get("encrypted_content")
    return is_sealed(state) if state else bool(_MADE_ID.fullmatch(str(item.get("id")).encode()))


def _gemini(request: Json) -> list[str]:
    lost: list[str] = []
    for content in request["contents"]:
        for part in content.get("parts") or ():
            signature = part.get("thoughtSignature")
            if not isinstance(signature, str) or not signature.startswith(_SEALED_BASE64):
                continue
            lost.append("contents[].parts[].thoughtSignature")
            if "functionCall" in part:
                part["thoughtSignature"] = UNSIGNED
            else:
                del part["thoughtSignature"]
    return lost


UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google's documentation tells to send in place of a signature for a call that another model made.
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"""

_THOUGHTS: Final = ("thinking", "redacted_thinking")
_MADE_ID: Final = re.compile(rb"rs_[0-9a-f]{24}")
"""An id of reasoning that the gateway made; OpenAI's own are longer. OpenAI looks it up, and finds nothing."""
_SEALED_BASE64: Final = "cGxhbm86"
"""How base64 begins that carries other vendors' thinking through Gemini's clients."""

_FOUND: Final[Mapping[Api, tuple[re.Pattern[bytes], Callable[[Json], list[str]]]]] = {
    "anthropic.messages": (re.compile(rb'"plano:|"signature"\s*:\s*(""|null)'), _messages),
    "openai.responses": (re.compile(rb'"plano:|"' + _MADE_ID.pattern + rb'"'), _responses),
    "gemini.generate": (re.compile(_SEALED_BASE64.encode()), _gemini),
}
"""What a body must hold to be read at all, and what is then done with it."""
