"""What requests fall into, what they reserve, and what is settled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.limits import Admission, Estimate, LimitReached, Taken, Wants, estimate
from plano_extproc.limits.cost import catalogue_price, nanos
from plano_extproc.limits.refusals import duration
from plano_extproc.limits.windows import Rolling
from plano_extproc.translate.chat import Usage
from tests.limits.reading import admission_of, served

NOW = 1_800_000_000.0
TEN = Estimate(10)


def rule(model: str, selector: str, limit: str) -> str:
    return f"ratelimits: [{{model: '{model}', selector: {selector}, limit: {limit}}}]\n"


def wanted(admission: Admission, headers: dict[str, bytes], name: str = "openai/gpt-4o") -> list[tuple[str, int]]:
    found = admission.wants(None, headers, served(name), TEN, NOW)
    return [(want.bucket.kind, want.amount) for want in found.wants] if found else []


@pytest.mark.parametrize("model", ["openai/gpt-4o", "gpt-4o", "*", "openai/*"])
def test_a_limit_is_on_full_names_bare_ones_and_patterns(model: str) -> None:
    admission = admission_of(rule(model, "{key: x-user, value: ann}", "{tokens: 100, unit: minute}"))

    assert wanted(admission, {"x-user": b"ann"}) == [("tokens", 10)]
    assert wanted(admission, {"x-user": b"bob"}) == []
    assert wanted(admission, {}) == []


@pytest.mark.parametrize("model", ["main", "fast", "faster"])
def test_an_alias_or_an_entry_means_the_model_behind_it(model: str) -> None:
    text = """\
model_aliases: {fast: {target: main}, faster: {target: fast}}
"""
    admission = admission_of(text + rule(model, "{key: x-user}", "{requests: 5, unit: day}"))

    assert wanted(admission, {}, "anthropic/claude-opus-4-5") == [("requests", 1)]
    assert wanted(admission, {}) == []


def test_a_limit_on_another_model_does_not_count() -> None:
    admission = admission_of(rule("gpt-4o", "{key: x-user}", "{requests: 5, unit: day}"))

    assert wanted(admission, {"x-user": b"ann"}) == [("requests", 1)]
    assert wanted(admission, {"x-user": b"ann"}, "anthropic/claude-sonnet-4-5") == []


@pytest.mark.parametrize("selector", ["{key: x-user}", "{key: x-user, value: '*'}"])
def test_every_value_has_its_own_limit_and_so_has_none(selector: str) -> None:
    admission = admission_of(rule("*", selector, "{requests: 5, unit: day}"))

    keys = set()
    for headers in ({"x-user": b"ann"}, {"x-user": b"bob"}, {}, {"x-user": b"\xff"}):
        found = admission.wants(None, headers, served(), TEN, NOW)
        assert found is not None
        keys.add(found.claims()[0].key)
    assert len(keys) == 4
    assert not any("ann" in key for key in keys)


def test_a_client_cannot_choose_another_limit_by_the_peers_header() -> None:
    admission = admission_of(rule("*", "{key: x-user}", "{requests: 5, unit: day}"))

    assert wanted(admission, {"x-user": b"ann", "x-arch-ratelimit-selector": b"x-else"}) == [("requests", 1)]


def test_of_two_entries_for_the_same_the_first_counts() -> None:
    text = """\
ratelimits:
  - {model: gpt-4o, selector: {key: x-user}, limit: {tokens: 100, unit: minute}}
  - {model: gpt-4o, selector: {key: x-user}, limit: {tokens: 999, unit: minute}}
  - {model: gpt-4o, selector: {key: x-user}, limit: {tokens: 500, unit: day}}
