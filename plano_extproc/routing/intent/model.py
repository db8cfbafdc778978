"""Routes chosen by a model, with Plano-Orchestrator's protocol: one user message that holds routes and conversation.

The model is asked for `{"route": ["name", …]}`. Routes come in the order in which they are declared, so that the
provider's prompt cache knows the beginning of every such prompt.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from plano_extproc.flow import Flow, ModelCall, ask
from plano_extproc.routing.intent import answer
from plano_extproc.routing.intent.route import Route
from plano_extproc.routing.turns import Turn

TIMEOUT: Final = 2.0
"""Seconds that a router model may take."""
CONTEXT_TOKENS: Final = 8192

_MOST_TURNS: Final = 16
_BYTES_A_TOKEN: Final = 4
_TEMPERATURE: Final = 0.01

_TEMPLATE: Final = """\
You decide which routes serve a user's request best.

<routes>
%(routes)s
</routes>

<conversation>
%(conversation)s
</conversation>

Instructions:
1. Find what the user wants now: read the latest message in the light of the conversation.
2. Compare it with the description of each route.
3. Answer with the exact names of the routes that serve it, in the order in which they are needed.
4. Answer with an empty list when no route fits, or when the request has already been fulfilled.

Answer with nothing but JSON of this form:
{"route": ["name1", "name2"]}
"""


class NoDecision(Exception):
    """The model was reached and did not decide; the message says in a few words why."""


def choose(
    model: str,
    routes: Sequence[Route],
    turns: Sequence[Turn],
    *,
    timeout: float = TIMEOUT,
    context_tokens: int = CONTEXT_TOKENS,
) -> Flow[tuple[str, ...]]:
    """Ask `model` which routes serve the conversation; end with their names, none where it says that none fits.

    Nothing is asked where there is no route or nothing said. Raises `CalloutFailed` without an answer, and
    `NoDecision` where the answer is an error or nonsense.
    """
    text = prompt(routes, turns, context_tokens)
    if text is None:
        return ()
    body = {"messages": [{"role": "user", "content": text}], "temperature": _TEMPERATURE}
    reply = yield from ask(ModelCall(model, body, "router", timeout))
    if not 200 <= reply.status < 300:
        raise NoDecision(f"status {reply.status}")
    try:
        return answer.names(_content(reply.body), {route.name for route in routes})
    except answer.Nonsense as error:
        raise NoDecision(str(error)) from error


def prompt(routes: Sequence[Route], turns: Sequence[Turn], context_tokens: int = CONTEXT_TOKENS) -> str | None:
    """Return what the model is sent, None where there is nothing to decide.

    Of the conversation, the last sixteen messages of user and assistant are told, as many as fit beside the routes; a
    token counts as four bytes. What does not fit is left out from the beginning; a user's message that is too
    long loses its middle.
    """
    spoken = [turn for turn in turns if turn.role in ("user", "assistant") and turn.text.strip()]
    if not routes or not spoken:
        return None
    lines = "\n".join(json.dumps(_described(route), ensure_ascii=False) for route in routes)
    room = context_tokens * _BYTES_A_TOKEN - len(_TEMPLATE.encode()) - len(lines.encode())
    kept = [{"role": turn.role, "content": turn.text} for turn in _fitting(spoken[-_MOST_TURNS:], room)]
    return _TEMPLATE % {"routes": lines, "conversation": json.dumps(kept, ensure_ascii=False, indent=4)}


def trimmed(text: str, most: int) -> str:
    """Return `text` in at most `most` bytes of UTF-8: its beginning and its end, three parts to two."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    mark = "…".encode()
    if most <= len(mark):
        return encoded[: max(most, 0)].decode(errors="ignore")
    room = most - len(mark)
    head = room * 3 // 5
    tail = encoded[len(encoded) - (room - head) :]
    return encoded[:head].decode(errors="ignore") + "…" + tail.decode(errors="ignore")


def _described(route: Route) -> dict[str, Any]:
    examples = "".join(f'{", " if place else "e.g. "}"{text}"' for place, text in enumerate(route.examples))
    description = ". ".join(filter(None, (route.description, examples)))
    return {
        "name": route.name,
        "description": description,
        "parameters": {"type": "object", "properties": {}, "required": []},
    }


def _fitting(turns: Sequence[Turn], room: int) -> list[Turn]:
    kept: list[Turn] = []
    for turn in reversed(turns):
        size = len(turn.text.encode())
        if size > room:
            if turn.role == "user" and room > 0:
                kept.append(Turn(turn.role, trimmed(turn.text, room)))
            break
        kept.append(turn)
        room -= size
    if not kept:
        # Routes alone fill the context: the model decides about it, and if it refuses, the local router does.
        kept.append(Turn(turns[-1].role, trimmed(turns[-1].text, _LEAST_ROOM)))
    return kept[::-1]


def _content(body: bytes) -> str:
    try:
        said = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise NoDecision("no chat completion") from error
    if isinstance(said, list):
        said = "".join(part.get("text") or "" for part in said if isinstance(part, dict))
    if said is not None and not isinstance(said, str):
        raise NoDecision("no text in its answer")
    return said or ""


_LEAST_ROOM: Final = 2000
