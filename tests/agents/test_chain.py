"""Agents one after another and at once: what each is told, and what a failure means."""

from collections.abc import Generator
from typing import Any

import orjson
import pytest

from plano_extproc.agents import Agent, Handover, Joined, Record, run
from plano_extproc.errors import BadProviderAnswer, GatewayError, InvalidRequest, Relayed, TimedOut, Unavailable
from plano_extproc.flow import CalloutFailed, Together
from tests.agents.making import Agents, agent, completion, running, streamed
from tests.support.flows import drive, reply

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Rome, then a flight."}]
REQUEST = {"model": "any", "messages": ASK, "stream": True, "tools": [{"type": "function"}], "x_custom": 1}
WEATHER, FLIGHTS, OTHER = agent("weather"), agent("flights"), agent("other")
LISTED = [WEATHER, FLIGHTS, OTHER]


def no_filters(_: tuple[str, ...], body: bytes) -> Generator[Any, Any, bytes]:
    return body
    yield


def tagging(ids: tuple[str, ...], body: bytes) -> Generator[Any, Any, bytes]:
    """Name the filters in the body, and refuse for one called `no`."""
    if "no" in ids:
        raise Relayed("not this", 403)
    request = orjson.loads(body)
    return orjson.dumps(request | {"filters": [*request.get("filters", []), *ids]})
    yield


def chain(chosen: list[Agent], answers: Agents, **options: Any) -> Handover | Joined:
    records = options.pop("records", None)
    listed = options.pop("listed", LISTED)
    filtered = options.pop("filtered", no_filters)
    return drive(run(chosen, options.pop("request", REQUEST), listed, running(records), filtered, **options), answers)


def handed(chosen: list[Agent], answers: Agents, **options: Any) -> Handover:
    found = chain(chosen, answers, **options)
    assert isinstance(found, Handover)
    return found


def test_one_agent_gets_the_request_as_it_is() -> None:
    found = handed([WEATHER], Agents())

    assert orjson.loads(found.body) == REQUEST
    assert (found.path, found.cluster, found.ran) == (
        "/v1/chat/completions",
        WEATHER.upstreams[0].cluster,
        ("weather",),
    )
    assert dict(found.headers) == {"content-type": b"application/json", "x-request-id": b"r1"}
    assert (found.timeout, found.retries, found.fallback, found.said) == (30.0, 0, None, ())


@pytest.mark.parametrize("answer", [completion("21 degrees"), streamed("21", " degrees")], ids=["whole", "stream"])
def test_what_one_says_stands_before_the_last_message_of_the_next(answer: Any) -> None:
    records: list[Record] = []
    found = handed([WEATHER, FLIGHTS], Agents(weather=answer), records=records)

    assert orjson.loads(found.body) == REQUEST | {
        "messages": [ASK[0], {"role": "assistant", "content": "21 degrees", "name": "weather"}, ASK[1]]
    }
    assert found.ran == ("weather", "flights")
    assert records == [Record("weather", "answered", 0.0, 1, 200)]


def test_the_first_agents_are_asked_for_a_whole_answer_without_the_clients_tools() -> None:
    answers = Agents(weather=completion("x"))
    handed([WEATHER, FLIGHTS], answers)
    question = answers.questions[0]

    assert orjson.loads(question.body) == {"model": "any", "messages": ASK, "stream": False, "x_custom": 1}
    assert (question.method, question.path, question.timeout) == ("POST", "/v1/chat/completions", 30.0)
    assert "authorization" not in dict(question.headers)


def test_three_agents_see_all_that_was_said_in_order() -> None:
    answers = Agents(weather=completion("sun"), flights=completion("9:00"))
    found = handed([WEATHER, FLIGHTS, OTHER], answers)

    assert [one["content"] for one in answers.messages(1)] == ["Be brief.", "sun", ASK[1]["content"]]
    assert [one["content"] for one in orjson.loads(found.body)["messages"]][1:3] == ["sun", "9:00"]
    assert found.said == (("weather", "sun"), ("flights", "9:00"))


