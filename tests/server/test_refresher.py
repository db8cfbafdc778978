"""The rim that keeps a login fresh: it starts renewals, never waits for them, and slows down while they fail."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plano_extproc.providers.chatgpt import Issuer, Store, Tokens
from plano_extproc.providers.chatgpt.issuer import Ask, Reply, Unreachable
from plano_extproc.providers.chatgpt.send import send
from plano_extproc.server.refresher import LONGEST_PAUSE, Refresher, issuer_of, store_of
from tests.support.chatgpt_issuer import TOKEN, ChatGptIssuer, access_token, id_token

NOW = 1_790_000_000.0


class World:
    """A clock that a test sets, and a way to the issuer that it can cut."""

    def __init__(self) -> None:
        self.now = NOW
        self.is_cut = False
        self.asked = 0
        self.may_go = threading.Event()
        self.may_go.set()
        self.is_asked = threading.Event()

    def clock(self) -> float:
        return self.now

    def send(self, ask: Ask) -> Reply:
        self.asked += 1
        self.is_asked.set()
        self.may_go.wait(30)
        if self.is_cut:
            raise Unreachable("the login server cannot be reached")
        return send(ask)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def issuer() -> Iterator[ChatGptIssuer]:
    with ChatGptIssuer() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    with store.locked():
        store.save(Tokens(access_token(0), "refresh-0", id_token(), "acct-1", NOW + 3600, NOW))
    return store


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def refresher(store: Store, issuer: ChatGptIssuer, world: World) -> Refresher:
    return Refresher(store, Issuer(issuer.url), now=world.clock, send=world.send)


async def test_a_login_is_renewed_when_its_time_has_come(
    store: Store, issuer: ChatGptIssuer, world: World, refresher: Refresher
) -> None:
    for world.now in (NOW, NOW + 3299):
        refresher.tick()
        await refresher.settle()
    assert issuer.asked == []
    world.now = NOW + 3300
    refresher.tick()
    await refresher.settle()
    refresher.tick()
    await refresher.settle()

    held = store.load()
    assert issuer.asked == [TOKEN]
    assert held is not None
    assert (held.access_token, held.refresh_token) == (access_token(1), "refresh-1")


async def test_a_login_that_ended_while_nothing_ran_is_renewed(
    store: Store, world: World, refresher: Refresher
) -> None:
    world.now = NOW + 100_000
    refresher.tick()
    await refresher.settle()

    held = store.load()
    assert held is not None
    assert not held.is_expired(world.now)


async def test_a_tick_does_not_wait_and_starts_one_renewal(
    issuer: ChatGptIssuer, world: World, refresher: Refresher
) -> None:
    world.now = NOW + 3300
    world.may_go.clear()
    for _ in range(3):
        refresher.tick()
        await asyncio.sleep(0)
    assert issuer.asked == []
    world.may_go.set()
    await refresher.settle()

    assert world.asked == 1


async def test_several_workers_renew_once(store: Store, issuer: ChatGptIssuer, world: World, tmp_path: Path) -> None:
    world.now = NOW + 3300
    workers = [Refresher(Store(tmp_path), Issuer(issuer.url), now=world.clock, send=world.send) for _ in range(4)]
    for _ in range(3):
        for worker in workers:
            worker.tick()
        for worker in workers:
            await worker.settle()

    assert issuer.asked == [TOKEN]
    assert issuer.refresh_token == "refresh-1"


async def test_a_failing_renewal_is_tried_again_ever_more_slowly(
    world: World, refresher: Refresher, caplog: pytest.LogCaptureFixture
) -> None:
    world.now, world.is_cut = NOW + 3300, True
    tries = []
    for _ in range(900):
        before = world.asked
        refresher.tick()
        await refresher.settle()
        if world.asked > before:
            tries.append(world.now - NOW - 3300)
        world.now += 1
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    world.is_cut = False
    world.now += LONGEST_PAUSE
    refresher.tick()
    await refresher.settle()

    assert pauses == [5, 10, 20, 40, 80, 160, 300]
    assert "the login server cannot be reached; next try in 5 s" in caplog.text
    assert world.asked == len(tries) + 1


async def test_a_refused_renewal_is_told_once_with_what_to_do(
    issuer: ChatGptIssuer, world: World, refresher: Refresher, caplog: pytest.LogCaptureFixture
) -> None:
    world.now = NOW + 3300
    issuer.refresh_token = "another"
    for _ in range(3):
        refresher.tick()
        await refresher.settle()
        world.now += 1

    assert issuer.asked == [TOKEN]
    assert caplog.text.count("planoai chatgpt login") == 1
    assert "refresh-0" not in caplog.text


async def test_a_cancelled_renewal_still_keeps_its_answer(
    store: Store, issuer: ChatGptIssuer, world: World, refresher: Refresher
) -> None:
    world.now = NOW + 3300
    world.may_go.clear()
    refresher.tick()
    assert await asyncio.to_thread(world.is_asked.wait, 30)
    assert refresher._renewal is not None
    refresher._renewal.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refresher.settle()
    world.may_go.set()
    await asyncio.get_running_loop().shutdown_default_executor()

    held = store.load()
    assert held is not None
    assert held.refresh_token == issuer.refresh_token == "refresh-1"


async def test_without_a_login_or_with_an_unreadable_one_nothing_is_asked(
    store: Store, issuer: ChatGptIssuer, refresher: Refresher
) -> None:
    store.path.write_text("{}")
    refresher.tick()
    store.path.unlink()
    refresher.tick()
    await refresher.settle()

    assert issuer.asked == []


def test_store_and_issuer_are_those_that_the_environment_names(tmp_path: Path) -> None:
    environ = {"PLANO_HOME": str(tmp_path), "PLANO_CHATGPT_ISSUER": "http://127.0.0.1:1"}

    assert store_of(environ).path == tmp_path / "chatgpt" / "auth.json"
    assert store_of({}).path == Path.home() / ".plano" / "chatgpt" / "auth.json"
    assert issuer_of(environ).verification_url == "http://127.0.0.1:1/codex/device"
    assert issuer_of({}).verification_url == "https://auth.openai.com/codex/device"
    with pytest.raises(ValueError, match="no https"):
        issuer_of({"PLANO_CHATGPT_ISSUER": "http://issuer.test"})
