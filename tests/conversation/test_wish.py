from typing import Any

import pytest

from plano_extproc.conversation.wish import Wish, wish
from plano_extproc.errors import InvalidRequest


@pytest.mark.parametrize(
    ("request_", "meant"),
    [
        ({}, Wish()),
        ({"store": None, "previous_response_id": None, "conversation": None, "truncation": None}, Wish()),
        ({"store": False}, Wish(stores=False)),
        ({"input": "hi"}, Wish()),
        ({"input": [{"role": "user", "content": "hi"}, 7, {"type": "reasoning", "id": "rs_1"}]}, Wish()),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, Wish(refers=True)),
        ({"previous_response_id": "resp_1"}, Wish(previous="resp_1")),
        ({"previous_response_id": "", "conversation": ""}, Wish()),
        ({"conversation": "conv_1"}, Wish(conversation="conv_1")),
        ({"conversation": {"id": "conv_1"}, "truncation": "auto"}, Wish(conversation="conv_1", truncates=True)),
    ],
)
def test_what_a_request_wants(request_: dict[str, Any], meant: Wish) -> None:
    assert wish(request_) == meant


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"store": "yes"}, "store"),
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"conversation": 7}, "conversation"),
        ({"conversation": {}}, "conversation.id"),
        ({"conversation": "a", "previous_response_id": "b"}, "previous_response_id"),
        ({"truncation": "some"}, "truncation"),
        ({"truncation": 1}, "truncation"),
    ],
)
def test_a_wrong_shape_is_named(request_: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        wish(request_)
    assert raised.value.param == field


def test_a_request_that_neither_stores_nor_goes_on_needs_no_store() -> None:
    assert not wish({"store": False}).touches_store
    assert wish({"store": False, "previous_response_id": "a"}).touches_store
    assert wish({}).touches_store