def test_results_of_tools_stay_behind_their_calls() -> None:
    calls = {"role": "assistant", "tool_calls": [{"id": "1"}, {"id": "2"}]}
    results = [{"role": "tool", "tool_call_id": "1"}, {"role": "tool", "tool_call_id": "2"}]
    request = {"messages": [*ASK, calls, *results]}
    found = handed([WEATHER, FLIGHTS], Agents(weather=completion("sun")), request=request)

    assert [one["role"] for one in orjson.loads(found.body)["messages"]] == [
        "system", "user", "assistant", "assistant", "tool", "tool",
    ]  # fmt: skip
    assert orjson.loads(found.body)["messages"][2]["content"] == "sun"


def test_an_empty_answer_inserts_nothing() -> None:
    records: list[Record] = []
    found = handed([WEATHER, FLIGHTS], Agents(weather=completion("")), records=records)

    assert orjson.loads(found.body)["messages"] == ASK
    assert records[0].outcome == "empty"


def test_no_messages_is_a_bad_request() -> None:
    with pytest.raises(InvalidRequest, match="messages"):
        chain([WEATHER], Agents(), request={"messages": []})


BROKEN = [
    (CalloutFailed("timeout"), TimedOut, 504),
    (CalloutFailed("unreachable"), Unavailable, 503),
    (CalloutFailed("reset"), BadProviderAnswer, 502),
    (CalloutFailed("too_large"), BadProviderAnswer, 502),
    (reply({"error": {"message": "out of tokens"}}, 429), Relayed, 429),
    (reply(b"", 500), Relayed, 500),
    (reply(b"", 302), BadProviderAnswer, 502),
    (reply(b"<html>hello</html>", content_type="text/html"), BadProviderAnswer, 502),
    (reply(b""), BadProviderAnswer, 502),
    (reply({"choices": []}), BadProviderAnswer, 502),
    (reply([1]), BadProviderAnswer, 502),
    (streamed("half", end=b""), BadProviderAnswer, 502),
    (streamed("half", end=b'data: {"error": {"message": "x"}}\n\n'), BadProviderAnswer, 502),
    (streamed(end=b"data: garbage\n\n"), BadProviderAnswer, 502),
]


@pytest.mark.parametrize(("answer", "kind", "status"), BROKEN)
def test_a_failing_agent_fails_the_request_with_its_status(answer: Any, kind: type[GatewayError], status: int) -> None:
    with pytest.raises(kind) as caught:
        chain([WEATHER, FLIGHTS], Agents(weather=answer))

    assert caught.value.status == status


def test_an_agents_words_are_kept() -> None:
    with pytest.raises(Relayed, match="out of tokens"):
        chain([WEATHER, FLIGHTS], Agents(weather=reply({"error": {"message": "out of tokens"}}, 429)))


@pytest.mark.parametrize(("answer", "kind", "status"), BROKEN)
def test_a_failing_agent_may_be_skipped(answer: Any, kind: type, status: int) -> None:
    records: list[Record] = []
    found = handed([agent("weather", on_error="skip"), FLIGHTS], Agents(weather=answer), records=records)

    assert orjson.loads(found.body)["messages"] == ASK
    assert found.ran == ("flights",)
    assert records[0].outcome == "skipped"


@pytest.mark.parametrize(("answer", "kind", "status"), BROKEN)
def test_another_takes_over_from_a_failing_agent(answer: Any, kind: type, status: int) -> None:
    records: list[Record] = []
    weather = agent("weather", on_error={"fallback": "other"})
    answers = Agents(weather=answer, other=completion("rain"))
    found = handed([weather, FLIGHTS], answers, records=records)

    assert found.ran == ("other", "flights")
    assert orjson.loads(found.body)["messages"][1]["name"] == "other"
    assert [(one.agent, one.outcome) for one in records] == [("weather", "replaced"), ("other", "answered")]


def test_no_agent_runs_twice() -> None:
    weather = agent("weather", on_error={"fallback": "flights"})
    answers = Agents(weather=reply(b"", 500))
    found = handed([weather, FLIGHTS], answers)

    assert answers.asked == ["weather"]
    assert found.ran == ("flights",)


