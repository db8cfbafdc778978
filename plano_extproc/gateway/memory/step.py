"""Memory across conversations: what was remembered of a user goes into the request, what is new is remembered.

It comes after guards and filters, so that nothing is remembered that they took out, and reads only what the user says
last: all before it was read when it was last. A store that is away is no reason not to answer.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from plano_extproc.config.listeners import Listener, Memory
from plano_extproc.conversation import memory
from plano_extproc.conversation.extract import extracted
from plano_extproc.conversation.facts import Fact, facts, forgets
from plano_extproc.conversation.memory import Memories
from plano_extproc.conversation.turn import digest
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.conversation.owner import owner
from plano_extproc.gateway.drive import run
from plano_extproc.gateway.memory.meaning import Meaning
from plano_extproc.gateway.outside import Outside
from plano_extproc.gateway.work import Doing, Ending, Step, Work, wait_for
from plano_extproc.guardrails.pii import find
from plano_extproc.stores import StoreError
from plano_extproc.stores.memories import MemoryBook, key
from plano_extproc.translate.texts import request_places

_log = logging.getLogger(__name__)

_SECRETS: Final = ("api_key", "credit_card", "ssn", "iban")
"""What is never remembered, whoever says it."""

_NEAR: Final = 0.3
"""From here on two sentences have to do with each other, by their vectors."""


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what remembers on a listener, None where nothing does."""
    if listener.memory is None:
        return None
    mind = _Mind(gateway, listener, listener.memory)

    def remember(work: Work) -> Doing[Reply | None]:
        found = yield from mind.recalled(work)
        if found:
            work.replace(memory.told(work.ask.surface.api, work.request, found))
        return None

    return remember


def of_agents(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what remembers for agents of their own, once it is known which one answers; None where none does."""
    minds = {agent.id: _Mind(gateway, listener, agent.memory) for agent in listener.agents if agent.memory is not None}
    if not minds:
        return None

    def remember(work: Work) -> Doing[Reply | None]:
        mind = minds.get(work.plans.first.choice.agent or "") if work.plans is not None else None
        if mind is None or work.handed is None:
            return None
        found = yield from mind.recalled(work)
        if found:
            spoken = work.handed.spoken
            made = memory.told("openai.chat", spoken.request, found)
            work.handed = replace(work.handed, spoken=spoken.with_body(orjson.dumps(made)))
        return None

    return remember


class _Mind:
    """What is remembered by one rule."""

    def __init__(self, gateway: Gateway, listener: Listener, settings: Memory) -> None:
        self._gateway = gateway
        self._listener = listener
        self._settings = settings
        self._book = MemoryBook(gateway.ports.memories(gateway.config))
        self._meaning = Meaning() if settings.match == "minilm" else None

    def recalled(self, work: Work) -> Doing[list[memory.Memory]]:
        """Return what a request is to be told, and see to it that what it says is remembered."""
        said = _said(work) if work.ask.surface.endpoint is None else ""
        if not said:
            return []
        whose, user = owner(work.ask, self._listener), digest("user", _user(work.request))
        try:
            known = yield from wait_for(lambda: self._book.read(whose, user))
            found = yield from wait_for(lambda: _recalled(known, said, self._settings, self._meaning))
        except StoreError as error:
            _log.warning("memory: %s", error)
            return []
        client = work.ask.client.id if work.ask.client is not None else ""
        named = Memories(client, _user(work.request))
        kept = _Kept(self._gateway, work, self._book, key(whose, user), named, self._settings, said)
        work.endings.append(kept.end)
        if found:
            work.facts["memories"] = len(found)
        return found


class _Kept:
    """What is remembered once the answer is there."""

    def __init__(
        self,
        gateway: Gateway,
        work: Work,
        book: MemoryBook,
        where: str,
        whose: Memories,
        settings: Memory,
        said: str,
    ) -> None:
        self._gateway = gateway
        self._work = work
        self._book = book
        self._where = where
        self._whose = whose
        self._settings = settings
        self._said = said

    async def end(self, ending: Ending) -> None:
        """Remember what the user said, and forget what they want forgotten; not where the request failed."""
        if not 200 <= ending.status < 300:
            return
        forgotten = forgets(self._said)
        found = [] if forgotten else [fact for fact in await self._facts() if not find(fact.text, _SECRETS)]
        if not (found or forgotten):
            return
        now, new_id = int(self._gateway.ports.now()), self._gateway.ports.new_id
        try:
            await self._book.change(
                self._where,
                self._whose,
                lambda before: memory.remembered(memory.without(before, forgotten), found, now, new_id),
            )
        except StoreError as error:
            _log.warning("memory: %s", error)

    async def _facts(self) -> Sequence[Fact]:
        if self._settings.extract == "rule" or self._settings.extract.startswith("local/"):
            return facts(self._said)
        flow = extracted(self._settings.extract, self._said)
        found: list[Fact] = await run(flow, Outside(self._gateway, self._work.ask))
        return found


async def _recalled(known: Memories, said: str, settings: Memory, meaning: Meaning | None) -> list[memory.Memory]:
    if meaning is None or not known.all or settings.retrieve == 0:
        return memory.recalled(known.all, said, settings.retrieve, memory.by_words)
    rows: Any = await meaning.vectors([said, *(one.text for one in known.all)])
    scores = [float(score) - _NEAR for score in rows[1:] @ rows[0]]
    return memory.recalled(known.all, said, settings.retrieve, lambda _asked, _texts: scores)


def _said(work: Work) -> str:
    """Return what the user says last, empty where somebody else speaks last."""
    places = list(request_places(work.ask.surface.api, work.request))
    last = places[-1] if places else None
    return last.text if last is not None and last.role == "user" and last.kind == "text" else ""


def _user(request: dict[str, Any]) -> str:
    """Return who of a client's users asks, as far as the request says."""
    notes = request.get("metadata")
    named = (
        request.get("safety_identifier"),
        request.get("user"),
        notes.get("user_id") if isinstance(notes, dict) else None,
    )
    return next((name for name in named if isinstance(name, str) and name), "")