"""
    found = admission_of(text).wants(None, {}, served(), TEN, NOW)

    assert found is not None
    assert [want.bucket.bound for want in found.wants] == [100, 500]
    assert len({claim.key for claim in found.claims()}) == 2


def test_a_day_is_a_day() -> None:
    found = admission_of(rule("*", "{key: x-user}", "{tokens: 24, unit: day}")).wants(None, {}, served(), TEN, NOW)

    assert found is not None
    assert found.wants[0].bucket.window == Rolling(86400)
    assert found.wants[0].bucket.bound == 24


def test_nothing_configured_wants_nothing() -> None:
    admission = admission_of("")

    assert not admission.has_clients
    assert not admission.has_limits
    assert not admission.needs_tokens
    assert admission.wants(None, {}, served(), TEN, NOW) is None


def test_of_a_long_answer_a_tenth_of_the_limit_is_reserved() -> None:
    admission = admission_of(rule("*", "{key: x-user}", "{tokens: 1000, unit: minute}"))
    found = admission.wants(None, {}, served(), Estimate(10, 64000), NOW)

    assert found is not None
    assert found.wants[0].amount == 110


CLIENT = "clients: [{id: a, key: k, budget: {usd: 1, per: day}, ratelimit: {tokens: 1000, requests: 2, per: minute}}]\n"


def of_client(text: str = CLIENT, tokens: Estimate = TEN, name: str = "openai/gpt-4o") -> tuple[Admission, Wants]:
    admission = admission_of(text)
    client = admission.admit({"x-api-key": b"k"}, "", "egress_traffic")
    found = admission.wants(client, {}, served(name), tokens, NOW)
    assert found is not None
    return admission, found


def test_an_answer_tells_limits_as_openai_does() -> None:
    _, wants = of_client()

    headers = dict(wants.granted(Taken(True, ((), (), ()))))
    assert headers["x-ratelimit-limit-requests"] == b"2"
    assert headers["x-ratelimit-remaining-requests"] == b"1"
    assert headers["x-ratelimit-limit-tokens"] == b"1000"
    assert headers["x-ratelimit-remaining-tokens"] == b"990"
    assert headers["x-ratelimit-reset-tokens"] == b"1m3s"
    assert headers["x-ratelimit-limit-usd"] == b"1"
    assert headers["x-ratelimit-remaining-usd"] == b"0.999975"
    assert headers["x-ratelimit-reset-usd"] == b"16h0m0s"


def test_a_refusal_says_which_limit_and_when_there_is_room() -> None:
    _, wants = of_client()
    claims = wants.claims()
    since = claims[0].since

    with pytest.raises(LimitReached, match="the limit of 2 requests per minute of client 'a' is reached") as caught:
        wants.granted(Taken(False, (((since + 5, 1), (since + 6, 1)), ((since, 100),), ())))
    assert caught.value.status == 429
    assert caught.value.code == "rate_limit_exceeded"
    headers = dict(caught.value.headers)
    assert headers["retry-after"] == b"18"
    assert headers["x-ratelimit-remaining-requests"] == b"0"
    assert headers["x-ratelimit-reset-requests"] == b"21s"
    assert headers["x-ratelimit-remaining-tokens"] == b"900"


def test_a_request_that_never_fits_is_told_so() -> None:
    _, wants = of_client(tokens=Estimate(5000))

    with pytest.raises(LimitReached, match="can never hold this request of about 5000 tokens; send a shorter one"):
        wants.granted(Taken(False, ((), (), ())))


def test_a_spent_budget_says_when_it_begins_anew() -> None:
    _, wants = of_client()
    spent = ((wants.claims()[2].slot, 1_000_000_000),)

    with pytest.raises(
        LimitReached, match=r"the budget of 1 USD per day of client 'a' is spent; .* in 16h0m0s"
    ) as caught:
        wants.granted(Taken(False, ((), (), spent)))
    assert caught.value.code == "insufficient_quota"
    assert dict(caught.value.headers)["retry-after"] == b"57600"


def test_a_model_without_a_price_is_refused_when_the_budget_is_spent_too() -> None:
    _, wants = of_client(name="house/llama")

    assert wants.claims()[2].amount == 1


def test_what_was_used_is_charged_in_place_of_what_was_reserved() -> None:
    admission, wants = of_client()
    client = admission.admit({"x-api-key": b"k"}, "", "egress_traffic")

    due = admission.due(client, {}, served(), Usage(input=100, output=50), NOW + 30)
    charges = {charge.key: charge for charge in wants.settled(due)}
    requests, tokens, money = wants.claims()
    assert requests.key not in charges
    assert charges[tokens.key].amount == 140
    assert charges[tokens.key].slot == Rolling(60).slot(NOW + 30)
    assert charges[money.key].amount == 750_000 - 25_000


def test_what_was_not_used_is_given_back_to_the_time_that_it_was_taken_from() -> None:
    admission, wants = of_client()
    client = admission.admit({"x-api-key": b"k"}, "", "egress_traffic")

    charges = wants.settled(admission.due(client, {}, served(), Usage(), NOW + 30))
    tokens = next(charge for charge in charges if charge.key == wants.claims()[1].key)
    assert tokens.amount == -10
    assert tokens.slot == Rolling(60).slot(NOW)
    late = wants.settled(admission.due(client, {}, served(), Usage(), NOW + 3600))
    assert [charge.key for charge in late] == [wants.claims()[2].key]


def test_the_limits_of_the_model_that_served_are_charged() -> None:
    admission = admission_of(
        "ratelimits:\n"
        "  - {model: gpt-4o, selector: {key: x-user}, limit: {requests: 5, unit: minute}}\n"
        "  - {model: 'anthropic/*', selector: {key: x-user}, limit: {tokens: 500, unit: minute}}\n"
    )
    wants = admission.wants(None, {}, served(), TEN, NOW)
    assert wants is not None

    due = admission.due(None, {}, served("anthropic/claude-sonnet-4-5"), Usage(input=5, output=6), NOW)
    assert sorted(charge.amount for charge in wants.settled(due)) == [-1, 11]


def test_prices_count_cached_tokens_apart() -> None:
    price = catalogue_price(served("anthropic/claude-sonnet-4-5").provider, "claude-sonnet-4-5")
    assert price is not None
    assert price.cache_read is not None
    assert price.cache_write is not None
    assert price.output is not None

    cost = nanos(price, Usage(input=100, cache_read=1000, cache_write=10, output=20))
    dollars = 100 * price.input + 1000 * price.cache_read + 10 * price.cache_write + 20 * price.output
    assert cost == round(dollars * 1000)


def test_an_estimate_counts_text_and_not_pictures() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    request = {
        "model": "x" * 1000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a" * 400}, picture]}],
        "max_tokens": 77,
    }

    assert estimate(request) == Estimate(1700, 77)
    assert estimate({}) == Estimate(1)
    assert estimate({"contents": [{"parts": [{"text": "é" * 4}, {"inlineData": {"data": "A" * 9999}}]}]}) == Estimate(
        1602
    )
    assert estimate({"input": "four", "max_output_tokens": 5}) == Estimate(1, 5)
    assert estimate({"contents": [], "generationConfig": {"maxOutputTokens": 9}}) == Estimate(1, 9)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["messages", "system", "max_tokens", "generationConfig", "input"]), json))
def test_an_estimate_is_made_of_any_json(request: dict[str, object]) -> None:
    assert estimate(request).input >= 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0201, "21ms"), (1.5, "1.5s"), (59.9999, "1m0s"), (360, "6m0s"), (3603, "1h0m3s"), (-1, "0ms")],
)
def test_durations_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text
