"""Which route a conversation takes, whatever happens: the router model, else the local router, else none.

A decision never fails a request. Its reason says what happened, such as `router timed out; lexical 'weather' 0.83`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from plano_extproc.flow import CalloutFailed, Flow
from plano_extproc.routing.intent import lexical, minilm
from plano_extproc.routing.intent import model as orchestrator
from plano_extproc.routing.intent.clauses import match_many
from plano_extproc.routing.intent.remember import Remembering
from plano_extproc.routing.intent.route import Match, Matcher, Route, distinct, plain
from plano_extproc.routing.turns import Turn

LOCAL: Final[Mapping[str, Callable[[Iterable[Route]], Matcher]]] = {
    "local/lexical": lexical.compile,
    "local/minilm": minilm.compile,
}


@dataclass(frozen=True, slots=True)
class Router:
    """Routes, compiled, and who decides: `model` if there is one, else `local`. Made once for a configuration."""

    routes: tuple[Route, ...]
    local: Matcher
    model: str | None = None
    timeout: float = orchestrator.TIMEOUT
    context_tokens: int = orchestrator.CONTEXT_TOKENS


@dataclass(frozen=True, slots=True)
class Decision:
    """The names of the routes, best or first one first; none where no route fits.

    `reason` is short ASCII for `x-plano-route-reason`. `router` is what decided: a local matcher's kind, or "model".
    `failure` says why a router model did not decide, None where it did or was not asked. `scores` are the nearest
    routes of a local decision.
    """

    names: tuple[str, ...]
    reason: str
    router: str
    failure: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """The first route, None where there is none."""
        return self.names[0] if self.names else None


def choose(
    kind: str | None,
    routes: Iterable[Route],
    *,
    timeout: float = orchestrator.TIMEOUT,
    context_tokens: int = orchestrator.CONTEXT_TOKENS,
) -> Router:
    """Return the router for `local/lexical` (also None), `local/minilm`, or the name of a configured model.

    Raises `EncoderMissing` where local/minilm is asked for and not installed.
    """
    listed = distinct(routes)
    if kind is None or kind in LOCAL:
        return Router(listed, Remembering(LOCAL[kind or "local/lexical"](listed)), None, timeout, context_tokens)
    return Router(listed, Remembering(lexical.compile(listed)), kind, timeout, context_tokens)


def decide(router: Router, turns: Sequence[Turn], *, many: bool = False, rests: bool = False) -> Flow[Decision]:
    """Decide which route the conversation takes, or with `many` which ones and in which order.

    A router model that `rests`, since it has failed too often, is not asked.
    """
    if not router.routes:
        return Decision((), "no routes", "none")
    if router.model is None:
        return local(router, turns, many=many)
    if rests:
        return _instead(router, turns, RESTS, many=many)
    try:
        names = yield from orchestrator.choose(
            router.model, router.routes, turns, timeout=router.timeout, context_tokens=router.context_tokens
        )
    except CalloutFailed as failed:
        failure = _FAILURES.get(failed.reason, f"router failed: {failed.reason}")
    except orchestrator.NoDecision as nonsense:
        failure = f"router failed: {nonsense}"
    else:
        chosen = names if many else names[:1]
        said = ", ".join(f"'{plain(name)}'" for name in chosen)
        reason = f"router {plain(router.model)} {said}" if chosen else "no route matched; router says none"
        return Decision(chosen, reason[:_LONGEST_REASON], "model")
    return _instead(router, turns, failure, many=many)


def _instead(router: Router, turns: Sequence[Turn], failure: str, *, many: bool) -> Decision:
    instead = local(router, turns, many=many)
    reason = plain(f"{failure}; {instead.reason}", _LONGEST_REASON)
    return Decision(instead.names, reason, instead.router, failure, instead.scores)


def local(router: Router, turns: Sequence[Turn], *, many: bool = False) -> Decision:
    """Decide without asking anybody."""
    kind = router.local.kind
    said = [turn.text for turn in turns if turn.role == "user" and turn.text.strip()]
    if not said:
        return Decision((), f"no route matched; {kind}: no text of a user", kind)
    matches = match_many(router.local, said[-1]) if many else (router.local.match(said[-1]),)
    if matches[0].route is None:
        matches = (_with_earlier(router.local, said, matches[0]),)
    found = [match for match in matches if match.route is not None]
    names = tuple(match.route.name for match in found if match.route)
    reason = "; ".join(match.reason for match in matches)
    scores: dict[str, float] = {}
    for match in matches:
        for name, score in match.scores.items():
            scores[name] = max(score, scores.get(name, 0.0))
    return Decision(names, reason[:_LONGEST_REASON], kind, None, scores)


def _with_earlier(matcher: Matcher, said: Sequence[str], last: Match) -> Match:
    """Match what the user said `last`, which alone means nothing, with what came before, where it is short."""
    for back in range(1, min(len(said), _FARTHEST + 1)):
        if len(said[-back].split()) > _SHORT:
            break
        joined = matcher.match(f"{said[-back - 1]} {said[-1]}")
        if joined.route is not None:
            which = "the turn before" if back == 1 else "an earlier turn"
            return Match(joined.route, joined.score, joined.scores, f"{joined.reason} with {which}")
    return last


_SHORT: Final = 6
"""A message of so few words may go on from the one before, as in "and for tomorrow?"."""
_FARTHEST: Final = 6
"""Turns that are looked back over, as long as each of them is short: answers to an agent's questions mostly are."""
_LONGEST_REASON: Final = 200
RESTS: Final = "router rests after failures"
_FAILURES: Final = {"timeout": "router timed out", "unreachable": "router unreachable", "reset": "router hung up"}
