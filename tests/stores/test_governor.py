"""Governance on real stores: what one worker does, another sees, also after a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plano_extproc.governance import (
    AgentPhase,
    AgentRevoked,
    AgentSuspended,
    Entry,
    LedgerUnavailable,
    Rulebook,
    StandingUnknown,
)
from plano_extproc.governance.standing import EVERY_TENANT
from plano_extproc.limits import Estimate, LimitReached
from plano_extproc.stores import MemoryStore, RedisStore, SharedStore, SqliteStore, StoreError
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from plano_extproc.stores.governor import Governor
from plano_extproc.stores.ledger import SqliteLedger
from plano_extproc.stores.ledger_writer import LedgerWriter
from plano_extproc.translate.chat import Usage
from tests.limits.reading import config_of, served
from tests.support.servers import RedisServer, running_redis

NOW = 1_800_000_000.0


@dataclass
class Time:
    now: float = NOW


@pytest.fixture(params=["sqlite", "redis"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], SharedStore]]:
    """Opens the same store once more, as another worker would."""
    made: list[SharedStore] = []
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        flushing = RedisStore(server.url)
        await flushing._redis.flushall()
        await flushing.close()

    def opened() -> SharedStore:
        if request.param == "redis":
            made.append(RedisStore(request.getfixturevalue("redis_server").url))
        else:
            made.append(SqliteStore(tmp_path / "shared.sqlite"))
        return made[-1]

    yield opened
    for one in made:
        await one.close()


async def test_a_revocation_is_seen_by_every_worker_and_after_a_restart(stores: Callable[[], SharedStore]) -> None:
    first, second = Board(stores()), Board(stores())
    await second.look()
    assert second.refusal("planner", "") is None

    await first.change(lambda standing: standing.with_revoked("planner", EVERY_TENANT, NOW))
    assert isinstance(first.refusal("planner", ""), AgentRevoked)
    await second.look()
    assert isinstance(second.refusal("planner", "blue"), AgentRevoked)

    restarted = Board(stores())
    await restarted.look()
    assert isinstance(restarted.refusal("planner", ""), AgentRevoked)


async def test_workers_that_change_the_standing_at_once_lose_nothing(stores: Callable[[], SharedStore]) -> None:
    boards = [Board(stores()) for _ in range(3)]

    async def revoke(board: Board, name: str) -> None:
        await board.change(lambda standing: standing.with_revoked(name, "", NOW))

    await asyncio.gather(*(revoke(boards[at % 3], f"agent-{at}") for at in range(9)))
    last = Board(stores())
    await last.look()
    assert {agent for _, agent in last.standing.revoked} == {f"agent-{at}" for at in range(9)}


async def test_those_who_wait_for_a_revocation_are_told(stores: Callable[[], SharedStore]) -> None:
    first, second = Board(stores()), Board(stores())
    await second.look()
    waiting, other = second.watch(("planner", "blue")), second.watch(("planner", "red"))
    await first.change(lambda standing: standing.with_revoked("planner", "blue", NOW))
    await second.look()

    assert waiting.is_set()
    assert not other.is_set()
    second.unwatch(waiting)
    second.unwatch(waiting)


async def test_a_store_that_is_away_closes_or_leaves_what_was_known() -> None:
    clock = Time()
    with running_redis() as server:
        closed, left = (
            Board(RedisStore(server.url, pause=0), is_open=is_open, clock=lambda: clock.now)
            for is_open in (False, True)
        )
        assert isinstance(closed.refusal("a", ""), StandingUnknown), "nothing was read yet"
        for board in (closed, left):
            await board.change(lambda standing: standing.with_revoked("b", "", NOW))
        server.stop()
        for board in (closed, left):
            await board.look()
        assert closed.refusal("a", "") is None, "a moment ago it was known"
        clock.now += 1

        assert isinstance(closed.refusal("a", ""), StandingUnknown)
        assert left.refusal("a", "") is None
        assert isinstance(left.refusal("b", ""), AgentRevoked), "what was known last holds"
        assert closed.failures == left.failures == 1
        for board in (closed, left):
            with pytest.raises(StoreError):
                await board.change(lambda standing: standing.with_revoked("c", "", NOW))
        server.start()
        await closed.look()
        assert closed.refusal("a", "") is None
        for board in (closed, left):
            await board.store.close()


async def test_a_look_that_does_not_come_back_counts_for_two_seconds() -> None:
    clock = Time()
    board = Board(MemoryStore(), clock=lambda: clock.now)
    await board.look()

    clock.now += 1.9
    assert board.refusal("a", "") is None
    clock.now += 0.2
    assert isinstance(board.refusal("a", ""), StandingUnknown)


async def test_a_standing_that_cannot_be_read_is_no_empty_one() -> None:
    store = MemoryStore()
    await store.set("plano:governance:standing", b"nonsense")
    board = Board(store)
    await board.look()

    assert isinstance(board.refusal("a", ""), StandingUnknown)
    with pytest.raises(StoreError, match="cannot be read"):
        await board.change(lambda standing: standing)


async def test_locks_have_one_owner_until_they_expire(stores: Callable[[], SharedStore]) -> None:
    time = Time()
    one, two = (AgentStates(stores(), now=lambda: time.now) for _ in range(2))

    held = await one.acquire("", "planner", "worker-1", 60)
    assert held is not None
    assert held.until == NOW + 60
    assert await two.acquire("", "planner", "worker-2", 60) is None
    assert await two.acquire("blue", "planner", "worker-2", 60) is not None, "tenants have locks of their own"
    time.now += 30
    longer = await one.acquire("", "planner", "worker-1", 60)
    assert longer is not None
    assert (longer.at, longer.until) == (NOW, NOW + 90)
    assert not await two.release("", "planner", "worker-2")
    assert set(await two.locks()) == {("", "planner"), ("blue", "planner")}
    time.now += 61
    assert await two.lock("", "planner") is None
    assert await two.acquire("", "planner", "worker-2", 60) is not None
    assert await two.release("", "planner", "worker-2")
    assert await one.lock("", "planner") is None


async def test_of_many_that_want_a_lock_one_gets_it(stores: Callable[[], SharedStore]) -> None:
    states = [AgentStates(stores()) for _ in range(4)]
    got = await asyncio.gather(*(states[at % 4].acquire("", "x", f"owner-{at}", 60) for at in range(12)))

    assert sum(lock is not None for lock in got) == 1


async def test_a_sign_of_life_keeps_what_the_agent_said(stores: Callable[[], SharedStore]) -> None:
    time = Time()
    states = AgentStates(stores(), now=lambda: time.now)
    await states.enter("blue", "a:b", AgentPhase.PLAN, "thinks")
    time.now += 5
    await states.beat("blue", "a:b")
    await states.beat("", "a:b")

    found = await AgentStates(stores()).states()
    assert found["blue", "a:b"].phase == "plan"
    assert (found["blue", "a:b"].heartbeat, found["blue", "a:b"].since) == (NOW + 5, NOW)
    assert found["", "a:b"].phase == ""


RULES = """\
clients: [{id: c, key: k}]
governance:
  on_store_error: ERROR
  ledger: {mode: MODE}
  agents:
    - {id: a, client: c, error_budget: {errors: 3, per: 10m}, limits: [{calls: 3, per: 1m}, {usd: 0.001, per: 1h}]}
