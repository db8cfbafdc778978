"""Answers given again: to the same request of the same client, or to one that means the same.

Two steps. The first looks at the request before anyone has changed it, since guards may hide in two requests what
tells them apart. The second comes after guards and filters, which so run for every request, and before anyone is asked.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any, Final

from plano_extproc import headers
from plano_extproc.caching import near
from plano_extproc.caching.control import Control, control
from plano_extproc.caching.kept import Kept, decoded, encoded
from plano_extproc.caching.same import key
from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.config.policies import Cache
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.caching.recording import Recording
from plano_extproc.gateway.conversation.owner import owner
from plano_extproc.gateway.local import details
from plano_extproc.gateway.memory.meaning import Meaning
from plano_extproc.gateway.work import Doing, Rank, Step, Work, wait_for
from plano_extproc.stores import SharedStore, StoreError
from plano_extproc.translate.texts import replaced, request_places

_log = logging.getLogger(__name__)

_LISTENERS: Final = ("model",)
"""Agents and prompt targets do things, and are asked every time."""

_ENDPOINTS: Final = (None, "embeddings", "rerank", "moderations")
_ASKED: Final = "request before it was changed"
_TRIES: Final = 5


def asked(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what looks at requests first, None where no answers are kept."""
    if gateway.config.cache is None or listener.type not in _LISTENERS:
        return None

    def look(work: Work) -> Doing[Reply | None]:
        yield from ()
        if work.ask.surface.endpoint in _ENDPOINTS:
            work.notes[_ASKED] = work.request
        return None

    return look


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what gives answers again, None where none are kept."""
    settings = gateway.config.cache
    if settings is None or listener.type not in _LISTENERS:
        return None
    answers = _Answers(gateway, settings)
    configured = _digest(gateway.config)

    def give(work: Work) -> Doing[Reply | None]:
        wanted = control(work.ask.headers.get("cache-control"))
        first = work.notes.get(_ASKED)
        if first is None or not (wanted.reads or wanted.writes):
            return None
        scope = (owner(work.ask, listener), configured, listener.name)
        name = _key(scope, work, first)
        if name is None:
            return None
        alike = _alike(scope, work, first) if answers.meaning is not None else None
        if wanted.reads:
            hit = yield from wait_for(lambda: answers.find(name, alike, wanted))
            if hit is not None:
                work.facts["cache"] = "hit"
                return _again(hit, gateway.ports.now())
        work.headers.append((headers.CACHE, b"miss"))
        work.facts["cache"] = "miss"
        if wanted.writes:
            recording = Recording(work, gateway.ports.now, lambda kept: answers.keep(name, alike, kept))
            work.edit(Rank.CACHING, recording)
        return None

    return give


class _Answers:
    """Kept answers in a store. One that is away is no reason not to answer: it has nothing, and keeps nothing."""

    def __init__(self, gateway: Gateway, settings: Cache) -> None:
        """Open the store; raises `EncoderMissing` where texts are to be compared and cannot be."""
        self._store: SharedStore = gateway.ports.answers(gateway.config)
        self._now: Callable[[], float] = gateway.ports.now
        self._settings = settings
        self.meaning = Meaning() if settings.type == "semantic" else None

    async def find(self, name: str, alike: tuple[str, str] | None, wanted: Control) -> Kept | None:
        """Return the answer to a request, or to one like it."""
        try:
            value = await self._store.get(_answer_key(name))
            if value is None and alike is not None:
                value = await self._nearest(*alike)
                if value is not None:
                    await self._also_for(name, value)
        except StoreError as error:
            _log.warning("cached answers: %s", error)
            return None
        kept = None if value is None else decoded(value)
        return kept if kept is not None and kept.age(self._now()) <= (wanted.most_age or _EVER) else None

    async def keep(self, name: str, alike: tuple[str, str] | None, kept: Kept) -> None:
        """Keep an answer."""
        ttl = self._settings.ttl
        try:
            await self._store.set(_answer_key(name), encoded(kept), ttl)
            if alike is not None and self.meaning is not None:
                rows_key, text = alike
                vector = await self.meaning.vector(text)
                for _ in range(_TRIES):
                    rows = await self._store.get(rows_key)
                    if await self._store.swap(rows_key, rows, near.added(rows, vector, text, name, kept.created), ttl):
                        break
        except StoreError as error:
            _log.warning("cached answers: %s", error)

    async def _also_for(self, name: str, value: bytes) -> None:
        """Keep an answer for one more request for the rest of its time, so that its words are not compared again."""
        left = self._settings.ttl - (self._now() - decoded(value).created)
        if left > 0:
            await self._store.set(_answer_key(name), value, left)

    async def _nearest(self, rows_key: str, text: str) -> bytes | None:
        assert self.meaning is not None
        rows = await self._store.get(rows_key)
        if rows is None:
            return None
        vector = await self.meaning.vector(text)
        since = self._now() - self._settings.ttl
        found = near.nearest(rows, vector, text, self._settings.threshold, since)
        return None if found is None else await self._store.get(_answer_key(found.key))


def _key(scope: tuple[str, ...], work: Work, first: dict[str, Any]) -> str | None:
    """Return the key of a request's answer; what it was before guards and filters counts, and what it is."""
    ask = work.ask
    what = f"{ask.surface.endpoint or ask.surface.api} {ask.surface.is_stream} {ask.query}"
    if work.request is first:
        return key(scope, what, first, ask.headers)
    before = key(scope, what, first, ask.headers)
    return None if before is None else key((*scope, before), what, work.request, ask.headers)


def _alike(scope: tuple[str, ...], work: Work, first: dict[str, Any]) -> tuple[str, str] | None:
    """Return where to look for texts that mean the same, and the text; None where only the same request will do."""
    if work.request is not first or work.ask.surface.endpoint is not None:
        return None
    last = near.split(list(request_places(work.ask.surface.api, first)))
    if last is None or not last.text.strip():
        return None
    ask = work.ask
    what = f"alike {ask.surface.api} {ask.surface.is_stream} {ask.query}"
    rest = key(scope, what, replaced(first, {last.path: ""}), ask.headers)
    return None if rest is None else (f"alike:{rest}", last.text)


def _again(kept: Kept, now: float) -> Reply:
    told = tuple((name, value.encode("latin-1")) for name, value in kept.headers.items())
    age = b"%d" % kept.age(now)
    return Reply(200, (*told, (headers.CACHE, b"hit"), ("age", age)), kept.body, details("cached"))


def _digest(config: Config) -> str:
    """Return what stands for a configuration: another one may give other answers. Secrets are not in it."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:16]


def _answer_key(name: str) -> str:
    return f"answer:{name}"


_EVER: Final = float("inf")
