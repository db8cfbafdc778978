"""Which models serve a request: those it asks for by name, or by what it says, and the one that its session stays with.

The order of questions is that of `routing.sessions`: terms, identity, the lane's binding, the router unless the binding
makes it unnecessary, the order of the models, and at last the session's decision between its own model and the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from plano_extproc.config import Config
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.ask import among
from plano_extproc.gateway.routing import intent
from plano_extproc.gateway.routing.lanes import Lanes
from plano_extproc.gateway.routing.preferring import Meant, Preferring
from plano_extproc.gateway.routing.ranking import Ranking
from plano_extproc.gateway.tries.candidates import Candidates
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.headers import CACHE
from plano_extproc.routing import Choice, Directory, fallback, preferences, sessions
from plano_extproc.routing.binding import Binding
from plano_extproc.routing.budget import OVERRIDE
from plano_extproc.routing.identity import AFFINITY, Found, Identity, hashes, identify
from plano_extproc.routing.intent import Decision
from plano_extproc.translate.chat import Usage

_AGAIN: Final = 16
"""Times that a decision is made anew since another turn of its session was faster; then it stands without a record."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who serves, and why. `chain` is None where nobody was found, which only happens to a question about routes.

    `models` are those of the route, best first, as `provider/model`. `reasons` are short ASCII, in the order in which
    things were decided. `key` is where the session's lane is kept, None where there is none.
    """

    chain: fallback.Chain | None
    session: sessions.Decision
    terms: sessions.Terms
    models: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    identity: Identity | None = None
    key: str | None = None
    replayed: str | None = None
    routed: Decision | None = None

    @property
    def reason(self) -> str:
        """All reasons, for a header."""
        return "; ".join(self.reasons)


class Models:
    """Chooses models for the requests of one configuration."""

    def __init__(
        self,
        config: Config,
        directory: Directory,
        candidates: Candidates,
        ranking: Ranking,
        lanes: Lanes,
        *,
        now: Callable[[], float],
    ) -> None:
        """Compile the routers. Raises `EncoderMissing`."""
        self._config = config
        self._directory = directory
        self._candidates = candidates
        self._rates = ranking.rates
        self._lanes = lanes
        self._preferring = Preferring(config, directory, candidates, ranking, now=now)
        tenant = config.routing.session_cache.tenant_header
        self._tenant = tenant.lower() if tenant else None
        self._heard = frozenset({AFFINITY, CACHE, OVERRIDE, *((self._tenant,) if self._tenant else ())})
        has_sessions = {"routing", "prompt_caching"} & config.model_fields_set
        self._is_plain = not (config.routing_preferences or has_sessions)

    @property
    def asks_a_model(self) -> bool:
        """Whether a configured model decides between routes, which costs something."""
        return self._preferring.asks_a_model

    def choose(self, work: Work, now: float, *, is_question: bool = False) -> Doing[Chosen | None]:
        """Return who serves a request; None where the name of its model alone decides.

        A question about routes wants to know what a route or a session says, and takes no other answer. Preferences
        that the request brings along are taken out of it. Raises `InvalidRequest` for those and for headers that cannot
        be meant, `Unavailable` where a session must be had and cannot, and what the directory raises.
        """
        given, left = preferences.taken(work.request)
        if left is not None:
            work.replace(left)
        is_asked = given is None and self._is_plain and not is_question
        if is_asked and self._candidates.is_alone(work.request.get("model")):
            return None
        preferring = self._preferring
        wanted = preferring.usual if given is None else (yield from preferring.own(given))
        has_preferences = bool(wanted.preferences)
        sent = among(work.ask.headers, self._heard)
        terms = sessions.terms(self._config.routing, self._config.prompt_caching, sent, has_preferences=has_preferences)
        asked = self._asked(work, sent, terms)
        if asked.identity is None and not has_preferences and not is_question:
            return None
        meant = Meant()
        for _ in range(_AGAIN):
            found = (yield from self._lanes.find(asked.identity, asked.requested)) if asked.identity else None
            if found is None:
                # No session, or its store is away.
                asked = replace(asked, identity=None)
            key = asked.identity.key if asked.identity else None
            serves = self._serves(work, now)
            replayed = sessions.replay(found.binding, asked, terms, now, serves) if found else None
            if replayed is not None:
                assert found is not None
                assert found.binding is not None, "what is replayed is a binding"
                assert key is not None
                held = found.binding
                meant = preferring.again(work, wanted, held.anchor_model, held.route_name, key, now)
            elif not meant.reasons:
                meant = yield from preferring.meant(work, wanted, key, now, is_question=is_question)
            decided = sessions.decide(
                found.binding if found else None,
                asked,
                self._candidates.called(meant.pool[0]) if meant.pool else None,
                meant.route,
                terms,
                self._rates,
                now,
                serves,
            )
            if found is None or not _is_kept_now(found, decided, terms):
                break
            assert decided.binding is not None
            if (yield from self._lanes.keep(found, decided.binding, terms.ttl)):
                break
        return self._chosen(work, meant, decided, terms, asked.identity, found, replayed, now)

    def called(self, name: str | None) -> str:
        """Return what a requested model is called, whichever of its names was asked for; it is a session's lane."""
        try:
            return self._candidates.called(self._directory.resolve(name))
        except GatewayError:
            return name or ""

    async def settle(self, chosen: Chosen, served: Choice, usage: Usage | None, now: float) -> None:
        """Remember that a session's request was answered well, by whomever; without `usage` estimates count."""
        decided = chosen.session.binding
        assert chosen.key is not None, "only a session has something to remember"
        assert decided is not None, "and a decision to begin with"

        def settled(held: Binding | None) -> Binding:
            name = self._candidates.called(served)
            return sessions.settle(held or decided, name, usage, self._rates, chosen.terms, now)

        await self._lanes.settle(chosen.key, settled, chosen.terms.ttl)

    def _asked(self, work: Work, sent: Mapping[str, bytes], terms: sessions.Terms) -> sessions.Ask:
        """Return a request as its session sees it; without one, nothing is worked out."""
        explicit = sent.get(AFFINITY, b"").decode("latin-1").strip() or None
        if not (explicit or terms.uses_implicit):
            return sessions.Ask(None, "", 0)
        said = intent.said(work)
        tenant = (sent.get(self._tenant, b"").decode("latin-1") or None) if self._tenant else None
        identity = identify(explicit, hashes(said, tenant), tenant, uses_implicit=terms.uses_implicit)
        return sessions.Ask(identity, self.called(work.request.get("model")), said.tokens, said.is_users_turn)

    def _chosen(
        self,
        work: Work,
        meant: Meant,
        decided: sessions.Decision,
        terms: sessions.Terms,
        identity: Identity | None,
        found: Found | None,
        replayed: str | None,
        now: float,
    ) -> Chosen:
        chain = None
        if decided.model is not None:
            pool = meant.pool
            if decided.model != self._candidates.called(pool[0]):
                pool = (*self._candidates.pool(decided.model, identity.key if identity else None, now), *pool)
            asked = None if decided.route else work.request.get("model")
            chain = self._candidates.chain(pool, meant.ranked[1:], asked, work.ask.client, now)
        return Chosen(
            chain,
            decided,
            terms,
            tuple(dict.fromkeys(map(self.called, meant.ranked))),
            meant.reasons + ((f"session: {replayed or decided.reason}",) if identity else ()),
            meant.routed.scores if meant.routed else {},
            identity,
            found.key if found else None,
            replayed,
            meant.routed,
        )

    def _serves(self, work: Work, now: float) -> Callable[[str], bool]:
        """Return what says whether a model can serve this request at the moment."""
        return lambda name: self._candidates.serves(name, work.ask.client, now)


def _is_kept_now(found: Found, decided: sessions.Decision, terms: sessions.Terms) -> bool:
    """Return whether a binding must be in the store before the answer: what is merely older by a turn can wait."""
    new, old = decided.binding, found.binding
    if new is None:
        return False
    if old is None or terms.budget is not None:
        return True
    return (new.anchor_model, new.prefix_hash) != (old.anchor_model, old.prefix_hash)
