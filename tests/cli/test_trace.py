import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from planoai import ports
from planoai.collector import process
from planoai.collector.process import Running
from planoai.collector.query import Query, trimmed
from planoai.collector.store import Store
from planoai.collector.tree import tree
from planoai.errors import Failure
from planoai.home import Home
from tests.cli.collecting import collector, send
from tests.cli.commands import Shell, flat
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Running, list[str]]]:
    with collector() as (running, _):
        ids = send(running.endpoint, 3)
        ids += send(running.endpoint, 1, {"http.status_code": 429, "note": "a=b"})
        yield running, ids


def ask(user: Shell, running: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    return user.planoai("trace", *arguments, PLANO_TRACE_PORT=str(running.port))


def test_the_last_trace_is_a_tree(user: Shell, filled: tuple[Running, list[str]]) -> None:
    running, ids = filled
    shown = ask(user, running)

    assert shown.returncode == 0
    lines = [line for line in shown.stdout.splitlines() if "plano(" in line or "Trace:" in line]
    assert lines[0].startswith(f"Trace: {ids[2]} (60.00ms total)")
    assert [line.index("ms plano") for line in lines[1:]] == sorted(line.index("ms plano") for line in lines[1:])
    assert "plano(agent) weather /v1/chat/completions 60.00ms" in lines[1]
    assert "signal.interaction.satisfaction.gratitude at 50.00ms" in shown.stdout


def test_errors_are_told_from_no_traces(user: Shell) -> None:
    port = free_port()
    failed = user.planoai("trace", PLANO_TRACE_PORT=str(port))

    assert failed.returncode == 1
    assert f"no collector answers on 127.0.0.1:{port}" in flat(failed.stderr)


def test_json_holds_all_of_a_span(user: Shell, filled: tuple[Running, list[str]]) -> None:
    running, ids = filled
    shown = json.loads(ask(user, running, "any", "--json").stdout)

    assert sorted(trace["trace_id"] for trace in shown["traces"]) == sorted(ids)
    spans = {span["name"]: span for span in shown["traces"][-1]["spans"]}
    call, root = spans["llm"], spans["weather /v1/chat/completions"]
    assert call["parentSpanId"] == root["spanId"]
    assert call["service"] == "plano(llm)"
    assert {"key": "llm.usage.prompt_tokens", "value": {"intValue": "1000"}} in call["attributes"]
    assert call["events"][0]["name"] == "signal.interaction.satisfaction.gratitude"
    assert call["status"] == {"code": "unset", "message": ""}
    assert isinstance(call["startTimeUnixNano"], str)


def test_ids_are_listed_and_looked_up_by_their_beginning(user: Shell, filled: tuple[Running, list[str]]) -> None:
    running, ids = filled

    assert sorted(json.loads(ask(user, running, "--list", "--json").stdout)["trace_ids"]) == sorted(ids)
    assert len(json.loads(ask(user, running, "--list", "--limit", "2", "--json").stdout)["trace_ids"]) == 2
    one = json.loads(ask(user, running, ids[1][:8], "--json").stdout)
    assert [trace["trace_id"] for trace in one["traces"]] == [ids[1]]
    listed = ask(user, running, "--list").stdout.splitlines()
    assert listed[0] == "Trace IDs:"
    assert set(listed[1:]) == {each[:8] for each in ids}


def test_conditions_see_all_attributes_whatever_is_shown(user: Shell, filled: tuple[Running, list[str]]) -> None:
    running, ids = filled
    shown = ask(
        user, running, "any", "--where", "note=a=b", "--where", "http.status_code=429", "--filter", "llm.*", "--json"
    )

    (trace,) = json.loads(shown.stdout)["traces"]
    assert trace["trace_id"] == ids[3]
    assert all(entry["key"].startswith("llm.") for span in trace["spans"] for entry in span["attributes"])


def test_a_pattern_that_matches_nothing_is_a_warning_on_stderr(user: Shell, filled: tuple[Running, list[str]]) -> None:
    shown = ask(user, filled[0], "--filter", "nosuch.*", "--json")

    assert "--filter nosuch.* matches no attribute" in flat(shown.stderr)
    spans = json.loads(shown.stdout)["traces"][0]["spans"]
    assert all(span["attributes"] for span in spans)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["xyz"], "'xyz' is no trace"),
        (["00000000"], "'00000000' is no trace"),
        (["--since", "10x"], "--since 10x is no length of time"),
        (["--since", "-5m"], "--since -5m is no length of time"),
        (["--where", "novalue"], "--where novalue is no condition"),
        (["--where", "nokey.at.all=1"], "no span has the attribute nokey.at.all"),
        (["--limit", "-1"], "--limit -1 is below 0"),
        (["--filter", "a,,b"], "--filter has an empty pattern"),
        (["--list", "0af76519"], "--list shows many traces"),
        (["--default-otel-endpoint=http://h:x"], "is no collector"),
        (["listen", "--host", "192.0.2.1"], "on loopback only"),
    ],
)
def test_wrong_options_are_explained(
    user: Shell, filled: tuple[Running, list[str]], arguments: list[str], told: str
) -> None:
    failed = ask(user, filled[0], *arguments)

    assert failed.returncode == 1
    assert told in flat(failed.stderr)
    assert failed.stdout == ""


