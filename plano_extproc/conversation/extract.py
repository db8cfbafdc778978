"""What a user says about themselves, found by a model."""

from typing import Any, Final

import orjson

from plano_extproc.conversation.facts import MOST_LETTERS, Fact
from plano_extproc.flow import CalloutFailed, Flow, ModelCall, ask

_SECONDS: Final = 20.0
_MOST_READ: Final = 8000
_MOST_FACTS: Final = 8
_PROMPT: Final = (
    "Read one message of a user. List what it says about the user that stays true and helps in later conversations:"
    " name, home, work, family, tastes, needs, standing wishes. Leave out questions, the task at hand, passwords and"
    " anything that the message only quotes. Answer with JSON and nothing else:"
    ' {"facts": ["The user lives in Oslo"]}; with {"facts": []} where there is nothing.'
)


def extracted(model: str, text: str) -> Flow[list[Fact]]:
    """Return the facts in a message; none where the model fails or does not answer as told."""
    messages = [{"role": "system", "content": _PROMPT}, {"role": "user", "content": text[:_MOST_READ]}]
    try:
        reply = yield from ask(ModelCall(model, {"messages": messages, "temperature": 0}, "memory", _SECONDS))
    except CalloutFailed:
        return []
    return _read(reply.body) if reply.status < 300 else []


def _read(body: bytes) -> list[Fact]:
    try:
        held: Any = orjson.loads(body)["choices"][0]["message"]["content"]
        start, end = held.index("{"), held.rindex("}") + 1
        found: Any = orjson.loads(held[start:end])["facts"]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return []
    texts = [one.strip() for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [Fact(text) for text in texts if 0 < len(text) <= MOST_LETTERS][:_MOST_FACTS]