"""


@dataclass
class Stand:
    """A worker's governor, and what it counted."""

    governor: Governor
    writer: LedgerWriter
    counted: list[Entry] = field(default_factory=list)


def stand(
    store: SharedStore, folder: Path, *, mode: str = "batched", error: str = "closed", time: Time | None = None
) -> Stand:
    book = Rulebook.of(config_of(RULES.replace("MODE", mode).replace("ERROR", error)))
    clock = time or Time()
    writer = LedgerWriter(lambda: SqliteLedger(folder / "ledger.sqlite", "n1"))
    counted: list[Entry] = []
    board = Board(store, now=lambda: clock.now, is_open=error == "open")
    return Stand(Governor(book, board, writer, count=counted.append, now=lambda: clock.now), writer, counted)


def entry() -> Entry:
    return Entry(at=1, tenant="", agent="a", tier=0, client="c", action="serve", decision="EXECUTE")


async def test_errors_of_all_workers_together_suspend_an_agent(
    stores: Callable[[], SharedStore], tmp_path: Path
) -> None:
    time = Time()
    one, two = (stand(stores(), tmp_path, time=time) for _ in range(2))
    rules = one.governor.book.agents["a"]
    for worker in (one, two, one):
        await worker.governor.board.look()
        assert worker.governor.refusal(rules, "") is None
        await worker.governor.erred(rules, "", "server_error")
    await two.governor.board.look()

    assert isinstance(one.governor.refusal(rules, ""), AgentSuspended)
    assert isinstance(two.governor.refusal(rules, ""), AgentSuspended)
    assert two.governor.refusal(rules, "blue") is None, "another tenant's errors do not count"
    assert await two.governor.states.errors("", "a", rules.error_budget) == 3  # type: ignore[arg-type]
    time.now += 631
    assert two.governor.refusal(rules, "") is None
    for worker in (one, two):
        worker.writer.close()


