"""What every store can do, asked of every store."""

import asyncio
import uuid

import pytest

from plano_extproc.limits.claims import Charge, Claim, Sum
from plano_extproc.stores import SharedStore, StoreError


@pytest.fixture
def name() -> str:
    """A beginning of keys that no other test has: Redis is shared."""
    return f"test:{uuid.uuid4().hex}:"


async def gone(store: SharedStore, key: str) -> bool:
    for _ in range(3000):
        if await store.get(key) is None:
            return True
        await asyncio.sleep(0.01)
    return False


LONG = 2.0
"""Seconds that outlast a step between two: a disk that is busy may take half of one to write."""


async def test_a_value_is_kept_replaced_and_forgotten(store: SharedStore, name: str) -> None:
    assert await store.get(name) is None
    await store.set(name, b"\x00\xff one")
    assert await store.get(name) == b"\x00\xff one"
    await store.set(name, b"")
    assert await store.get(name) == b""
    assert await store.delete(name)
    assert not await store.delete(name)
    assert await store.get(name) is None


async def test_a_value_ends_with_its_time(store: SharedStore, name: str) -> None:
    await store.set(name, b"short", 0.02)

    assert await gone(store, name)
    assert not await store.delete(name)
    assert await store.swap(name, None, b"new")


async def test_a_value_without_a_time_replaces_one_that_had_it(store: SharedStore, name: str) -> None:
    await store.set(name, b"short", 0.02)
    await store.set(name, b"long")
    await asyncio.sleep(0.05)

    assert await store.get(name) == b"long"


async def test_several_values_come_in_the_order_of_their_keys(store: SharedStore, name: str) -> None:
    await store.set(name + "a", b"1")
    await store.set(name + "b", b"2")

    assert await store.many([name + "b", name + "none", name + "a", name + "b"]) == [b"2", None, b"1", b"2"]
    assert await store.many([]) == []


async def test_several_values_are_kept_at_once(store: SharedStore, name: str) -> None:
    await store.set(name + "a", b"old")
    await store.put({name + "b": b"2", name + "a": b"1"})
    await store.put({name + "c": b"3", name + "d": b"4"}, 0.02)
    await asyncio.sleep(0.05)

    assert await store.many([name + one for one in "abcd"]) == [b"1", b"2", None, None]


async def test_renewed_values_live_on_and_absent_ones_stay_away(store: SharedStore, name: str) -> None:
    await store.set(name + "b", b"2")
    await store.put({name + "a": b"1", name + "twin": b"1"}, LONG)
    await store.renew([name + "a", name + "b", name + "none"], 1000.0)
    assert await gone(store, name + "twin")
    assert await store.many([name + "a", name + "b", name + "none"]) == [b"1", b"2", None]

    await store.renew([name + "a", name + "b"], 0.02)
    assert await gone(store, name + "a")
    assert await gone(store, name + "b")
    await store.renew([name + "a"], 1000.0)
    assert await store.get(name + "a") is None
    await store.renew([], 1.0)


async def test_large_values_are_kept_whole(store: SharedStore, name: str) -> None:
    large = bytes(range(256)) * 20_000
    await store.set(name, large)

    assert await store.get(name) == large


async def test_swap_replaces_exactly_what_was_seen(store: SharedStore, name: str) -> None:
    assert not await store.swap(name, b"a", b"b")
    assert await store.swap(name, None, b"a")
    assert not await store.swap(name, None, b"b")
    assert not await store.swap(name, b"", b"b")
    assert await store.swap(name, b"a", b"b")
    assert await store.get(name) == b"b"
    assert await store.swap(name, b"b", None)
    assert await store.get(name) is None


async def test_one_of_many_swaps_wins(store: SharedStore, name: str) -> None:
    won = await asyncio.gather(*(store.swap(name, None, b"%d" % n) for n in range(20)))

    assert won.count(True) == 1
    assert await store.get(name) == b"%d" % won.index(True)


async def test_swapped_values_end_with_their_time(store: SharedStore, name: str) -> None:
    assert await store.swap(name, None, b"a", 0.02)

    assert await gone(store, name)


async def test_counters_add_up(store: SharedStore, name: str) -> None:
    assert await store.add([Sum(name + "a", 2), Sum(name + "b", -3)]) == [2, -3]
    assert await store.add([Sum(name + "a", 5), Sum(name + "b", 3)]) == [7, 0]
    assert await store.get(name + "a") == b"7"
    assert await store.add([]) == []


