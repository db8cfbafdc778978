import json

from planoai.collector.calls import call_of, catalogue_price
from planoai.console.exchanges import Exchanges


def line(**more: object) -> str:
    about = {"time": "2026-11-20T10:00:00.000Z", "request_id": "r1", "listener": "llm", "path": "/v1/messages"}
    return json.dumps({**about, "status": 200, "model": "openai/gpt-4o", **more})


def span(**attributes: object) -> dict[str, object]:
    about = {"llm.model": "gpt-4o", "llm.provider": "openai", "request_id": "r1", "plano.listener": "llm", **attributes}
    return {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "parentSpanId": "",
        "name": "llm",
        "service": "plano(llm)",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
        "attributes": [
            {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
            for key, value in about.items()
        ],
        "events": [{"name": "signal.interaction.satisfaction.success", "timeUnixNano": "1", "attributes": []}],
        "links": [],
        "status": {"code": "unset", "message": ""},
    }


def take(exchanges: Exchanges, found: dict[str, object]) -> None:
    call = call_of(found, catalogue_price)
    assert call is not None
    exchanges.take_call(call, found)


def test_a_line_and_a_span_of_one_request_are_one_exchange_whichever_comes_first() -> None:
    told = span(**{"llm.usage.prompt_tokens": 12, "llm.usage.completion_tokens": 3})
    one, other = Exchanges(), Exchanges()
    one.take_line(line(duration_ms=40))
    take(one, told)
    take(other, told)
    other.take_line(line(duration_ms=40))

    for exchanges in (one, other):
        [found] = exchanges.after(0)
        assert (found["duration_ms"], found["input_tokens"], found["trace_id"]) == (40, 12, "a" * 32)
        assert found["signals"] == ["interaction.satisfaction.success"]


def test_only_what_changed_is_told_again() -> None:
    exchanges = Exchanges()
    exchanges.take_line(line())
    exchanges.take_line(line(request_id="r2"))
    seen = exchanges.sequence
    exchanges.take_line(line(status=500))

    assert [exchange["request_id"] for exchange in exchanges.after(seen)] == ["r1"]


def test_probes_and_what_is_no_line_are_left_out() -> None:
    exchanges = Exchanges()
    taken = [exchanges.take_line(text) for text in (line(path="/readyz"), "{", "[]", line(request_id=None))]

    assert taken == [False] * 4
    assert len(exchanges) == 0


def test_the_number_of_exchanges_is_bounded() -> None:
    exchanges = Exchanges(kept=10)
    for number in range(30):
        exchanges.take_line(line(request_id=f"r{number}"))

    assert len(exchanges) == 10


def test_what_was_used_is_added_up_by_model_client_agent_and_route() -> None:
    exchanges = Exchanges()
    exchanges.take_line(line(input_tokens=10, output_tokens=5, cost_usd=0.5, client_id="a", duration_ms=10))
    exchanges.take_line(line(request_id="r2", status=429, cost_usd="0.25", client_id="a", route="code", duration_ms=30))
    sums = exchanges.sums()

    assert sums["model"]["openai/gpt-4o"] == {
        "requests": 2, "errors": 1, "input_tokens": 10, "output_tokens": 5, "cached_tokens": 0, "cost": 0.75,
        "p50_ms": 30, "p95_ms": 30,
    }  # fmt: skip
    assert sums["client"]["a"]["requests"] == 2
    assert list(sums["route"]) == ["code"]
    assert sums["agent"] == {}


def test_a_reason_in_the_prompt_goes_before_the_plans_and_verdicts_are_words() -> None:
    exchanges = Exchanges()
    exchanges.take_line(
        line(
            route="code",
            reason="route code",
            route_reason="lexical 'code' 0.98",
            guards=[{"guard": "jailbreak", "verdict": "allow", "ms": 0.1}],
            output_guards=[{"guard": "pii", "verdict": "redact", "count": 1}],
        )
    )
    [found] = exchanges.after(0)

    assert found["reason"] == "lexical 'code' 0.98"
    assert found["guards"] == ["jailbreak:allow", "pii:redact"]


def test_a_request_that_agents_answer_has_no_model_and_a_call_on_the_way_says_what_for() -> None:
    exchanges = Exchanges()
    take(exchanges, span(**{"llm.model": "", "llm.provider": "", "selection.agents": "weather,flights"}))
    take(exchanges, span(**{"request_id": "r2", "plano.callout": "function calling"}))
    [answered, called] = exchanges.after(0)

    assert (answered.get("model"), answered["agent"]) == (None, "weather,flights")
    assert (called["model"], called["reason"]) == ("openai/gpt-4o", "function calling")


def test_all_agents_of_a_request_are_named_and_the_last_one_has_its_tokens() -> None:
    exchanges = Exchanges()
    ran = [{"agent": "weather", "outcome": "answered"}, {"agent": "flights", "outcome": "failed"}]
    exchanges.take_line(line(model=None, agent="general", agents=ran, input_tokens=10, cost_usd=0.5, duration_ms=40))
    [found] = exchanges.after(0)
    sums = exchanges.sums()["agent"]

    assert found["agent"] == "weather,flights,general"
    assert {name: (each["requests"], each["input_tokens"], each["cost"]) for name, each in sums.items()} == {
        "weather": (1, 0, None),
        "flights": (1, 0, None),
        "general": (1, 10, 0.5),
    }
