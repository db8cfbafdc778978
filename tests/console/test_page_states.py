"""The page when there is nothing to show, too much of it, long names, errors, and no console any more."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from planoai.home import Home
from tests.console.stage import Stage, stage
from tests.support import processes
from tests.support.browser import Tab, tab
from tests.support.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.browser, pytest.mark.timeout(300)]

_START = """
import os
from planoai.console.process import start
from planoai.home import home
start(home(os.environ), os.environ)
"""
_WIDE = """[...document.querySelectorAll('#view .panel')].filter((p) => p.scrollWidth > p.clientWidth)
.flatMap((p) => [...p.querySelectorAll('*')]
    .filter((e) => e.getBoundingClientRect().right > p.getBoundingClientRect().right))
.map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 60)}`).join('; ')"""
"""What lies outside of its panel."""

VIEWS = ("requests", "traces", "signals", "cost", "guards", "providers", "configuration", "playground", "agents")


@pytest.fixture(scope="module")
def page() -> Iterator[Tab]:
    with tab() as found:
        found.resize(1280, 800)
        yield found


@pytest.fixture(scope="module")
def found() -> Iterator[Stage]:
    with stage() as running:
        yield running


@contextmanager
def console(home: Path) -> Iterator[str]:
    """Run a console in a home without a gateway, and yield its address."""
    with started(home) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def started(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a console, and end it together with the collector that it has started."""
    ports = {"PLANO_CONSOLE_PORT": str(free_port()), "PLANO_TRACE_PORT": str(free_port())}
    environ = {**os.environ, "PLANO_HOME": str(home), **ports}
    command = [sys.executable, "-m", "planoai.console"]
    try:
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            yield process
    finally:
        processes.end(processes.of_home(home))


def show(page: Tab, view: str, words: str = "") -> str:
    page.run(f"location.hash = '{view}'")
    page.awaits(view.capitalize(), "nav [aria-current]")
    return page.awaits(words, "#view") if words else page.text("#view")


def line(number: int, **more: object) -> str:
    about: dict[str, Any] = {
        "time": f"2026-11-20T10:{number // 60 % 60:02}:{number % 60:02}.000Z", "request_id": f"r{number}",
        "listener": "llm", "path": "/v1/chat/completions", "status": 200, "model": "openai/gpt-4o",
        "input_tokens": 10, "output_tokens": 5, "cost_usd": 0.001, "duration_ms": 20, "client_id": "team-a",
    }  # fmt: skip
    return json.dumps(about | more) + "\n"


def test_a_page_without_traffic_says_so_and_where_to_send_some(page: Tab, found: Stage) -> None:
    page.open(found.console)
    page.awaits("ready", "#gateway", seconds=60)

    assert f"Send one to {found.gateway.url()}" in show(page, "requests", "No requests yet")
    show(page, "traces", "No traces yet")
    show(page, "cost", "No request came with a client's key")
    show(page, "signals", "None.")
    show(page, "agents", "No agent is governed")
    assert "$" not in page.text("#totals")
    assert page.errors == []


def test_an_error_says_why_and_the_chosen_row_is_marked(page: Tab, found: Stage) -> None:
    show(page, "requests")
    found.ask("Hello", model="nobody-knows-it")
    found.ask("Hello", model="smart")
    page.awaits("model not found", "#rows")
    page.press("j", "j", "Enter")
    page.awaits("plano_model_not_found", "#about")

    assert "404" in page.text("#rows [aria-selected=true]")
    page.press("Escape")


def test_the_providers_are_named_by_what_they_serve(page: Tab, found: Stage) -> None:
    found.ask("Hello", model="smart")

    shown = show(page, "providers", "healthy")
    assert "openai/dev-model, anthropic/dev-model-large" in shown


def test_nothing_is_cut_off_in_a_narrow_window_or_by_long_names(page: Tab, found: Stage) -> None:
    found.ask("Hello", model="x" * 200, **{"x-request-id": "y" * 200})
    show(page, "requests")
    page.resize(380, 800)
    page.type("#filter", "y" * 40)
    page.awaits("404", "#rows tbody")
    page.press("Escape", "j", "Enter")
    page.awaits("y" * 200, "#about")
    for view in VIEWS:
        show(page, view)
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), view
    for view in ("requests", "traces", "playground"):
        show(page, view)
        assert page.run(_WIDE) == "", view
    page.resize(1280, 800)
    page.run("location.hash = 'requests'")
    page.press("Escape")
    page.run("{ const f = document.querySelector('#filter'); f.value = ''; f.dispatchEvent(new Event('input')) }")


def test_the_playground_speaks_geminis_dialect_too(page: Tab, found: Stage) -> None:
    show(page, "playground")
    page.run(
        "{ const api = document.querySelector('#ask-api');"
        " api.value = 'gemini.generate'; api.dispatchEvent(new Event('change')) }"
    )
    page.type("#ask-prompt", "Good day")
    page.click("#send")
    page.awaits("Gemini's clients always name a model", "#answered")
    page.type("#ask-model", "smart")
    page.click("#send")

    assert "You wrote: Good day" in page.awaits("complete after", "#answered")


def test_a_page_outlives_its_console_and_says_so(page: Tab, found: Stage) -> None:
    """The new console has another token, so the old page is none of its own."""
    page.open(found.console)
    page.awaits("ready", "#gateway", seconds=60)
    home = Home(found.gateway.home)
    told = json.loads((home.run / "console.json").read_text())
    port = told["url"].partition("127.0.0.1:")[2].partition("/")[0]
    os.kill(told["pid"], signal.SIGTERM)
    page.awaits("no connection to the console; trying again", "#gateway", seconds=60)
    environ = {**os.environ, **found.gateway.environ, "PLANO_CONSOLE_PORT": port}
    subprocess.run([sys.executable, "-c", _START], env=environ, check=True, timeout=60)
    url = json.loads((home.run / "console.json").read_text())["url"]
    page.awaits("this console has ended", "#gateway", seconds=60)
    page.open(url)

    page.awaits("ready", "#gateway", seconds=60)


def test_without_a_gateway_it_says_that_none_runs(page: Tab, tmp_path: Path) -> None:
    with console(tmp_path / "home") as url:
        page.open(url)

        assert str(tmp_path) in page.awaits("no gateway runs in", "#gateway", seconds=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_console_ends_quietly_under_an_open_page_and_its_collector_with_it(tmp_path: Path, number: int) -> None:
    with started(tmp_path / "home") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        origin, _, token = process.stdout.readline().strip().partition("/?token=")
        with httpx.stream("GET", f"{origin}/api/events", params={"token": token}, timeout=60) as events:
            next(events.iter_lines())
            collector = json.loads((tmp_path / "home" / "collector.json").read_text())
            process.send_signal(number)
            said = process.stderr.read()

    assert said == ""
    assert process.returncode == 0
    assert not psutil.pid_exists(collector["pid"])


def test_who_comes_back_is_told_what_was_missed_and_no_more(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    log = home.logs / "access.log"
    log.write_text(line(1) + line(2))

    def told(last: str) -> tuple[list[str], str]:
        headers = {"last-event-id": last} if last else {}
        with httpx.stream("GET", f"{origin}/api/events?token={token}", headers=headers, timeout=60) as events:
            lines = events.iter_lines()
            number = next(found for found in lines if found.startswith("id: ")).removeprefix("id: ")
            body = next(found for found in lines if found.startswith("data: ")).removeprefix("data: ")
        return [one["request_id"] for one in json.loads(body)], number

    with console(home.root) as url:
        origin, _, token = url.partition("/?token=")
        first, number = told("")
        with log.open("a") as lines:
            lines.write(line(3))

        assert first == ["r1", "r2"]
        assert told(number)[0] == ["r3"]
        assert told("999999")[0] == ["r1", "r2", "r3"]


def test_ten_thousand_requests_leave_it_usable(page: Tab, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    log = home.logs / "access.log"
    log.write_text("")
    with console(home.root) as url:
        page.open(url)
        page.awaits("no gateway runs in", "#gateway", seconds=60)
        page.errors.clear()
        with log.open("a") as lines:
            for number in range(10_000):
                lines.write(line(number, agent="weather" if number % 2 else None))
            lines.write(line(10_000, model="openai/the-last-one"))
        page.awaits("openai/the-last-one", "#rows", seconds=120)

        assert page.text("#totals").split()[:3] == ["latest", "requests", "2,000"]
        assert page.run("document.querySelectorAll('#rows tbody tr').length") == 200
        page.press("j", "j", "Enter")
        page.awaits("team-a", "#about")
        assert page.errors == []
