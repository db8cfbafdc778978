from typing import Any

import pytest

from plano_extproc.conversation import items
from plano_extproc.conversation.turn import Turn, decoded, encoded
from plano_extproc.errors import InvalidRequest
from tests.conversation.making import Json, answered, message


def test_a_text_is_a_message_of_the_user() -> None:
    assert items.given("hello") == (message("hello"),)
    assert items.given({"role": "user", "content": "x"}) == ({"role": "user", "content": "x"},)
    assert items.given(None) == ()


@pytest.mark.parametrize("value", [7, True, [1], ["x"]])
def test_an_input_of_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        items.given(value)


EVERY_KIND: list[Json] = [
    message("hello"),
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "secret"},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'},
    {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    {"type": "custom_tool_call", "call_id": "call_2", "name": "g", "input": "free text"},
    {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "x"}, "new_field": {"deep": [1]}},
]


def test_items_of_every_kind_are_kept_whole() -> None:
    turn = Turn("resp_1", "o", 1, input=tuple(EVERY_KIND), response={"output": list(EVERY_KIND)})
    again = decoded(encoded(turn))

    assert again == turn
    assert [item for _, item in items.of_turns([again])] == EVERY_KIND * 2


def test_every_item_has_an_id_that_stays() -> None:
    turn = Turn("resp_1", "o", 1, input=(message("a"), message("b")), response=answered("c"))
    ids = [ident for ident, _ in items.of_turns([turn])]

    assert len(set(ids)) == 3
    assert ids[2] == "msg_1"
    assert ids == [ident for ident, _ in items.of_turns([decoded(encoded(turn))])]


def test_ids_that_come_twice_are_left_out_of_a_request() -> None:
    one, two = {**message("a"), "id": "msg_1"}, {**message("b"), "id": "msg_1"}
    other = {**message("c"), "id": "msg_2"}

    made = items.merged({"model": "m", "conversation": "c"}, [one, other], [two])
    assert made == {"model": "m", "input": [message("a"), other, message("b")]}


def conversation(count: int) -> list[Json]:
    found = [message("rules", "system")]
    for number in range(count):
        call = {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": f"c{number}", "output": "x" * 400}
        found += [message(f"q{number}"), call, result, message(f"a{number}", "assistant")]
    return found


@pytest.mark.parametrize("most", range(0, 1400, 37))
def test_a_shortened_conversation_holds_whole_exchanges_and_the_rules(most: int) -> None:
    whole = conversation(7)
    made = items.shortened(whole, most)

    assert made[0] == whole[0]
    assert made[1]["role"] == "user"
    assert list(made[1:]) == whole[len(whole) - len(made) + 1 :]
    assert items.tokens(made) <= most or len(made) == 5


def test_what_is_short_enough_stays_as_it_is() -> None:
    whole = conversation(3)
    assert items.shortened(whole, 10_000) is whole
    assert items.shortened([], 0) == []
    assert items.shortened([message("x" * 100)], 1) == [message("x" * 100)]


def test_a_result_whose_call_is_gone_goes_too() -> None:
    late = {"type": "function_call_output", "call_id": "c0", "output": "late"}
    whole = [*conversation(2)[:3], message("q1"), late, message("a1", "assistant")]

    assert late not in items.shortened(whole, 20)
