"""Limits in the running gateway, on real stores."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from plano_extproc.errors import Unavailable
from plano_extproc.limits import Claim, Estimate, LimitReached, Taken
from plano_extproc.limits.usage import Totals, Who, by, period
from plano_extproc.stores import MemoryStore, Quota, RedisStore, SharedStore, SqliteStore
from plano_extproc.translate.chat import Usage
from tests.limits.reading import admission_of, served
from tests.support.servers import running_redis

CLIENT = "clients: [{id: a, key: k, budget: {usd: 0.001, per: month}}]\n"
LIMIT = "ratelimits: [{model: '*', selector: {key: x-user}, limit: {requests: 3, tokens: 100, unit: hour}}]\n"
NOW = 1_800_000_000.0


def quota(text: str, store: SharedStore, on_error: str | None = None) -> Quota:
    return Quota(admission_of(text), store, on_error=on_error, now=lambda: NOW)


async def test_requests_are_granted_until_the_limit_is_reached() -> None:
    one = quota(LIMIT, MemoryStore())
    left = []
    for _ in range(3):
        reservation = await one.reserve(None, {}, served(), Estimate(5))
        assert reservation is not None
        left.append(dict(reservation.headers)["x-ratelimit-remaining-requests"])

    assert left == [b"2", b"1", b"0"]
    with pytest.raises(LimitReached, match="3 requests per hour"):
        await one.reserve(None, {}, served(), Estimate(5))
    assert await one.reserve(None, {"x-user": b"other"}, served(), Estimate(5)) is not None


async def test_what_is_settled_counts_for_the_next_request() -> None:
    one = quota(LIMIT, MemoryStore())
    reservation = await one.reserve(None, {}, served(), Estimate(90))
    assert reservation is not None
    await one.settle(reservation, served(), Usage(input=20))
    second = await one.reserve(None, {}, served(), Estimate(70))
    assert second is not None
    assert dict(second.headers)["x-ratelimit-remaining-tokens"] == b"10"
    await one.settle(second, served(), Usage(input=70, output=500))

    with pytest.raises(LimitReached, match="100 tokens per hour"):
        await one.reserve(None, {}, served(), Estimate(1))


async def test_workers_that_share_a_file_share_a_budget(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "s.sqlite") for _ in range(2)]
    first, second = (quota(CLIENT, store) for store in stores)
    client = first.admission.admit({"x-api-key": b"k"}, "", "egress_traffic")
    reservation = await first.reserve(client, {}, served(), Estimate(10))
    assert reservation is not None
    await first.settle(reservation, served(), Usage(input=400))

    with pytest.raises(LimitReached, match=r"the budget of 0\.001 USD per month of client 'a' is spent"):
        await second.reserve(client, {}, served(), Estimate(10))
    for store in stores:
        await store.close()


async def test_nothing_configured_asks_no_store() -> None:
    class Untouched(MemoryStore):
        async def take(self, claims: Sequence[Claim]) -> Taken:
            raise AssertionError("nothing is limited")

    assert await quota("", Untouched()).reserve(None, {}, served(), Estimate(1)) is None


@pytest.mark.parametrize(
    ("text", "on_error", "passes"),
    [(LIMIT, None, True), (CLIENT, None, False), (LIMIT, "closed", False), (CLIENT, "open", True)],
)
async def test_a_store_that_is_away_means_what_the_file_says(text: str, on_error: str | None, passes: bool) -> None:
    store = RedisStore("redis://127.0.0.1:1/0", pause=0.0)
    one = quota(text, store, on_error)
    client = one.admission.admit({"x-api-key": b"k"}, "", "egress_traffic") if text == CLIENT else None

    if passes:
        reservation = await one.reserve(client, {}, served(), Estimate(1))
        assert reservation is not None
        assert reservation.headers == ()
    else:
        with pytest.raises(Unavailable, match="limits cannot be checked at the moment"):
            await one.reserve(client, {}, served(), Estimate(1))
    assert one.failures == 1
    await store.close()


async def test_what_was_used_while_the_store_was_away_is_counted_when_it_is_back() -> None:
    with running_redis() as server:
        store = RedisStore(server.url, pause=0.0)
        one = quota(LIMIT, store)
        server.stop()
        reservation = await one.reserve(None, {}, served(), Estimate(10))
        assert reservation is not None
        await one.settle(reservation, served(), Usage(input=60, output=30))
        one.record(Who("a", "openai/gpt-4o"), served(), Usage(input=60, output=30))
        await one.flush()
        assert one.failures == 4
        server.start()
        await one.flush()

        with pytest.raises(LimitReached, match="100 tokens per hour"):
            await one.reserve(None, {}, served(), Estimate(11))
        found = await store.scan(period(NOW, 3600).prefix)
        assert by(found, "client")["a"] == Totals(requests=1, input=60, output=30, nanos=450_000)
        await store.close()


async def test_reservations_at_once_never_exceed_a_limit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.sqlite")
    one = quota("ratelimits: [{model: '*', selector: {key: u}, limit: {tokens: 1000, unit: hour}}]\n", store)

    asked = (one.reserve(None, {}, served(), Estimate(30)) for _ in range(100))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(error, LimitReached) for error in refused)
    assert len(answers) - len(refused) == 33
    await store.close()
