"""Signatures of Gemini's calls, carried in the ids of calls."""

import base64
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.translate import with_plain_ids
from plano_extproc.translate.call_ids import parted, standard_base64, with_signature
from plano_extproc.translate.names import fitted

SIGNATURE = "CpYBAdHtim9+/w=="


def test_a_signature_stands_behind_the_id_in_characters_that_every_dialect_takes() -> None:
    carried = with_signature("8f2b1c3d", SIGNATURE)

    assert carried == "8f2b1c3d__thought__CpYBAdHtim9-_w"
    assert fitted(carried, 999) == carried
    assert parted(carried) == ("8f2b1c3d", SIGNATURE)


def test_an_id_without_a_signature_stays_as_it_is() -> None:
    assert with_signature("functions.now:0", "") == "functions.now:0"
    assert parted("functions.now:0") == ("functions.now:0", None)


def test_a_foreign_id_is_made_fit_before_it_carries_a_signature() -> None:
    plain, signature = parted(with_signature("functions.now:0", SIGNATURE))

    assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", plain)
    assert signature == SIGNATURE


def test_a_signature_in_the_usual_alphabet_is_understood_too() -> None:
    assert parted(f"call_1__thought__{SIGNATURE}") == ("call_1", SIGNATURE)


def test_a_broken_signature_is_left_out() -> None:
    assert parted("call_1__thought__~~") == ("call_1", None)
    assert parted("call_1__thought__") == ("call_1", None)
    assert parted("__thought__abc") == ("__thought__abc", None)


@given(st.text("abc_-.:", min_size=1, max_size=80), st.binary(min_size=1, max_size=200))
def test_what_is_carried_comes_back(call_id: str, secret: bytes) -> None:
    signature = base64.b64encode(secret).decode()
    plain, found = parted(with_signature(call_id, signature))

    assert found == signature
    assert parted(with_signature(call_id, signature))[0] == plain


@given(st.binary(max_size=50))
def test_base64_of_either_alphabet_is_the_same(data: bytes) -> None:
    usual = base64.b64encode(data).decode()

    assert standard_base64(base64.urlsafe_b64encode(data).decode()) == usual
    assert standard_base64(base64.urlsafe_b64encode(data).decode().rstrip("=")) == usual
    assert standard_base64(usual) == usual


@pytest.mark.parametrize("key", ["id", "call_id", "tool_call_id", "tool_use_id"])
@pytest.mark.parametrize("colon", [":", ": ", " :\n"])
def test_ids_are_plain_again_for_a_provider_that_the_conversation_moved_on_to(key: str, colon: str) -> None:
    body = f'[{{"{key}"{colon}"8f2b__thought__CpYB-_9","name":"f"}},{{"{key}"{colon}"call_2"}}]'.encode()

    assert with_plain_ids(body) == f'[{{"{key}"{colon}"8f2b","name":"f"}},{{"{key}"{colon}"call_2"}}]'.encode()


def test_nothing_but_ids_becomes_plain() -> None:
    said = {"content": 'the mark is x__thought__abc, as in "id":"x__thought__abc"', "idx": "x__thought__abc"}
    body = orjson.dumps(said)

    assert with_plain_ids(body) == body
    assert with_plain_ids(b'{"id":"x"}') == b'{"id":"x"}'
