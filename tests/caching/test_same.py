from typing import Any

import pytest

from plano_extproc.caching.same import key

BASE: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}


def of(request: dict[str, Any] = BASE, scope: tuple[str, ...] = ("one",), what: str = "chat", **headers: bytes) -> Any:
    return key(scope, what, request, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_order_of_fields_says_nothing() -> None:
    assert of() == of(dict(reversed(BASE.items())))
    assert len(of()) == 64


@pytest.mark.parametrize(
    "more",
    [
        {"model": "n"}, {"temperature": 0.6}, {"stream": True}, {"messages": [{"role": "user", "content": "hi "}]},
        {"user": "x"}, {"seed": 1}, {"tools": []}, {"novelty": None},
    ],
)  # fmt: skip
def test_every_word_counts(more: dict[str, Any]) -> None:
    assert of({**BASE, **more}) != of()


def test_who_asks_counts_and_what_and_how() -> None:
    assert of(scope=("two",)) != of()
    assert of(scope=("one", "")) != of()
    assert of(what="messages") != of()
    assert of(anthropic_beta=b"x") != of()
    assert of(user_agent=b"x") == of()


def test_state_is_no_part_of_what_is_asked() -> None:
    assert of({**BASE, "store": True}) == of({**BASE, "store": False}) == of()


def test_what_cannot_be_written_down_has_no_key() -> None:
    assert of({"model": "\ud800"}) is None
