import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.binding import Binding
from plano_extproc.routing.identity import Found, Identity, hashes, identify, lookup
from plano_extproc.routing.turns import Conversation, Turn

GOLDEN = Conversation(
    (
        Turn("system", "You are a senior Rust engineer."),
        Turn("user", "Write a Rust function that reverses a linked list."),
    )
)


def test_the_hashes_are_those_of_plano() -> None:
    found = hashes(GOLDEN, None)
    assert found is not None
    identity = identify(None, found, None, uses_implicit=True)
    assert identity is not None

    assert identity.id == "implicit:8e76b367cc3a4336"
    assert found.header == "45bddd7259df5e99"
    assert identity.key == "plano:affinity:implicit:8e76b367cc3a4336"


def _fnv(*fields: str) -> int:
    state = 0xCBF29CE484222325
    for field in ("plano-affinity-v1", *fields):
        for byte in (*field.encode(), 0x1F):
            state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


@given(st.text(), st.text(), st.lists(st.text()), st.text(min_size=60))
def test_the_hashes_are_fnv(tenant: str, system: str, tools: list[str], user: str) -> None:
    said = Conversation((Turn("system", system), Turn("user", user)), tuple(tools))

    for _ in range(2):
        found = hashes(said, tenant)
        assert found is not None
        assert found.prefix == _fnv(tenant, system, ",".join(tools))
        assert found.session == _fnv(tenant, system, ",".join(tools), user)


def test_a_very_long_text_has_a_hash_of_its_own() -> None:
    long = "x" * 100_000
    one, other = (hashes(Conversation((Turn("user", long + end),)), None) for end in "ab")

    assert one is not None
    assert one != other
    assert one == hashes(Conversation((Turn("user", long + "a"),)), None)


def test_the_key_stays_as_the_conversation_grows() -> None:
    longer = Conversation((*GOLDEN.turns, Turn("assistant", "Done."), Turn("user", "Add tests.")))

    assert hashes(longer, None) == hashes(GOLDEN, None)
    assert hashes(GOLDEN, "acme") != hashes(GOLDEN, None)


def test_no_user_no_session() -> None:
    assert hashes(Conversation((Turn("system", "x"),)), None) is None
    assert identify(None, None, None, uses_implicit=True) is None
    assert identify(None, hashes(GOLDEN, None), None, uses_implicit=False) is None


@pytest.mark.parametrize(
    ("tenant", "key"),
    [
        (None, "plano:affinity:s-1"),
        ("", "plano:affinity:s-1"),
        ("acme", "plano:affinity:acme:s-1"),
        ("a:b", "plano:affinity:a%3Ab:s-1"),
    ],
)
def test_an_explicit_id_is_taken_as_it_is(tenant: str | None, key: str) -> None:
    identity = identify("s-1", None, tenant, uses_implicit=False)
    assert identity is not None

    assert identity.is_explicit
    assert identity.key == key


def test_a_long_id_is_kept_as_a_hash() -> None:
    identity = identify("x" * 5000, None, None, uses_implicit=False)
    assert identity is not None

    assert len(identity.key) < 64


def bound(requested: str) -> bytes:
    return Binding("p/a", "p/a", requested, None, None, 1.0).encoded()


def found_in(store: dict[str, bytes], requested: str) -> Found:
    steps = lookup(Identity("s", is_explicit=True, prefix_hash=None), requested)
    key = next(steps)
    while True:
        try:
            key = steps.send(store.get(key))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def test_the_first_lane_has_the_plain_key_and_others_their_own() -> None:
    plain = "plano:affinity:s"
    assert found_in({}, "p/big").key == plain
    assert found_in({plain: bound("p/big")}, "p/big").key == plain
    assert found_in({plain: bound("")}, "p/big").key == plain

    side = found_in({plain: bound("p/big")}, "p/small")

    assert side.key.startswith(plain + ":lane:")
    assert side.binding is None
    again = found_in({plain: bound("p/big"), side.key: bound("p/small")}, "p/small")
    assert (again.key, again.raw) == (side.key, bound("p/small"))


def test_rubbish_in_the_store_is_overwritten() -> None:
    found = found_in({"plano:affinity:s": b"{"}, "p/big")

    assert found == Found("plano:affinity:s", b"{", None)
