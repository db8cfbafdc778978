# ruff: noqa: E501 - answers of providers are read in rows

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing import Choice, Directory
from plano_extproc.routing.fallback import LONGEST, Chain, chain
from plano_extproc.routing.refusals import refusal_in
from plano_extproc.translate.faults import Fault, read_fault
from tests.routing.configured import config

OTHERS = """
  - {model: openai/small, access_key: k}
  - {model: azure_openai/big, access_key: k, base_url: "https://x.openai.azure.com"}
  - {model: anthropic/claude, access_key: k}
  - {model: groq/llama, access_key: k}
"""


def made(policy: str = "", *, ranked: tuple[str, ...] = (), cooling: frozenset[str] = frozenset()) -> Chain:
    retry = f", retry_policy: {policy}" if policy else ""
    directory = Directory(
        config(f"version: v0.5.0\nmodel_providers:\n  - {{model: openai/big, access_key: k{retry}}}{OTHERS}")
    )
    return chain(directory.resolve("openai/big"), directory.resolve, ranked=ranked, cooling=cooling)


def names(choices: tuple[Choice, ...]) -> list[str]:
    return [choice.name for choice in choices]


def walk(tried: Chain, *statuses: int) -> list[str]:
    so_far = [tried.candidates[0]]
    for status in statuses:
        following = tried.after(so_far, status)
        if following is None:
            break
        so_far.append(following)
    return names(tuple(so_far))


def test_without_a_policy_the_ranked_list_is_the_chain() -> None:
    found = made(ranked=("openai/big", "groq/llama", "groq/llama", "anthropic/claude"))

    assert names(found.tries) == ["openai/big", "groq/llama", "anthropic/claude"]
    assert {408, 429, 500, 503, 529} <= found.statuses
    assert not {400, 401, 404, 422} & found.statuses


def test_ranked_models_come_before_those_of_the_policy() -> None:
    found = made("{fallback_models: [groq/llama, openai/small]}", ranked=("anthropic/claude",))

    assert names(found.candidates) == ["openai/big", "anthropic/claude", "groq/llama", "openai/small"]
    assert names(found.tries) == names(found.candidates)


def test_a_named_strategy_orders_what_follows() -> None:
    models = "fallback_models: [openai/small, azure_openai/big, anthropic/claude]"

    assert names(made(f"{{{models}}}").candidates)[1] == "openai/small"
    assert names(made(f"{{{models}, default_strategy: different_provider}}").candidates)[1:] == [
        "azure_openai/big", "anthropic/claude", "openai/small"
    ]  # fmt: skip
    assert names(made(f"{{{models}, default_strategy: same_provider}}").candidates)[1] == "openai/small"


def test_the_same_model_is_tried_again_as_often_as_allowed() -> None:
    found = made("{default_strategy: same_model, default_max_attempts: 4}")

    assert names(found.tries) == ["openai/big"] * 4
    assert walk(found, *[503] * 9) == ["openai/big"] * 4


def test_attempts_bound_the_chain() -> None:
    found = made("{fallback_models: [groq/llama, anthropic/claude], default_max_attempts: 2}")

    assert names(found.tries) == ["openai/big", "groq/llama"]
    assert walk(found, 500, 500, 500) == ["openai/big", "groq/llama"]


def test_a_status_may_have_a_rule_of_its_own() -> None:
    found = made(
        "{fallback_models: [openai/small, anthropic/claude], default_strategy: same_model, default_max_attempts: 2, "
        "on_status_codes: [{codes: [401, '520-529'], strategy: different_provider, max_attempts: 3}]}"
    )

    assert {401, 429, 520, 529} <= found.statuses
    assert walk(found, 503, 503, 503) == ["openai/big", "openai/big"]
    assert walk(found, 401, 401, 401) == ["openai/big", "anthropic/claude", "openai/small"]
    assert walk(found, 503, 401) == ["openai/big", "openai/big", "anthropic/claude"]
    assert walk(found, 404) == ["openai/big"]
    assert len(found.tries) == found.attempts == 3


def test_what_cools_down_is_tried_last() -> None:
    found = made(ranked=("groq/llama",), cooling=frozenset({"openai/big"}))

    assert names(found.tries) == ["groq/llama", "openai/big"]


def test_pauses_grow_and_are_bounded() -> None:
    found = made("{default_strategy: same_model, backoff: {base_ms: 100, max_ms: 300, jitter: false}}")
    one = found.candidates[0]

    assert [found.pause((one,) * n, one, 0.5) for n in range(1, 5)] == [0.1, 0.2, 0.3, 0.3]
    assert (
        made("{backoff: {apply_to: same_model}}", ranked=("groq/llama",)).pause((one,), made().candidates[0], 0.5) == 0
    )


@given(st.integers(0, 19), st.floats(0, 1, exclude_max=True))
def test_a_varied_pause_lies_between_half_and_whole(tries: int, draw: float) -> None:
    found = made("{backoff: {base_ms: 100, max_ms: 5000}}")
    one = found.candidates[0]
    full = min(0.1 * 2**tries, 5.0)

    assert full / 2 <= found.pause((one,) * (tries + 1), one, draw) <= full


@given(
    st.lists(st.sampled_from(["openai/small", "azure_openai/big", "anthropic/claude", "groq/llama", "openai/big"])),
    st.lists(st.sampled_from([400, 429, 500, 503]), max_size=20),
)
def test_no_candidate_comes_twice_and_every_walk_ends(ranked: list[str], statuses: list[int]) -> None:
    found = made(ranked=tuple(ranked))
    seen = walk(found, *statuses)

    assert len(set(names(found.candidates))) == len(found.candidates) <= LONGEST
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"code":"context_length_exceeded","message":"x","type":"invalid_request_error"}}', "context_window"),
        (400, b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8"}}', "context_window"),
        (400, b'{"message":"Input is too long for requested model."}', "context_window"),
        (400, b'{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}', "context_window"),
        (400, b'{"object":"error","message":"This model\'s maximum context length is 8 tokens."}', "context_window"),
        (400, b'{"error":{"code":"content_filter","message":"The response was filtered"}}', "content_policy"),
        (400, b'{"error":{"message":"Output blocked by content filtering policy","type":"invalid_request_error"}}', "content_policy"),
        (400, b'{"error":{"code":"invalid_value","message":"temperature must be below 2"}}', None),
        (429, b'{"error":{"message":"prompt is too long"}}', None),
        (404, b"", None),
    ],
)  # fmt: skip
def test_refusals_are_known_by_the_providers_words(status: int, body: bytes, kind: str | None) -> None:
    assert refusal_in(read_fault(status, body)) == kind


def test_the_prompts_own_words_are_no_refusal() -> None:
    assert refusal_in(Fault("unknown parameter: 'content'", 400)) is None