def test_traces_of_long_ago_are_left_out_whole(user: Shell, filled: tuple[Running, list[str]]) -> None:
    shown = ask(user, filled[0], "--since", "1h", "--json")

    assert json.loads(shown.stdout) == {"traces": []}
    assert ask(user, filled[0], "--since", "1h").stdout.strip() == "No traces found."


def test_an_error_stands_at_its_span(user: Shell, filled: tuple[Running, list[str]]) -> None:
    running, ids = filled

    assert "✗ 429 Too Many Requests" in ask(user, running, ids[3]).stdout


def test_new_traces_are_followed(user: Shell) -> None:
    with collector() as (running, _):
        following = user.start("trace", "--follow", "--json", "--port", str(running.port))
        found: list[str] = []

        def read() -> None:
            assert following.stdout is not None
            found.append(following.stdout.readline())

        reader = threading.Thread(target=read)
        reader.start()
        ids = []
        while reader.is_alive():
            ids += send(running.endpoint)
            reader.join(0.5)
        following.terminate()
        following.wait()

    told = json.loads(found[0])
    assert told["trace_id"] in ids
    assert len(told["spans"]) == 3


def test_as_many_are_followed_as_the_limit_says_and_nothing_of_them_is_cut(user: Shell) -> None:
    with collector() as (running, _):
        long = {"note": "word " * 60}
        listed = user.start("trace", "--follow", "--list", "--limit", "1", "--port", str(running.port))
        shown = user.start("trace", "--follow", "--limit", "1", "-v", "--port", str(running.port))
        ids = []
        while listed.poll() is None or shown.poll() is None:
            ids += send(running.endpoint, 1, long)
            time.sleep(0.5)
        told, drawn = listed.communicate()[0], shown.communicate()[0]

    assert told.strip() in {each[:8] for each in ids}
    assert ("word " * 60).strip() in drawn
    assert (listed.returncode, shown.returncode) == (0, 0)


def test_a_follower_ends_quietly_by_the_keyboard(user: Shell) -> None:
    with collector() as (running, _):
        following = user.start("trace", "--follow", "--list", "--port", str(running.port))
        assert following.stdout is not None
        heard: list[str] = []
        reader = threading.Thread(target=lambda: heard.append(following.stdout.readline()))  # type: ignore[union-attr]
        reader.start()
        while reader.is_alive():
            send(running.endpoint)
            reader.join(0.5)
        following.send_signal(signal.SIGINT)
        rest = following.communicate(timeout=60)[0]

    assert following.returncode == 0
    assert "Traceback" not in rest


def test_a_collector_is_started_once_found_again_and_stopped(user: Shell) -> None:
    first = user.planoai("trace", "listen", PLANO_TRACE_PORT=str(free_port()))
    try:
        again = user.planoai("trace", "listen")
        asked = user.planoai("trace", "--json")
    finally:
        ended = user.planoai("trace", "stop")
    port = flat(first.stdout).partition("127.0.0.1:")[2].partition(" ")[0]

    assert (first.returncode, again.returncode, asked.returncode, ended.returncode) == (0, 0, 0, 0)
    assert "runs already" in flat(again.stderr)
    assert json.loads(asked.stdout) == {"traces": []}
    assert f"The collector on port {port} has ended" in flat(ended.stdout)
    assert ports.problem("127.0.0.1", int(port)) is None


def test_an_endpoint_starts_a_collector_where_none_runs(user: Shell) -> None:
    port = free_port()
    shown = user.planoai("trace", f"--default-otel-endpoint=http://localhost:{port}", "--json")
    ended = user.planoai("trace", "stop", "--port", str(port))

    assert json.loads(shown.stdout) == {"traces": []}
    assert "has ended" in ended.stdout


