from typing import Any

import pytest

from plano_extproc.gateway.tokens import VOCABULARY, estimate


def count(request: dict[str, Any]) -> tuple[int, str]:
    return estimate("anthropic.messages", request)


@pytest.fixture(autouse=True)
def loaded() -> None:
    VOCABULARY.load().join(30)


def test_text_is_counted_by_the_vocabulary() -> None:
    tokens, method = estimate(
        "anthropic.messages", {"system": "You are terse.", "messages": [{"role": "user", "content": "hello world"}]}
    )

    assert method == "o200k_base"
    assert tokens == 4 + 4 + 2


def test_blocks_and_tools_are_counted_and_ids_are_not() -> None:
    block = {"type": "text", "text": "hello world"}
    tool = {"name": "weather", "description": "hello world", "input_schema": {"type": "object"}}
    request = {"messages": [{"role": "user", "content": [block]}], "tools": [tool]}
    result = {"type": "tool_result", "tool_use_id": "toolu_0123456789", "content": "hello world"}

    assert count(request)[0] == 4 + 2 + 1 + 2
    assert count({"messages": [{"role": "user", "content": [result]}]})[0] == 4 + 2


def test_an_image_counts_as_the_largest_one() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}}

    assert count({"messages": [{"role": "user", "content": [image]}]})[0] == 4 + 1600


def test_a_very_long_text_is_measured() -> None:
    assert count({"messages": [{"role": "user", "content": "x" * 1_000_000}]}) == (
        4 + 250_000,
        "characters",
    )
