"""Limits in the running gateway, on real stores."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from plano_extproc.errors import Unavailable
from plano_extproc.limits import Claim, Estimate, LimitReached, Taken
from plano_extproc.limits.usage import Totals, Who, by, period
from plano_extproc.stores import MemoryStore, Quota, RedisStore, SharedStore, SqliteStore, StoreError
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


async def test_what_is_known_later_is_reserved_beside_what_is_held() -> None:
    """First for anybody, then for a model with a limit of its own and a price."""
    text = (
        CLIENT + LIMIT[:-2] + ", {model: openai/gpt-4o, selector: {key: x-user}, limit: {requests: 1, unit: hour}}]\n"
    )
    one = quota(text, MemoryStore())
    client = one.admission.admit({"x-api-key": b"k"}, "", "egress_traffic")
    held = await one.reserve(client, {}, None, Estimate(40))
    assert held is not None
    assert held.wants is not None
    assert [(want.bucket.kind, want.amount) for want in held.wants.wants] == [
        ("requests", 1),
        ("tokens", 40),
        ("usd", 1),
    ]
    both = await one.reserve(client, {}, served(), Estimate(40), held)
    assert both is not None
    assert both.wants is not None
    assert [(want.bucket.kind, want.amount) for want in both.wants.wants] == [
        ("requests", 1),
        ("tokens", 40),
        ("usd", 100_000),
        ("requests", 1),
    ]
    await one.settle(both, served("anthropic/claude-sonnet-4-5"), Usage())

    again = await one.reserve(client, {}, served(), Estimate(40))
    assert again is not None
    assert dict(again.headers)["x-ratelimit-remaining-usd"] == b"0.0009"


async def test_what_is_held_is_given_back_though_the_store_was_away_for_the_rest() -> None:
    class Away(MemoryStore):
        async def take(self, claims: Sequence[Claim]) -> Taken:
            taken = await super().take(claims)
            if any(claim.amount == 1 and claim.bound == 7 for claim in claims):
                raise StoreError("away")
            return taken

    text = LIMIT[:-2] + ", {model: openai/gpt-4o, selector: {key: x-user}, limit: {requests: 7, unit: hour}}]\n"
    one = quota(text, Away())
    held = await one.reserve(None, {}, None, Estimate(60))
    assert held is not None
    both = await one.reserve(None, {}, served(), Estimate(60), held)
    assert both is not None
    await one.settle(both, served(), Usage(input=10))

    third = await one.reserve(None, {}, None, Estimate(80))
    assert third is not None
    assert dict(third.headers)["x-ratelimit-remaining-tokens"] == b"10"


async def test_a_call_on_behalf_of_a_request_costs_tokens_and_money_and_is_no_request() -> None:
    store = MemoryStore()
    one = quota(CLIENT + LIMIT, store)
    client = one.admission.admit({"x-api-key": b"k"}, "", "egress_traffic")
    for _ in range(4):
        await one.charge(client, {}, served(), Usage(input=20), "router")
    await one.flush()

    held = await one.reserve(client, {}, served(), Estimate(20))
    assert held is not None
    told = dict(held.headers)
    assert (told["x-ratelimit-remaining-requests"], told["x-ratelimit-remaining-tokens"]) == (b"2", b"0")
    assert told["x-ratelimit-remaining-usd"] == b"0.00075"
    found = await store.scan(period(NOW, 3600).prefix)
    assert by(found, "purpose", "a") == {"router": Totals(calls=4, input=80, nanos=200_000)}
