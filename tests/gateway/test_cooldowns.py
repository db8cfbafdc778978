"""Workers share what they know of failing providers."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from plano_extproc.gateway.tries.cooldowns import share
from plano_extproc.routing.cooldown import Board, Rule
from plano_extproc.stores import MemoryStore, SharedStore, SqliteStore, StoreError

RULE = Rule(after=2, seconds=30)
NOW = 1_700_000_000.0


class AwayStore(MemoryStore):
    """A store that does not answer."""

    async def scan(self, prefix: str, *, first: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        raise StoreError(f"away: {prefix}{first}{limit}")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SharedStore]:
    return MemoryStore if request.param == "memory" else lambda: SqliteStore(tmp_path / "shared.sqlite")


def shared(store: SharedStore, *boards: Board, now: float = NOW) -> None:
    """Let workers share, one after the other."""

    async def run() -> None:
        for board in boards:
            await share(board, store, now)

    asyncio.run(run())


def test_what_one_worker_has_seen_another_knows(store: Callable[[], SharedStore]) -> None:
    one, other, held = Board(RULE), Board(RULE), store()
    one.failed("a", NOW)
    one.failed("a", NOW)
    shared(held, one, other)

    assert other.cooling(NOW + 29) == {"a"}
    assert other.cooling(NOW + 31) == frozenset()


def test_an_answer_clears_it_for_all(store: Callable[[], SharedStore]) -> None:
    one, other, held = Board(RULE), Board(RULE), store()
    one.failed("a", NOW)
    one.failed("a", NOW)
    shared(held, one, other)
    other.answered("a", NOW)
    shared(held, other, one)

    assert one.cooling(NOW + 1) == frozenset()


def test_failures_that_two_workers_see_add_to_what_is_known(store: Callable[[], SharedStore]) -> None:
    one, other, held = Board(RULE), Board(RULE), store()
    one.failed("a", NOW)
    shared(held, one, other)
    other.failed("a", NOW)

    assert other.cooling(NOW + 1) == {"a"}


def test_what_is_new_is_not_lost_to_what_the_store_holds(store: Callable[[], SharedStore]) -> None:
    one, other, held = Board(RULE), Board(RULE), store()
    other.failed("b", NOW, retry_after=60)
    shared(held, other)
    one.failed("a", NOW, retry_after=5)
    one.failed("b", NOW, retry_after=5)
    shared(held, one, other)

    assert one.cooling(NOW + 4) == other.cooling(NOW + 4) == {"a", "b"}
    assert one.cooling(NOW + 50) == {"b"}


def test_news_are_told_later_where_the_store_is_away() -> None:
    one, other, held = Board(RULE), Board(RULE), MemoryStore()
    one.failed("a", NOW, retry_after=5)
    shared(AwayStore(), one)
    assert one.cooling(NOW + 1) == {"a"}

    shared(held, one, other)

    assert other.cooling(NOW + 1) == {"a"}
