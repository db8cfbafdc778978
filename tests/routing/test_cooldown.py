import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.cooldown import FINE, LONGEST, Board, Rule, State, counts, decoded, retry_after

RULE = Rule(after=3, seconds=30)


def test_failures_in_a_row_cool_an_entry_down() -> None:
    board = Board(RULE)
    for at in (0.0, 1.0):
        board.failed("a", at)
    assert board.cooling(1.0) == frozenset()
    board.failed("a", 2.0)

    assert board.cooling(31.9) == {"a"}
    assert board.cooling(32.0) == frozenset()


def test_one_failure_is_enough_after_a_cool_down_and_one_answer_clears() -> None:
    board = Board(Rule(1, 10))
    board.failed("a", 0.0)
    board.failed("a", 20.0)
    assert board.cooling(25.0) == {"a"}

    assert board.answered("a", 25.0)
    assert not board.answered("a", 25.0)
    assert board.cooling(25.0) == frozenset()


def test_a_success_between_failures_starts_anew() -> None:
    board = Board(RULE)
    for _ in range(5):
        board.failed("a", 0.0)
        board.failed("a", 0.0)
        board.answered("a", 0.0, waited=5.0)

    assert board.cooling(0.0) == frozenset()


def test_an_answer_that_was_asked_for_before_says_nothing_of_now() -> None:
    board = Board(RULE)
    board.failed("a", 10.0, retry_after=60.0)
    assert not board.answered("a", 11.0, waited=1.5)
    assert board.cooling(11.0) == {"a"}

    # It was asked although it cools: nobody else was left.
    assert board.answered("a", 12.0, waited=1.5)
    assert board.cooling(12.0) == frozenset()


def test_an_answer_that_was_asked_for_before_another_workers_word_says_nothing_either() -> None:
    board = Board(RULE)
    board.learn("a", State(1, 60.0).encoded(), 10.0)
    board.learn("a", State(1, 60.0).encoded(), 20.0)
    assert not board.answered("a", 11.0, waited=1.5)
    assert board.answered("a", 12.0, waited=1.5)


def test_the_providers_own_word_wins() -> None:
    assert State().failed(RULE, 0.0, retry_after=5.0) == State(1, 5.0)
    assert State(2).failed(RULE, 0.0, retry_after=1.0).until == 1.0
    assert State().failed(RULE, 0.0, retry_after=1e9).until == LONGEST


def test_workers_share_states() -> None:
    one, other = Board(RULE), Board(RULE)
    one.failed("a", 0.0)
    one.failed("a", 0.0)
    state = one.failed("a", 0.0)
    other.learn("a", state.encoded(), 0.0)
    assert other.cooling(1.0) == {"a"}

    other.learn("a", None, 1.0)

    assert other.cooling(1.0) == frozenset()


@given(st.integers(0, 100), st.integers(0, 2**42).map(lambda ms: ms / 1000))
def test_a_state_survives_the_store(failures: int, until: float) -> None:
    state = State(failures, until)

    assert abs(decoded(state.encoded()).until - until) <= 0.001
    assert decoded(state.encoded()).failures == failures


@given(st.binary())
def test_rubbish_in_the_store_is_nothing(data: bytes) -> None:
    assert decoded(data).failures >= 0


def test_absent_is_fine() -> None:
    assert decoded(None) == decoded(b"") == decoded(b"x:y") == FINE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": b"7"}, 7.0),
        ({"retry-after": b"1.5"}, 1.5),
        ({"retry-after-ms": b"250", "retry-after": b"1"}, 0.25),
        ({"retry-after": b"Thu, 01 Jan 1970 00:01:00 GMT"}, 50.0),
        ({"retry-after": b"Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": b"soon"}, None),
        ({"retry-after": b"-1"}, None),
        ({"retry-after": b"nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, bytes], seconds: float | None) -> None:
    assert retry_after(headers, 10.0) == seconds


@pytest.mark.parametrize(
    ("status", "own_key", "bad"),
    [
        (200, True, False),
        (400, True, False),
        (401, True, True),
        (401, False, False),
        (429, False, True),
        (503, False, True),
    ],
)
def test_what_counts_against_an_entry(status: int, own_key: bool, bad: bool) -> None:
    assert counts(status, own_key=own_key) is bad
