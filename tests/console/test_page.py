"""The page in a real browser, in front of a real gateway. Skipped, with the reason, where no browser can be had."""

from collections.abc import Iterator

import pytest

from tests.console.stage import ASKED, Stage, stage
from tests.support.browser import Tab, tab

pytestmark = [pytest.mark.envoy, pytest.mark.browser, pytest.mark.timeout(240)]

VIEWS = ("Requests", "Traces", "Signals", "Cost", "Guards", "Providers", "Configuration", "Playground", "Agents")


@pytest.fixture(scope="module")
def stand() -> Iterator[tuple[Stage, Tab]]:
    with tab() as page, stage() as found:
        for prompt in ASKED:
            assert found.ask(prompt).status_code == 200
        page.resize(1280, 800)
        page.open(found.console)
        page.awaits("ready", "#gateway")
        yield found, page


@pytest.fixture(autouse=True)
def at_the_start(stand: tuple[Stage, Tab]) -> Iterator[None]:
    page = stand[1]
    page.run("location.hash = 'requests'")
    page.awaits("Requests", "nav [aria-current]")
    page.awaits("dev-model", "#rows")
    yield
    assert page.errors == []


def go(page: Tab, number: int) -> None:
    """Go to a view by its key."""
    page.press(str(number))
    page.awaits(VIEWS[number - 1], "nav [aria-current]")


def test_requests_show_with_their_route_and_its_reason(stand: tuple[Stage, Tab]) -> None:
    for words in ("travel", "code", "anthropic/dev-model-large", "lexical 'travel'"):
        stand[1].awaits(words, "#rows")


def test_a_new_request_shows_by_itself(stand: tuple[Stage, Tab]) -> None:
    found, page = stand
    found.ask("Hello", model="smart", **{"x-request-id": "a-request-of-mine"})
    page.awaits("alias smart", "#rows")
    page.press("k", "k", "k", "k", "k", "k", "k", "k", "Enter")

    page.awaits("a-request-of-mine", "#about")


def test_all_can_be_done_by_keys(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    for number in range(1, len(VIEWS) + 1):
        go(page, number)
    go(page, 1)
    page.press("j", "j", "Enter")
    page.awaits("request", "#about")
    page.press("Escape")

    assert page.run("document.querySelector('#about').hidden") is True
    page.press("?")
    assert page.run("document.querySelector('#keys').open") is True
    page.run("document.querySelector('#keys').close()")


def test_a_request_opens_with_its_trace_as_a_waterfall(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    page.awaits("travel", "#rows")
    page.press("/")
    page.type("#filter", "travel")
    page.press("Escape", "j", "Enter")
    for name in ("llm POST", "inbound POST", "routing routing"):
        page.awaits(name, "#about")
    page.run("document.querySelector('.spans').focus()")
    page.press("ArrowDown", "ArrowDown")
    assert "llm.usage.prompt_tokens" in page.awaits("plano(llm) ·", "#about .about")
    _clear(page)


def test_traces_show_by_themselves(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    go(page, 2)
    page.awaits("POST /v1/chat/completions", "#view")
    page.press("j")

    page.awaits("plano(inbound)", "#about")


def test_signals_show_with_the_request_that_they_were_in(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    go(page, 3)

    page.awaits("interaction.satisfaction.success", "#view")
    page.awaits("excellent", "#view")


def _clear(page: Tab) -> None:
    page.run(
        "{ const f = document.querySelector('#filter'); f.value = ''; f.dispatchEvent(new Event('input')); f.blur() }"
    )


def test_the_list_is_filtered_by_words(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    page.press("/")
    page.type("#filter", "code dev-model-large")
    rows = page.awaits("code", "#rows")

    assert "travel" not in rows
    _clear(page)


def test_the_playground_sends_and_explains(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    go(page, 8)
    page.type("#ask-prompt", "Which flights go to Lisbon?")
    page.click("#send")

    answer = page.awaits("complete after", "#answered")
    assert "You wrote: Which flights go to Lisbon?" in answer
    assert "200" in answer
    assert "travel" in answer
    assert "travel" in page.awaits("because", "#decided")


def test_providers_and_configuration_show_without_secrets(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    go(page, 6)
    page.awaits("healthy", "#view")
    go(page, 7)
    shown = page.awaits("generation", "#view")

    assert "dev-model-large" in shown
    assert "sk-very-secret" not in page.run("document.documentElement.outerHTML")


def test_what_was_used_is_added_up(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    go(page, 4)

    page.awaits("openai/dev-model", "#view")
    assert "By client" in page.text("#view")


def test_it_is_dark_where_the_system_is_and_either_by_a_key(stand: tuple[Stage, Tab]) -> None:
    page = stand[1]
    ground = "getComputedStyle(document.body).backgroundColor"
    page.prefers("light")
    light = page.run(ground)
    page.prefers("dark")
    dark = page.run(ground)
    page.press("t")
    chosen = page.run(ground)
    page.run("localStorage.clear(); delete document.documentElement.dataset.theme")
    page.prefers("light")

    assert (light != dark, chosen) == (True, light)


def test_nothing_is_asked_of_anyone_else_and_nothing_overflows(stand: tuple[Stage, Tab]) -> None:
    found, page = stand
    origin = found.console.partition("/?")[0]

    assert [url for url in page.asked if not url.startswith((origin, "about:", "data:"))] == []
    for width in (1280, 400):
        page.resize(width, 800)
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), width
    page.resize(1280, 800)