def test_agents_that_take_over_from_each_other_end() -> None:
    one, two = agent("one", on_error={"fallback": "two"}), agent("two", on_error={"fallback": "one"})
    answers = Agents(one=reply(b"", 500), two=reply(b"", 503))
    with pytest.raises(Relayed) as caught:
        chain([one, FLIGHTS], answers, listed=[one, two, FLIGHTS])

    assert caught.value.status == 503
    assert answers.asked == ["one", "two"]


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ([CalloutFailed("reset"), reply(b"", 503), completion("sun")], 3),
        ([reply(b"", 429), completion("sun")], 2),
        ([reply(b"garbage"), completion("sun")], 2),
    ],
)
def test_a_failed_try_is_tried_again(answers: list[Any], tries: int) -> None:
    records: list[Record] = []
    script = Agents(weather=answers)
    handed([agent("weather", retries=2), FLIGHTS], script, records=records)

    assert records == [Record("weather", "answered", 0.0, tries, 200)]
    assert len(script.questions) == tries


def test_what_one_place_of_an_agent_cannot_answer_another_does() -> None:
    script = Agents(weather=[reply(b"", 503), completion("sun")])
    handed([agent("weather", url=["http://a/v1", "http://b/other"]), FLIGHTS], script)

    paths = {one.path for one in script.questions if one.what == "agent weather"}
    assert paths == {"/v1/chat/completions", "/other/v1/chat/completions"}


def test_servers_that_envoy_has_tried_are_not_tried_again() -> None:
    servers = ["http://a", "http://b"]
    script = Agents(weather=reply(b"", 503))
    with pytest.raises(Relayed):
        chain([agent("weather", url=servers, retries=1), FLIGHTS], script)
    assert len(script.questions) == 1
    assert dict(script.questions[0].headers)["x-plano-instances"] == b"2"

    script = Agents(weather=CalloutFailed("timeout"))
    with pytest.raises(TimedOut):
        chain([agent("weather", url=servers, retries=1), FLIGHTS], script)
    assert len(script.questions) == 2


def test_tries_end_and_a_refusal_has_only_one() -> None:
    script = Agents(weather=reply(b"", 503))
    with pytest.raises(Relayed):
        chain([agent("weather", retries=2), FLIGHTS], script)
    assert len(script.questions) == 3

    script = Agents(weather=reply(b"", 400))
    with pytest.raises(Relayed):
        chain([agent("weather", retries=2), FLIGHTS], script)
    assert len(script.questions) == 1


def test_each_agent_has_its_own_filters_time_and_headers() -> None:
    own = {"headers": {"x-key": "k"}, "forward_headers": ["accept-language"]}
    weather = agent("weather", input_filters=["a", "b"], timeout="2s", url="http://h/base?v=1", declared=own)
    answers = Agents(weather=completion("sun"))
    found = handed([weather, agent("flights", input_filters=["c"])], answers, filtered=tagging)

    assert orjson.loads(answers.questions[0].body)["filters"] == ["a", "b"]
    assert orjson.loads(found.body)["filters"] == ["c"]
    question = answers.questions[0]
    assert (question.path, question.timeout) == ("/base/v1/chat/completions?v=1", 2.0)
    assert dict(question.headers)["x-key"] == b"k"
    assert dict(question.headers)["accept-language"] == b"fr"


def test_a_filters_refusal_is_no_failure_of_the_agent() -> None:
    weather = agent("weather", input_filters=["no"], on_error="skip")
    with pytest.raises(Relayed, match="not this"):
        chain([weather, FLIGHTS], Agents(), filtered=tagging)


def test_the_last_agents_fallback_is_handed_over_too() -> None:
    flights = agent("flights", on_error={"fallback": "other"}, input_filters=["a"])
    other = agent("other", input_filters=["b"])
    found = handed([flights], Agents(), listed=[flights, other], filtered=tagging)

    assert found.fallback is not None
    assert (found.fallback.agent, found.fallback.ran) == ("other", ("other",))
    assert orjson.loads(found.body)["filters"] == ["a"]
    assert orjson.loads(found.fallback.body)["filters"] == ["b"]


