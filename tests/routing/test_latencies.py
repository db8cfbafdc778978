import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.latencies import HALF_LIFE, Live, figure, read
from plano_extproc.routing.prices import UnreadableFeed

ANSWER = b"""{"status":"success","data":{"resultType":"vector","result":[
 {"metric":{"model_name":"openai/a"},"value":[1,"0.25"]},{"metric":{"model_name":"b"},"value":[1,"NaN"]},
 {"metric":{"model_name":"c"},"value":[1,"-1"]},{"metric":{},"value":[1,"1"]},{"metric":{"model_name":"d"},"value":[1,"2"]}]}}"""


def test_prometheus_is_read() -> None:
    table = read(ANSWER)

    assert table == {"openai/a": 0.25, "d": 2.0}
    assert figure(table, "any/d") == 2.0
    assert figure(table, "b") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no", "is no JSON"),
        (b'{"status":"error","errorType":"bad_data","error":"parse error"}', "says bad_data: parse error"),
        (b'{"status":"success"}', "is no answer"),
        (b'{"status":"success","data":{"result":[]}}', "holds no series"),
        (b'{"status":"success","data":{"result":[{"metric":{"model_name":"a"},"values":[]}]}}', "is no answer"),
    ],
)
def test_rubbish_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableFeed, match=said):
        read(body)


def test_what_was_heard_last_counts_most_and_fades() -> None:
    live = Live()
    live.heard("m", 1.0, 0.0)
    live.heard("m", 3.0, HALF_LIFE)

    assert live.figure("m", HALF_LIFE) == pytest.approx((0.5 * 1 + 3) / 1.5)
    assert live.figure("m", HALF_LIFE * 20) is None
    assert live.figure("other", 0.0) is None


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30)), min_size=1))
def test_an_average_lies_between_what_was_heard(steps: list[tuple[float, float]]) -> None:
    live, now = Live(), 0.0
    for seconds, pause in steps:
        now += pause
        live.heard("m", seconds, now)
    found = live.figure("m", now)

    assert found is not None
    low, high = min(s for s, _ in steps), max(s for s, _ in steps)
    assert low - 1e-9 <= found <= high + 1e-9


def test_rubbish_is_not_heard_and_the_table_is_bounded() -> None:
    live = Live()
    for n in range(5000):
        live.heard(f"m{n}", 1.0, 0.0)
    live.heard("rubbish", math.nan, 0.0)

    assert live.figure("m0", 0.0) is None
    assert live.figure("m4999", 0.0) == 1.0
    assert live.figure("rubbish", 0.0) is None