async def test_limits_are_shared_by_workers_and_not_by_tenants(
    stores: Callable[[], SharedStore], tmp_path: Path
) -> None:
    one, two = (stand(stores(), tmp_path) for _ in range(2))
    rules = one.governor.book.agents["a"]
    for worker in (one, two, one):
        assert await worker.governor.reserve(rules, "", served(), Estimate(5)) is not None

    with pytest.raises(LimitReached, match="the limit of 3 calls per 60 s of agent 'a'"):
        await two.governor.reserve(rules, "", served(), Estimate(5))
    assert await two.governor.reserve(rules, "blue", served(), Estimate(5)) is not None
    for worker in (one, two):
        worker.writer.close()


async def test_money_that_was_spent_counts(stores: Callable[[], SharedStore], tmp_path: Path) -> None:
    worker = stand(stores(), tmp_path)
    rules = worker.governor.book.agents["a"]
    reservation = await worker.governor.reserve(rules, "", served(), Estimate(5))
    assert reservation is not None
    usage = Usage(input=1000, output=1000)
    cost = worker.governor.cost(served(), usage)
    assert cost is not None
    await worker.governor.settle(reservation, usage, cost)

    with pytest.raises(LimitReached, match=r"0\.001 USD"):
        await worker.governor.reserve(rules, "", served(), Estimate(5))
    worker.writer.close()


async def test_a_strict_row_is_there_when_record_returns(tmp_path: Path) -> None:
    worker = stand(MemoryStore(), tmp_path, mode="strict")
    await worker.governor.record(entry())

    ledger = SqliteLedger(tmp_path / "ledger.sqlite", "n1")
    assert ledger.verify().heads["n1"].number == 1
    assert worker.counted == [entry()]
    ledger.close()
    worker.writer.close()


@pytest.mark.parametrize("error", ["closed", "open"])
async def test_a_ledger_that_is_away_means_what_the_file_says(tmp_path: Path, error: str) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    worker = stand(MemoryStore(), tmp_path, mode="strict", error=error)
    await worker.governor.board.look()
    rules = worker.governor.book.agents["a"]
    if error == "closed":
        with pytest.raises(LedgerUnavailable):
            await worker.governor.record(entry())
        assert isinstance(worker.governor.refusal(rules, ""), LedgerUnavailable)
    else:
        await worker.governor.record(entry())
        assert worker.governor.refusal(rules, "") is None

    assert worker.governor.failures == 1
    worker.writer.close()


@pytest.mark.parametrize("error", ["closed", "open"])
async def test_a_store_that_is_away_means_what_the_file_says(tmp_path: Path, error: str) -> None:
    worker = stand(RedisStore("redis://127.0.0.1:1/0"), tmp_path, error=error)
    rules = worker.governor.book.agents["a"]
    await worker.governor.erred(rules, "", "timeout")
    await worker.governor.beat(rules, "")
    if error == "closed":
        with pytest.raises(StandingUnknown):
            await worker.governor.reserve(rules, "", served(), Estimate(5))
    else:
        assert await worker.governor.reserve(rules, "", served(), Estimate(5)) is None

    assert worker.governor.failures == 3
    worker.writer.close()