def test_an_endpoint_elsewhere_is_asked_and_nothing_is_started_in_its_place(user: Shell) -> None:
    failed = user.planoai("trace", "--default-otel-endpoint=http://collector.invalid:4317")

    assert failed.returncode == 1
    assert "no collector answers on collector.invalid:4317" in flat(failed.stderr)
    assert user.planoai("trace", "stop").stdout.startswith("No collector runs")


def test_a_port_of_somebody_else_is_an_error(user: Shell) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        failed = user.planoai("trace", "listen", "--port", str(port))

    assert failed.returncode == 1
    assert f"port {port} is in use by" in flat(failed.stderr)


def test_two_collectors_cannot_share_a_port(place: Home) -> None:
    with collector() as (running, _):
        second = subprocess.run(
            [sys.executable, "-m", "planoai.collector.server", "--port", str(running.port)],
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        shared = process.ensure(place, {}, port=running.port)

    assert second.returncode == 1
    assert (shared.pid, shared.is_new) == (running.pid, False)


def test_thirty_thousand_spans_are_all_kept() -> None:
    with collector() as (running, _):
        send(running.endpoint, 10_000)
        info = running.client.info()
        listed = running.client.traces()

    assert (info["received"], info["spans"], info["dropped"]) == (30_000, 30_000, 0)
    assert len(listed) == 10_000


def span(trace: int, number: int, parent: int = 0, **fields: object) -> dict[str, object]:
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": f"s{number}",
        "service": "plano",
        "kind": "internal",
        "startTimeUnixNano": str(number),
        "endTimeUnixNano": str(number + 1),
        "attributes": [],
        "status": {"code": "unset", "message": ""},
        "events": [],
        "links": [],
        **fields,
    }


def test_a_full_store_loses_its_oldest_trace_and_counts_it() -> None:
    store = Store(most_spans=4, most_of_a_trace=3)
    for trace in (1, 2, 3):
        store.add([span(trace, 1), span(trace, 2)])
    store.add([span(3, number) for number in range(1, 6)])

    assert [spans[0]["traceId"][-1] for spans in store.traces()] == ["3"]
    assert (store.spans, store.received, store.dropped) == (3, 11, 6)


def test_spans_that_are_sent_twice_are_kept_once() -> None:
    store = Store()

    assert len(store.add([span(1, 1)])) == 1
    assert store.add([span(1, 1)]) == []


def test_parents_in_a_circle_and_lost_ones_do_not_hide_spans() -> None:
    shown = tree([span(1, 1, 2), span(1, 2, 1), span(1, 3, 9)], everything=True)
    names: list[str] = []

    def walk(branch) -> None:  # type: ignore[no-untyped-def]
        names.append(str(branch.label))
        for child in branch.children:
            walk(child)

    walk(shown)
    assert all(any(f"[bold]s{number}[/]" in name for name in names) for number in (1, 2, 3))


def test_globs_know_only_stars() -> None:
    entry = {"key": "abb", "value": {"stringValue": "x"}}
    trace = [span(1, 1, attributes=[entry])]

    assert trimmed([trace], ["a*b"])[1] == []
    assert trimmed([trace], ["a?b"])[1] == ["a?b"]


def test_a_limit_of_nothing_is_no_limit() -> None:
    traces = [[span(number, 1)] for number in (1, 2, 3)]

    assert len(Query("any", limit=0).select(traces, now=0)) == 3
    assert len(Query("any", limit=2).select(traces, now=0)) == 2
    with pytest.raises(Failure):
        Query("any", where=(("a", "b"),)).select(traces, now=0)


@pytest.mark.envoy
def test_a_gateway_brings_its_collector_and_takes_it_along(user: Shell) -> None:
    up = user.planoai(
        "up", "--listener-port", str(free_port()), "--workers", "1", "--with-tracing",
        OPENAI_API_KEY="sk-one", PLANO_TRACE_PORT=str(free_port()),
    )  # fmt: skip
    status = json.loads(user.planoai("status", "--json").stdout)
    port = status["ports"]["trace"]
    send(f"http://127.0.0.1:{port}")
    shown = json.loads(user.planoai("trace", "--json").stdout)
    down = user.planoai("down", "--drain-seconds", "0")

    assert (up.returncode, down.returncode) == (0, 0)
    assert len(shown["traces"]) == 1
    assert ports.problem("127.0.0.1", port) is None
