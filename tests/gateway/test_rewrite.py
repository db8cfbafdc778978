import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.gateway.rewrite import with_model

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.just("model"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("model"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=6), json_values, max_size=4),
    st.text(max_size=8),
    st.text(min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_the_provider_reads_the_new_model_and_all_else_as_it_was(
    rest: dict[str, Any], old: str, new: str, ascii_only: bool, indent: int | None
) -> None:
    request = {**rest, "model": old}
    body = json.dumps(request, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return

    made = with_model(body, parsed, new)

    assert orjson.loads(body if made is None else made) == {**parsed, "model": new}


def test_a_body_with_the_right_model_is_not_touched() -> None:
    body = b'{"model":"m","messages":[]}'

    assert with_model(body, orjson.loads(body), "m") is None


def test_spaces_and_order_survive() -> None:
    body = b'{ "z" : 1, "model" :\n "a" , "b" : [ ] }'

    assert with_model(body, orjson.loads(body), "longer") == b'{ "z" : 1, "model" :\n "longer" , "b" : [ ] }'


def test_a_key_that_comes_twice_goes_out_once() -> None:
    body = b'{"model":"denied","model":"allowed"}'

    assert with_model(body, orjson.loads(body), "allowed") == b'{"model":"allowed"}'


def test_a_key_that_hides_behind_escapes_goes_out_once() -> None:
    body = b'{"mod\\u0065l":"denied","model":"allowed"}'

    assert with_model(body, orjson.loads(body), "allowed") == b'{"model":"allowed"}'


def test_a_missing_model_is_added() -> None:
    assert with_model(b'{"messages":[]}', {"messages": []}, "m") == b'{"messages":[],"model":"m"}'
