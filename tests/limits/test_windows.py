"""Windows, and that no window of a limit's length ever holds more than the limit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.limits.buckets import Bucket
from plano_extproc.limits.claims import Claim
from plano_extproc.limits.windows import Calendar, Rolling, empty_at, room_at
from plano_extproc.stores import MemoryStore

START = 1_800_000_000.0


def taken_at(amounts: list[tuple[float, int]], bound: int, seconds: int) -> list[tuple[float, int]]:
    """Ask for amounts, each so many seconds after the one before; return what was granted, and when."""
    now = START
    store = MemoryStore(now=lambda: now)
    bucket = Bucket("k", "tokens", bound, Rolling(seconds), "")
    granted = []
    for pause, amount in amounts:
        now += pause
        if drive(store, bucket.claim(amount, now)):
            granted.append((now, amount))
    return granted


def drive(store: MemoryStore, claim: Claim) -> bool:
    """Run an operation of the memory store, which waits for nothing."""
    try:
        store.take([claim]).send(None)
    except StopIteration as end:
        return bool(end.value.is_granted)
    raise AssertionError("the memory store waits for nothing")


asks = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 12)), max_size=60)


@given(asks, st.sampled_from([1, 60, 3600]))
def test_no_window_of_that_length_holds_more_than_the_limit(amounts: list[tuple[float, int]], seconds: int) -> None:
    granted = taken_at([(pause * seconds / 60, amount) for pause, amount in amounts], 20, seconds)

    for end, _ in granted:
        within = sum(amount for at, amount in granted if end - seconds < at <= end)
        assert within <= 20


@given(asks)
def test_what_would_leave_room_with_a_twentieth_to_spare_is_granted(amounts: list[tuple[float, int]]) -> None:
    granted = taken_at(amounts, 20, 60)

    now = START
    for pause, amount in amounts:
        now += pause
        before = sum(one for at, one in granted if now - 63.1 <= at <= now and (at, one) != (now, amount))
        if before + amount <= 20:
            assert (now, amount) in granted


@given(asks, st.integers(1, 20))
def test_there_is_room_when_it_is_said_to_be(amounts: list[tuple[float, int]], wanted: int) -> None:
    granted = taken_at(amounts, 20, 60)
    window = Rolling(60)
    now = START + sum(pause for pause, _ in amounts)
    counts: dict[int, int] = {}
    for at, amount in granted:
        counts[window.slot(at)] = counts.get(window.slot(at), 0) + amount
    slots = tuple(sorted((slot, count) for slot, count in counts.items() if slot >= window.since(now)))
    if sum(count for _, count in slots) + wanted <= 20:
        return

    at = room_at(window, slots, wanted, 20) or 0.0
    left = sum(count for slot, count in slots if slot >= window.since(at + 0.001))
    assert left + wanted <= 20
    assert at <= empty_at(window, slots, now) <= now + 63.001


def test_what_is_more_than_the_limit_never_fits() -> None:
    assert room_at(Rolling(60), (), 21, 20) is None


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("per", "now", "begin", "end"),
    [
        ("minute", "2026-11-21T12:34:56", "2026-11-21T12:34:00", "2026-11-21T12:35:00"),
        ("hour", "2026-12-31T23:34:56", "2026-12-31T23:00:00", "2027-01-01T00:00:00"),
        ("day", "2028-02-28T12:34:56", "2028-02-28T00:00:00", "2028-02-29T00:00:00"),
        ("week", "2026-11-22T23:59:59", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("week", "2026-11-23T00:00:00", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("month", "2026-02-10T12:34:56", "2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        ("month", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("month", "2026-01-01T00:00:00", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
    ],
)
def test_calendar_windows_begin_and_end_in_utc(per: str, now: str, begin: str, end: str) -> None:
    window = Calendar(per)
    slot = window.slot(moment(now))

    assert slot == window.since(moment(now)) == moment(begin)
    assert window.ends(slot) == moment(end)
