from dataclasses import replace

import pytest

from plano_extproc.conversation.pending import NATIVE_SECONDS
from plano_extproc.conversation.turn import MOST_BEFORE, Native, Turn, behind
from plano_extproc.errors import NotFound
from tests.conversation.making import NOW, answered, message, pending

LAST = Turn("resp_1", "owner", NOW - 10, ("resp_0",), input=(message("one"),), response=answered("1", id="resp_1"))


def test_an_answer_gets_an_id_of_ours() -> None:
    stated = pending({"input": "x", "previous_response_id": "resp_1"}, LAST).stated(answered("y"))

    assert stated["id"] == "resp_own"
    assert stated["previous_response_id"] == "resp_1"
    assert stated["store"] is True
    assert stated["conversation"] is None


def test_a_turn_names_those_before_it() -> None:
    turn = pending({"input": "x", "previous_response_id": "resp_1"}, LAST).turn(answered("y"))

    assert turn is not None
    assert turn.before == ("resp_1", "resp_0")
    assert turn.input == (message("x"),)
    assert len(behind(replace(LAST, before=tuple(map(str, range(MOST_BEFORE)))))) == MOST_BEFORE


@pytest.mark.parametrize("status", ["failed", "cancelled", "in_progress", "queued", None, ["completed"], {}], ids=str)
def test_an_answer_that_is_none_is_no_turn(status: object) -> None:
    assert pending({"input": "x"}).turn(answered("y", status=status)) is None


def test_an_incomplete_answer_is_kept() -> None:
    assert pending({"input": "x"}).turn(answered("y", status="incomplete")) is not None


def test_what_a_provider_has_stored_keeps_its_id_and_is_not_sent_again() -> None:
    first = pending({"input": "x"}).turn(answered("y", id="resp_abc", store=True), "openai/gpt")
    assert first is not None
    assert first.id == "resp_abc"
    assert first.native == Native("openai/gpt", "resp_abc")
    request = {"model": "m", "input": "more", "previous_response_id": "resp_abc"}
    second = pending(request, first)

    assert second.native("openai/gpt") == "resp_abc"


def test_another_entry_gets_the_whole_conversation() -> None:
    first = pending({"input": "x"}).turn(answered("y", id="resp_abc", store=True), "openai/gpt")
    assert first is not None
    second = pending({"input": "more", "previous_response_id": "resp_abc"}, first)

    assert second.native("openai/gpt#2") is None
    assert len(second.request({"input": "more"})["input"]) == 3


def test_what_only_its_provider_can_look_up_is_not_sent_to_another() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    sealed = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "s"}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    whole = {**answered("y", store=True), "output": [thought, sealed, call]}
    first = pending({"input": "x"}).turn(whole, "e")
    assert first is not None
    made = pending({"input": "z", "previous_response_id": "resp_theirs"}, first).request({"input": "z"})

    assert made["input"][1:3] == [sealed, {key: held for key, held in call.items() if key != "id"}]


def test_what_a_provider_says_that_it_has_not_stored_is_sent_again() -> None:
    for answer in (answered("y", store=False), answered("y"), answered("y", store=True, id="chatcmpl-1")):
        turn = pending({"input": "x"}).turn(answer, "openai/gpt")
        assert turn is not None
        assert turn.native is None
        assert turn.id == "resp_own"


def test_a_provider_is_not_trusted_for_ever() -> None:
    old = replace(LAST, created=NOW - NATIVE_SECONDS, native=Native("e", "resp_1"))
    young = replace(LAST, created=NOW - NATIVE_SECONDS + 1, native=Native("e", "resp_1"))

    assert pending({"previous_response_id": "resp_1"}, old).native("e") is None
    assert pending({"previous_response_id": "resp_1"}, young).native("e") == "resp_1"


def test_what_is_known_to_nobody_is_named_by_its_field() -> None:
    pending({"input": "x"}).demand_known()
    with pytest.raises(NotFound) as raised:
        replace(pending({"previous_response_id": "resp_9"}), unknown="resp_9").demand_known()
    assert (raised.value.status, raised.value.param) == (404, "previous_response_id")
    with pytest.raises(NotFound) as raised:
        replace(pending({"conversation": "conv_9"}), unknown="conv_9").demand_known()
    assert raised.value.param == "conversation"


def test_a_conversation_is_shortened_only_where_the_caller_allows_it() -> None:
    long = replace(LAST, input=(message("x" * 4000),))
    request = {"input": "end", "previous_response_id": "resp_1"}
    allowed = {**request, "truncation": "auto"}

    assert len(pending(request, long).request(request, 100)["input"]) == 3
    assert pending(allowed, long).request(allowed, 100)["input"] == [message("end")]
    assert len(pending(allowed, long).request(allowed, None)["input"]) == 3
