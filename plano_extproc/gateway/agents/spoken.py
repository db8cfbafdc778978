"""A request in chat completions, for services that speak nothing else, and the way back of what they answer."""

from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.surface import Surface
from plano_extproc.translate import Profile, Translation


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is sent in the place of a client's own request: `body`, which is `request` in JSON.

    `ask` is as if the client had asked so. `translation` puts the answer into the client's words, None where these are
    chat's own. `dropped` names fields of the client's that chat has no word for.
    """

    ask: Ask
    request: dict[str, Any]
    body: bytes
    translation: Translation | None = None
    dropped: tuple[str, ...] = ()

    def with_body(self, body: bytes) -> "Spoken":
        """Return the same for another request; the client's own bytes stay where it says the same."""
        request = orjson.loads(body)
        return self if request == self.request else replace(self, request=request, body=body)


def in_chat(ask: Ask, request: dict[str, Any], body: bytes, now: float) -> Spoken:
    """Return a client's request in chat; `body` is `request` in JSON, `now` counts seconds since 1970.

    Raises `InvalidRequest` that names the field of a wrong shape.
    """
    if ask.surface.api == "openai.chat":
        return Spoken(ask, request, body)
    translation = Translation(
        ask.surface.api,
        "openai.chat",
        _PROFILE,
        created=int(now),
        answer_id=ask.headers.get("x-request-id", b"").decode("latin-1"),
        is_stream=ask.surface.is_stream,
        framing=ask.framing,
    )
    made = translation.request(request, request.get("model") or "")
    asked = replace(ask, surface=_CHAT, query="")
    return Spoken(asked, orjson.loads(made.body), made.body, translation, made.dropped)


_CHAT: Final = Surface("openai.chat")
_PROFILE: Final = Profile(max_tokens_field="max_tokens")
"""What a server of one's own knows: the older name of the limit, which most still read."""
