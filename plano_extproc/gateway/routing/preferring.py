"""Who is meant by a request for a model, before its session has a say: a route by its words, or a model by its name."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plano_extproc.config import Config
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.routing import intent
from plano_extproc.gateway.routing.ranking import Ranking
from plano_extproc.gateway.tries.candidates import Candidates
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.routing import Choice, Directory, preferences
from plano_extproc.routing.intent import Decision, Router
from plano_extproc.routing.preferences import Preference


@dataclass(frozen=True, slots=True)
class Wanted:
    """The preferences that count for a request, by name, and their router."""

    preferences: Mapping[str, Preference]
    router: Router


@dataclass(frozen=True, slots=True)
class Meant:
    """Who would serve. `pool` are the entries of the first name, `ranked` are all names; both best first.

    `routed` is what the router said, None where it was not asked.
    """

    pool: tuple[Choice, ...] = ()
    ranked: tuple[str, ...] = ()
    route: str | None = None
    reasons: tuple[str, ...] = ()
    routed: Decision | None = None


class Preferring:
    """Finds who is meant, for one configuration. `usual` are the preferences of the file.

    `asks_a_model` says that a configured model decides between routes.
    """

    def __init__(
        self,
        config: Config,
        directory: Directory,
        candidates: Candidates,
        ranking: Ranking,
        *,
        now: Callable[[], float],
    ) -> None:
        """Compile the routers. Raises `EncoderMissing`."""
        self._directory = directory
        self._candidates = candidates
        self._ranking = ranking
        self._routers = intent.Routers(config, "llm_routing_model", directory.has, now)
        self.asks_a_model = self._routers.asks_a_model
        found = preferences.configured(config.routing_preferences)
        self.usual = Wanted(_by_name(found), self._routers.of((one.name, one.description) for one in found))

    def own(self, given: Any) -> Doing[Wanted]:
        """Return the preferences that a request brings along. Raises `InvalidRequest`."""
        found = preferences.inline(given, self._directory.has)
        return Wanted(_by_name(found), (yield from self._routers.inline(found)))

    def meant(self, work: Work, wanted: Wanted, key: str | None, now: float, *, is_question: bool) -> Doing[Meant]:
        """Ask the router, and where it names no route, take the model that is asked for, unless it is a question.

        `key` decides among the members of a pool, None leaves that to chance. Raises what the directory raises.
        """
        routed = None
        reasons: tuple[str, ...] = ()
        if wanted.preferences:
            routed = yield from self._routers.decide(wanted.router, work)
            reasons = (routed.reason,)
            if routed.name is not None:
                preference = wanted.preferences[routed.name]
                ranked = self._ranking.ranked(preference, is_stream=work.is_stream)
                order = () if preference.prefer == "none" else (ranked.reason,)
                pool = self._candidates.pool(ranked.models[0], key, now)
                return Meant(pool, ranked.models, preference.name, (*reasons, *order), routed)
        if is_question:
            return Meant(reasons=reasons, routed=routed)
        pool = self._candidates.pool(work.request.get("model"), key, now)
        return Meant(pool, (), None, reasons or (pool[0].reason,), routed)

    def again(self, work: Work, wanted: Wanted, anchor: str, route: str | None, key: str, now: float) -> Meant:
        """Return a session's model, and behind it the rest of its route, or of the pool that is asked for."""
        pool = self._candidates.pool(anchor, key, now)
        preference = wanted.preferences.get(route) if route is not None else None
        if preference is not None:
            return Meant(pool, (anchor, *preference.models), route)
        # What is asked for may be no model: then the session's own is all there is.
        with contextlib.suppress(GatewayError):
            pool += self._candidates.pool(work.request.get("model"), key, now)
        return Meant(pool, (anchor,), route)


def _by_name(found: tuple[Preference, ...]) -> Mapping[str, Preference]:
    return {one.name: one for one in found}
