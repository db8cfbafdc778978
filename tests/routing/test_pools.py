from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.pools import Pool, Pools
from tests.routing.configured import config

TEXT = """
version: v0.5.0
model_providers:
  - {model: openai/gpt-4o, access_key: k, weight: 3}
  - {model: azure_openai/gpt-4o, access_key: k, base_url: "https://x.openai.azure.com"}
  - {model: openai/gpt-4o, access_key: other, weight: 2}
  - {model: openrouter/gpt-4o, access_key: k, priority: 1}
  - {model: groq/gpt-4o, access_key: k, weight: 0, name: spare}
  - {model: openai/single, access_key: k}
  - {model: openai/*, access_key: k}
model_aliases: {fast: {target: quick}, quick: {target: gpt-4o}}
"""


def pool(name: str = "gpt-4o") -> Pool:
    found = Pools(config(TEXT)).find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("gpt-4o", {"openai/gpt-4o", "azure_openai/gpt-4o", "openai/gpt-4o#2", "openrouter/gpt-4o", "spare"}),
        ("fast", {"openai/gpt-4o", "azure_openai/gpt-4o", "openai/gpt-4o#2", "openrouter/gpt-4o", "spare"}),
        ("openai/gpt-4o", {"openai/gpt-4o", "openai/gpt-4o#2"}),
    ],
)
def test_a_name_means_the_pool_of_its_model(name: str, labels: set[str]) -> None:
    assert {member.label for member in pool(name).members} == labels


@pytest.mark.parametrize("name", ["spare", "azure_openai/gpt-4o", "single", "openai/single", "unknown", None])
def test_one_entry_is_no_pool(name: str | None) -> None:
    assert Pools(config(TEXT)).find(name) is None


def test_chance_follows_the_weights() -> None:
    orders = [[one.label for one in pool().by_chance(draw / 6000)] for draw in range(6000)]
    first = Counter(order[0] for order in orders)
    second = Counter(order[1] for order in orders if order[0] == "openai/gpt-4o")

    assert first == {"openai/gpt-4o": 3000, "azure_openai/gpt-4o": 1000, "openai/gpt-4o#2": 2000}
    assert abs(second["openai/gpt-4o#2"] - 2 * second["azure_openai/gpt-4o"]) < 10
    assert all(order[3:] == ["spare", "openrouter/gpt-4o"] for order in orders)


def test_what_cools_down_comes_last_whatever_its_priority() -> None:
    order = [one.label for one in pool().by_chance(0.0, {"openai/gpt-4o", "openai/gpt-4o#2"})]

    assert order == ["azure_openai/gpt-4o", "spare", "openrouter/gpt-4o", "openai/gpt-4o", "openai/gpt-4o#2"]


def test_a_key_has_its_member_by_weight() -> None:
    first = Counter(pool().by_key(f"session {n}")[0].label for n in range(6000))

    assert abs(first["openai/gpt-4o"] - 3000) < 200
    assert abs(first["openai/gpt-4o#2"] - 2000) < 200


@given(st.text(), st.integers(0, 4))
def test_a_member_that_goes_moves_only_its_own_keys(key: str, gone: int) -> None:
    before = pool()
    lost = before.members[gone]
    after = Pool(tuple(member for member in before.members if member is not lost))

    assert [one for one in before.by_key(key) if one is not lost] == list(after.by_key(key))


@given(st.floats(0, 1, exclude_max=True))
def test_every_draw_gives_every_member(draw: float) -> None:
    assert len({one.label for one in pool().by_chance(draw)}) == 5
