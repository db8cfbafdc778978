"""The sample filters, called as the gateway calls them."""

import orjson
import pytest

from plano_agents import mcp_filter, memory_filter
from plano_extproc.errors import Relayed
from plano_extproc.filters import Filter, Passing, Sessions, run, run_text
from tests.agents.samples.live import Live
from tests.filters.passing import filter_of
from tests.support.flows import drive

BEFORE = filter_of(id="before", type="http", url="http://m/before", forward_headers=["x-user"])
AFTER = filter_of(id="after", type="http", url="http://m/after")
RULES = filter_of(id="house_rules", url="http://r/mcp")
ANSWER = b'{"choices":[{"message":{"content":"ok"}}]}'


def passing(exchange: str = "r1", path: str = "/v1/chat/completions", who: str = "ann") -> Passing:
    client = {"x-request-id": exchange.encode(), "x-user": who.encode()}
    return Passing(path, client, lambda: 0.0, lambda _: None)


def chat(text: str) -> bytes:
    return orjson.dumps({"messages": [{"role": "user", "content": text}]})


@pytest.fixture
def memory() -> Live:
    app = memory_filter.app()
    return Live({one.upstream.cluster: app for one in (BEFORE, AFTER)})


def through(one: Filter, body: bytes, live: Live, at: Passing) -> bytes:
    return drive(run([one], body, at, Sessions()), live)


def test_what_a_user_said_is_known_in_the_next_request(memory: Live) -> None:
    told = chat("My name is Ann. I live in Rome, and I am allergic to nuts.")
    assert orjson.loads(through(BEFORE, told, memory, passing())) == orjson.loads(told)
    assert through(AFTER, ANSWER, memory, passing()) == ANSWER

    made = orjson.loads(through(BEFORE, chat("What can I eat?"), memory, passing("r2")))
    assert made["messages"][0] == {
        "role": "system",
        "content": "Known of the user: My name is Ann; I live in Rome; I am allergic to nuts.",
    }


def test_nothing_is_kept_of_a_request_without_answer_or_for_another_user(memory: Live) -> None:
    through(BEFORE, chat("My name is Ann."), memory, passing())
    assert through(BEFORE, chat("Hello"), memory, passing("r2")) == chat("Hello")

    through(AFTER, ANSWER, memory, passing())
    assert through(BEFORE, chat("Hello"), memory, passing("r3", who="bob")) == chat("Hello")


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/messages", {"system": "Be brief.", "messages": []}, "system"),
        ("/v1/responses", {"instructions": "Be brief.", "input": "Hi"}, "instructions"),
    ],
)
def test_facts_are_the_operators_words_in_every_dialect(memory: Live, path: str, body: object, where: str) -> None:
    through(BEFORE, chat("I like tea"), memory, passing())
    through(AFTER, ANSWER, memory, passing())
    made = orjson.loads(through(BEFORE, orjson.dumps(body), memory, passing("r2", path)))

    assert "Be brief." in str(made[where])
    assert "I like tea" in str(made[where])


@pytest.mark.parametrize("as_sse", [False, True])
def test_house_rules_refuse_and_mask(as_sse: bool) -> None:
    live, sessions = Live({RULES.upstream.cluster: mcp_filter.app(("bluebird",), as_sse=as_sse)}), Sessions()
    with pytest.raises(Relayed, match="house rules"):
        drive(run([RULES], chat("About Bluebird"), passing(), sessions), live)

    assert drive(run([RULES], chat("About birds"), passing(), sessions), live) == chat("About birds")
    assert drive(run_text([RULES], "The Bluebird flies. ", passing(), sessions), live) == "The ******** flies. "
    assert len(live.questions) == 5


def test_a_session_that_the_server_forgot_is_opened_again() -> None:
    sessions = Sessions()
    drive(run([RULES], chat("a"), passing(), sessions), Live({RULES.upstream.cluster: mcp_filter.app()}))
    restarted = Live({RULES.upstream.cluster: mcp_filter.app()})

    assert drive(run([RULES], chat("b"), passing(), sessions), restarted) == chat("b")
    assert len(restarted.questions) == 4
