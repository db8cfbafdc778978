# ruff: noqa: E501 - answers of providers are read in rows

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.prices import Prices, Rates, UnreadableFeed, read
from plano_extproc.translate.chat import Usage

MODELS_DEV = orjson.dumps(
    {
        "openai": {"models": {"gpt-4o": {"cost": {"input": 2.5, "output": 10, "cache_read": 1.25}}, "free": {"cost": {"input": 0, "output": 0}}}},
        "azure": {"models": {"gpt-4o": {"cost": {"input": 99, "output": 99}}, "half": {"cost": {"input": 1}}, "bare": {}}},
        "empty": {},
    }
)  # fmt: skip
DIGITALOCEAN = orjson.dumps(
    {
        "data": [
            {"model_id": "a", "pricing": {"input_price_per_million": 0.000002, "output_price_per_million": 0.00001, "input_cache_read": 0.0000002}},
            {"model_id": "b", "pricing": {"input_price_per_million": 0.000002}},
            {"model_id": "c"},
        ]
    }
)  # fmt: skip


def test_models_dev_is_read_by_full_and_by_bare_name() -> None:
    prices = Prices(read("models.dev", MODELS_DEV, {}))

    assert prices.of("openai/gpt-4o") == Rates(2.5, 10, 1.25)
    assert prices.of("other/gpt-4o") == Rates(2.5, 10, 1.25)
    assert prices.of("azure/gpt-4o") == Rates(99, 99)
    assert [prices.figure(name) for name in ("openai/free", "azure/half", "azure/bare")] == [None, None, None]


def test_digitalocean_gives_prices_for_one_token() -> None:
    prices = Prices(read("digitalocean", DIGITALOCEAN, {"a": "digitalocean/main"}))

    assert prices.of("digitalocean/main") == Rates(2.0, 10.0, pytest.approx(0.2))
    assert prices.of("a") is None
    assert prices.of("b") is None


@pytest.mark.parametrize("body", [b"m/x: {input: 1, output: 2, cache_read: 0.5}\nm/y: {input: 0, output: 0}", b'{"m/x": {"input": 1, "output": 2, "cache_read": 0.5}, "m/y": {"input": 0, "output": 0}}'])  # fmt: skip
def test_a_file_is_yaml_or_json_and_nought_is_a_price_there(body: bytes) -> None:
    prices = Prices(read("file", body, {}))

    assert prices.of("m/x") == Rates(1, 2, 0.5)
    assert prices.figure("m/y") == 0


@pytest.mark.parametrize(
    ("provider", "body", "said"),
    [
        ("models.dev", b"<html>", "is no JSON"),
        ("models.dev", b"[]", "is no catalogue"),
        ("models.dev", b"{}", "holds no price"),
        ("models.dev", b'{"a": 1}', "is no catalogue"),
        ("models.dev", b'{"a": {"models": {"b": {"cost": {"input": "NaN", "output": 1}}}}}', "holds no price"),
        ("digitalocean", b'{"error": "no"}', "is no catalogue"),
        ("digitalocean", b'{"data": []}', "holds no price"),
        ("file", b"a: {input: -1, output: 2}", "usable input and output price of 'a'"),
        ("file", b"a: [", "is no YAML or JSON"),
        ("file", b"a: {input: true, output: 2}", "usable input and output price of 'a'"),
    ],
)
def test_rubbish_is_refused(provider: str, body: bytes, said: str) -> None:
    with pytest.raises(UnreadableFeed, match=said):
        read(provider, body, {})


@given(st.sampled_from(["models.dev", "digitalocean", "file"]), st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
).map(orjson.dumps))  # fmt: skip
def test_any_answer_is_read_or_refused(provider: str, body: bytes) -> None:
    try:
        table = read(provider, body, {})
    except UnreadableFeed:
        return
    assert all(rates.input >= 0 for rates in table.values())


def test_without_a_source_the_shipped_catalogue_counts() -> None:
    known = Prices().of("openai/gpt-5.5")

    assert known == Rates(5, 30, 0.5)
    assert Prices().of("openai/gpt-5.5", 300_000) == Rates(10, 45, 1)
    assert Prices().of("openai/nobody-knows") is None
    assert Prices({}).of("openai/gpt-5.5") is None


def test_a_cost_counts_every_kind_of_token_once() -> None:
    usage = Usage(input=1_000_000, cache_read=2_000_000, cache_write=1_000_000, output=1_000_000)

    assert Rates(2.0, 10.0).cost(usage) == pytest.approx(2 + 0.4 + 2 + 10)
    assert Rates(2.0, 10.0, 1.0, 2.5).cost(usage) == pytest.approx(2 + 2 + 2.5 + 10)