def test_equal_filters_run_once_for_an_agent_and_its_fallback() -> None:
    seen: list[tuple[str, ...]] = []

    def counting(ids: tuple[str, ...], body: bytes) -> Generator[Any, Any, bytes]:
        seen.append(ids)
        return (yield from tagging(ids, body))

    flights = agent("flights", on_error={"fallback": "other"}, input_filters=["a"])
    found = handed([flights], Agents(), listed=[flights, agent("other", input_filters=["a"])], filtered=counting)

    assert seen == [("a",)]
    assert found.fallback is not None
    assert found.fallback.body == found.body


def test_a_fallback_that_filters_refuse_is_none() -> None:
    flights = agent("flights", on_error={"fallback": "other"})
    found = handed([flights], Agents(), listed=[flights, agent("other", input_filters=["no"])], filtered=tagging)

    assert found.fallback is None


def test_at_once_all_are_asked_together_and_joined_as_declared() -> None:
    flow = run([FLIGHTS, WEATHER], REQUEST, LISTED, running(), no_filters, at_once=True)
    question = next(flow)

    assert isinstance(question, Together)
    assert [one.what for one in question.questions] == ["agent weather", "agent flights"]
    with pytest.raises(StopIteration) as ended:
        flow.send([completion("sun\n"), streamed("9:00")])
    found = ended.value.value
    assert (found.text, found.ran) == ("sun\n\n9:00", ("weather", "flights"))


def test_at_once_each_keeps_its_retries_and_fallbacks() -> None:
    weather, flights = agent("weather", retries=1), agent("flights", on_error={"fallback": "other"})
    answers = Agents(
        weather=[CalloutFailed("reset"), completion("sun")], flights=reply(b"", 500), other=completion("ask me")
    )
    found = chain([weather, flights], answers, listed=[weather, flights, OTHER], at_once=True)

    assert isinstance(found, Joined)
    assert found.said == (("weather", "sun"), ("other", "ask me"))
    assert answers.asked == ["weather", "flights", "weather", "other"]


def test_at_once_a_failure_fails_all_unless_it_is_skipped() -> None:
    with pytest.raises(Relayed):
        chain([WEATHER, FLIGHTS], Agents(weather=completion("sun"), flights=reply(b"", 500)), at_once=True)

    skipping = agent("flights", on_error="skip")
    answers = Agents(weather=completion("sun"), flights=reply(b"", 500))
    found = chain([WEATHER, skipping], answers, at_once=True)
    assert isinstance(found, Joined)
    assert (found.text, found.ran) == ("sun", ("weather",))


def test_at_once_nobody_answering_is_an_error() -> None:
    one, two = agent("one", on_error="skip"), agent("two", on_error="skip")
    with pytest.raises(BadProviderAnswer, match="none of the agents"):
        chain([one, two], Agents(one=reply(b"", 500), two=reply(b"", 500)), listed=[one, two], at_once=True)


def test_one_agent_at_once_is_handed_over() -> None:
    assert isinstance(chain([WEATHER], Agents(), at_once=True), Handover)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h", "/v1/chat/completions"),
        ("http://h/", "/v1/chat/completions"),
        ("http://h/agents/a", "/agents/a/v1/chat/completions"),
        ("http://h/v1", "/v1/chat/completions"),
        ("http://h/x/v1/chat/completions", "/x/v1/chat/completions"),
    ],
)
def test_an_agents_url_is_kept(url: str, path: str) -> None:
    assert handed([agent("weather", url=url)], Agents()).path == path


def test_instances_at_other_paths_share_conversations() -> None:
    split = agent("weather", url=["http://a/v1", "http://b/v1", "http://c/other"])

    assert [len(one.hosts) for one in split.upstreams] == [2, 1]
    paths = [
        drive(run([split], REQUEST, [split], running(key=b"%d" % at), no_filters), Agents()).path for at in range(600)
    ]
    assert 130 < paths.count("/other/v1/chat/completions") < 270
