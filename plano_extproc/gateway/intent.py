"""Who is meant by what a request says: a route for a model, or an agent, chosen by the words of its last turns."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from plano_extproc.apis import Api
from plano_extproc.config.listeners import ListenerAgent
from plano_extproc.config.routing import RoutingPreference
from plano_extproc.routing.intent import lexical
from plano_extproc.routing.intent.route import Match, Route
from plano_extproc.translate import Losses, codec
from plano_extproc.translate.chat import Message, Text

_SHORT = 24
"""Characters. What is shorter, such as "and tomorrow?", says little without the turn before it."""

_LONGEST = 4000
"""Characters of a turn that are looked at, half at its beginning and half at its end."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Whom a request is for. `name` is None where nobody was meant; `reason` is short ASCII for a header."""

    name: str | None
    reason: str


class Chooser:
    """Chooses among a few described names. Made once for a configuration."""

    def __init__(self, described: Iterable[tuple[str, str]]) -> None:
        self._matcher = lexical.compile(Route.described(name, description) for name, description in described)

    def choose(self, api: Api, request: dict[str, Any]) -> Intent:
        """Return who is meant by a request of a dialect."""
        text = asked(api, request)
        if not text:
            return Intent(None, "no text to route by")
        found: Match = self._matcher.match(text)
        return Intent(found.route.name if found.route else None, found.reason)


def preferences(routes: tuple[RoutingPreference, ...]) -> Chooser | None:
    """Return what chooses among routes for models; None where there are none."""
    return Chooser((route.name, route.description) for route in routes) if routes else None


def agents(uses: tuple[ListenerAgent, ...]) -> Chooser | None:
    """Return what chooses among the agents of a listener; None where there is nothing to choose."""
    return Chooser((use.id, use.description) for use in uses) if len(uses) > 1 else None


def asked(api: Api, request: dict[str, Any]) -> str:
    """Return what the user asks for at last, with the turn before it where that alone says little."""
    turns = [text for message in codec(api).decode_request(request, Losses({})).messages if (text := _said(message))]
    if not turns:
        return ""
    last = turns[-1] if len(turns[-1]) >= _SHORT or len(turns) == 1 else f"{turns[-2]}\n{turns[-1]}"
    return last if len(last) <= _LONGEST else f"{last[: _LONGEST // 2]} {last[-_LONGEST // 2 :]}"


def _said(message: Message) -> str:
    if message.role != "user":
        return ""
    return "\n".join(part.text for part in message.blocks if isinstance(part, Text)).strip()
