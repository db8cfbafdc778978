import io
import json

import pytest
from rich.console import Console

from planoai.collector.board import board
from planoai.collector.calls import Calls, catalogue_price
from planoai.collector.pricing import prices
from planoai.ports import problem
from tests.cli.collecting import collector, send
from tests.cli.commands import Shell, flat
from tests.support.gateway import until
from tests.support.ports import free_port


def test_calls_are_read_from_the_collector_that_trace_reads_too(user: Shell) -> None:
    with collector() as (running, _):
        send(running.endpoint, 3)
        send(running.endpoint, 1, {"http.status_code": 503, "llm.model": "gpt-4o-mini"})
        port = str(running.port)
        found = json.loads(user.planoai("obs", "--json", "--port", port).stdout)
        traces = json.loads(user.planoai("trace", "--list", "--json", "--port", port).stdout)

    price = catalogue_price("openai", "gpt-4o")
    assert price is not None
    each = (1000 * price.input + 500 * price.output) / 1e6
    assert found["totals"]["requests"] == len(traces["trace_ids"]) == 4
    assert found["totals"]["server_errors"] == 1
    assert found["models"]["gpt-4o"]["cost"] == pytest.approx(3 * each)
    assert found["models"]["gpt-4o"]["tokens_per_second"] == pytest.approx(500 / 0.030)
    assert found["models"]["gpt-4o"]["latency_ms"]["p95"] == 50
    assert found["routes"]["weather"]["requests"] == 4
    assert {call["status"] for call in found["calls"]} == {200, 503}


def test_a_collector_that_is_missing_is_an_error(user: Shell) -> None:
    failed = user.planoai("obs", "--json", PLANO_TRACE_PORT="1")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "no collector answers" in failed.stderr


def test_the_board_shows_models_routes_errors_and_calls() -> None:
    with collector() as (running, _):
        send(running.endpoint, 2)
        send(running.endpoint, 1, {"http.status_code": 429, "signals.quality": "severe"})
        calls = Calls(10, catalogue_price)
        for trace in reversed(running.client.traces()):
            calls.take(trace)
    text = io.StringIO()
    Console(file=text, width=160).print(board(calls.snapshot(), "here"))

    shown = text.getvalue()
    assert "3 requests  1 4xx  0 5xx" in shown
    assert "last error 429 gpt-4o" in shown
    for word in ("weather", "severe", "gpt-4o", "p95", "100%"):
        assert word in shown


def test_on_a_narrow_terminal_names_are_cut_and_no_figure_is() -> None:
    name = "a-model-with-a-very-long-name-that-fits-nowhere"
    with collector() as (running, _):
        send(running.endpoint, 3, {"llm.model": name})
        calls = Calls(10, catalogue_price)
        for trace in running.client.traces():
            calls.take(trace)
    text = io.StringIO()
    Console(file=text, width=80).print(board(calls.snapshot(), "here", width=80))

    lines = text.getvalue().splitlines()
    rows = [line.split() for line in lines if "a-model-" in line]
    assert [row for row in rows if row[1:5] == ["3", "3000", "1500", "50ms"]]
    assert len([row for row in rows if row[-5:-1] == ["200", "1000", "500", "50ms"]]) == 3


def test_a_source_of_prices_that_is_away_is_told_in_words(user: Shell) -> None:
    with collector() as (running, _):
        shown = user.planoai("obs", "--json", "--port", str(running.port), "--pricing-url", "http://127.0.0.1:1/prices")

    assert shown.returncode == 0
    assert "prices cannot be read from http://127.0.0.1:1/prices: Connection refused ->" in flat(shown.stderr)


def test_a_collector_of_its_own_ends_with_it_on_sigterm(user: Shell) -> None:
    shown = user.start("obs", "--port", str(port := free_port()))
    until(lambda: problem("127.0.0.1", port))
    shown.terminate()

    assert shown.wait(60) == 0
    assert problem("127.0.0.1", port) is None


def test_a_span_is_counted_once_and_the_ring_is_bounded() -> None:
    with collector() as (running, _):
        send(running.endpoint, 5)
        traces = running.client.traces()
    calls = Calls(3, catalogue_price)
    for _ in range(2):
        for trace in traces:
            calls.take(trace)

    assert len(calls.latest) == 3


def test_prices_of_both_catalogues_are_for_a_million_tokens() -> None:
    told = {"input_price_per_million": 1.5e-7, "output_price_per_million": 6e-7, "input_cache_read": 7e-8}
    ocean = prices(
        "digitalocean", {"data": [{"model_id": "gpt", "pricing": told}, {"model_id": "free", "pricing": {}}]}
    )
    web = prices("models.dev", {"openai": {"models": {"gpt": {"cost": {"input": 0.15, "output": 0.6}}, "x": {}}}})

    assert list(ocean) == ["gpt"]
    assert (ocean["gpt"].input, ocean["gpt"].output, ocean["gpt"].cached) == pytest.approx((0.15, 0.6, 0.07))
    assert (web["openai/gpt"].input, web["openai/gpt"].cached) == (0.15, None)


def test_what_agents_answered_is_shown_by_them(user: Shell) -> None:
    with collector() as (running, _):
        about = {"selection.agents": "weather,flights", "http.status_code": 200, "request_id": "r-1", "llm.model": ""}
        send(running.endpoint, 2, about)
        found = json.loads(user.planoai("obs", "--json", "--port", str(running.port)).stdout)

    assert found["totals"]["requests"] == 2
    assert {name: sums["requests"] for name, sums in found["agents"].items()} == {"flights": 2, "weather": 2}
    assert found["models"] == {}
    assert [call["agents"] for call in found["calls"]] == ["weather,flights"] * 2
    drawn = Console(file=io.StringIO(), width=160)
    drawn.print(board(found, "here"))
    assert isinstance(drawn.file, io.StringIO)
    assert "weather,flights" in drawn.file.getvalue()