async def test_concurrent_additions_are_all_counted(store: SharedStore, name: str) -> None:
    await asyncio.gather(*(store.add([Sum(name, 1)]) for _ in range(100)))

    assert await store.get(name) == b"100"


async def test_a_counter_ends_with_the_time_that_it_was_made_with(store: SharedStore, name: str) -> None:
    await store.add([Sum(name, 2, LONG)])
    await store.add([Sum(name, 2, 1000.0)])

    assert await gone(store, name)
    assert await store.add([Sum(name, 1)]) == [1]


async def test_a_value_that_is_no_number_is_no_counter(store: SharedStore, name: str) -> None:
    await store.set(name, b"text")

    with pytest.raises(StoreError):
        await store.add([Sum(name + "other", 1), Sum(name, 1)])
    assert await store.get(name) == b"text"
    assert await store.get(name + "other") is None


async def test_scan_is_ordered_bounded_and_can_go_on(store: SharedStore, name: str) -> None:
    for key in ("c", "a", "é", "b", "*x"):
        await store.set(name + key, key.encode())
    await store.set(name[:-1], b"not below")

    found = await store.scan(name)
    assert [value.decode() for _, value in found] == ["*x", "a", "b", "c", "é"]
    assert await store.scan(name, limit=2) == found[:2]
    assert await store.scan(name, first=name + "b", limit=2) == found[2:4]
    assert await store.scan(name + "*") == found[:1]
    assert await store.scan(name + "z") == []


def claim(key: str, slot: int, amount: int, bound: int, since: int | None = None) -> Claim:
    return Claim(key, slot, slot if since is None else since, amount, bound, 60)


async def test_claims_are_granted_up_to_the_bound(store: SharedStore, name: str) -> None:
    first = await store.take([claim(name, 7, 3, 5)])
    assert first.is_granted
    assert first.before == ((),)
    refused = await store.take([claim(name, 7, 3, 5)])
    assert not refused.is_granted
    assert refused.before == (((7, 3),),)
    assert (await store.take([claim(name, 7, 2, 5)])).is_granted


async def test_of_claims_made_together_none_is_counted_when_one_is_refused(store: SharedStore, name: str) -> None:
    await store.take([claim(name + "full", 1, 5, 5)])

    taken = await store.take([claim(name + "free", 1, 1, 5), claim(name + "full", 1, 1, 5)])
    assert not taken.is_granted
    assert taken.before == ((), ((1, 5),))
    assert (await store.take([claim(name + "free", 1, 5, 5)])).is_granted


async def test_only_slots_of_the_window_count(store: SharedStore, name: str) -> None:
    for slot in (1, 2, 3):
        assert (await store.take([claim(name, slot, 1, 3, since=0)])).is_granted
    assert not (await store.take([claim(name, 4, 1, 3, since=1)])).is_granted

    later = await store.take([claim(name, 4, 2, 3, since=3)])
    assert later.is_granted
    assert later.before == (((3, 1),),)


async def test_charges_go_beyond_bounds_and_below_zero(store: SharedStore, name: str) -> None:
    await store.charge([Charge(name, 1, 10, 60), Charge(name + "b", 1, -2, 60)])
    assert not (await store.take([claim(name, 1, 1, 5)])).is_granted
    await store.charge([Charge(name, 1, -8, 60)])

    assert (await store.take([claim(name, 1, 3, 5)])).is_granted
    assert (await store.take([claim(name + "b", 1, 7, 5)])).is_granted


async def test_concurrent_claims_never_exceed_the_bound(store: SharedStore, name: str) -> None:
    taken = await asyncio.gather(*(store.take([claim(name, 1, 3, 100)]) for _ in range(60)))

    assert sum(one.is_granted for one in taken) == 33


async def test_slots_end_with_their_time(store: SharedStore, name: str) -> None:
    await store.take([Claim(name, 1, 1, 5, 5, 0.02)])
    await asyncio.sleep(0.1)
    # A store may keep what has ended as long as its slot is no longer asked for.
    assert (await store.take([Claim(name, 2, 2, 5, 5, 60)])).is_granted


async def test_nothing_to_claim_is_granted(store: SharedStore) -> None:
    assert (await store.take([])).is_granted
    await store.charge([])
