import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.config.routing import CostSource, LatencySource
from plano_extproc.routing.feeds import FIRST_PAUSE, LONGEST_PAUSE, Feed

ONCE = CostSource(type="cost", provider="models.dev")
OFTEN = CostSource(type="cost", provider="file", path="prices.yaml", refresh_interval=60)
PROMETHEUS = LatencySource(type="latency", provider="prometheus", url="http://p:9090/base/?x=1", query='a{b="c"}')


def test_a_source_without_an_interval_is_asked_until_it_answers() -> None:
    feed = Feed(ONCE)
    assert feed.is_due(0.0)
    feed = feed.failed("answered with status 500", 10.0)
    assert not feed.is_due(10.0)
    assert feed.is_due(10.0 + FIRST_PAUSE)

    assert not feed.succeeded({"a": 1}, 20.0).is_due(1e12)


def test_the_last_good_data_stay_and_grow_old() -> None:
    feed = Feed(OFTEN).succeeded({"a": 1}, 100.0)
    assert not feed.is_due(159.0)
    assert feed.is_due(160.0)
    feed = feed.failed("is no JSON", 160.0)

    assert (feed.table, feed.error, feed.failures) == ({"a": 1}, "is no JSON", 1)
    assert feed.age(200.0) == 100.0
    assert Feed(ONCE).age(0.0) is None
    assert feed.succeeded({"b": 1}, 170.0).error is None


@given(st.integers(0, 10_000), st.sampled_from([ONCE, OFTEN]))
def test_pauses_are_bounded(failures: int, source: CostSource) -> None:
    feed = Feed(source, failures=failures).failed("x", 0.0)

    assert feed.due is not None
    assert 0 < feed.due <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("source", "where", "is_file"),
    [
        (ONCE, "https://models.dev/api.json", False),
        (CostSource(type="cost", provider="digitalocean", url="http://h/c"), "http://h/c", False),
        (OFTEN, "prices.yaml", True),
        (CostSource(type="cost", provider="file", url="file:///etc/prices.yaml"), "/etc/prices.yaml", True),
        (CostSource(type="cost", provider="file", url="https://h/prices.json"), "https://h/prices.json", False),
        (PROMETHEUS, "http://p:9090/base/api/v1/query?x=1&query=a%7Bb%3D%22c%22%7D", False),
    ],
)
def test_where_a_source_is(source: CostSource | LatencySource, where: str, is_file: bool) -> None:
    assert (Feed(source).where, Feed(source).is_file) == (where, is_file)
