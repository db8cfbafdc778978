"""Filters of type http: what goes out, and what each kind of answer means."""

import orjson
import pytest

from plano_extproc.errors import BadProviderAnswer, Relayed, TimedOut
from plano_extproc.filters import Record, Sessions, run
from plano_extproc.flow import Callout, CalloutFailed
from tests.filters.passing import filter_of, passing
from tests.support.flows import Script, drive, reply

BODY = b'{"model": "m", "messages": []}'
GUARD = filter_of(type="http", url="http://h:10500/clean?v=1", timeout="2s")


def run_one(script: Script, body: bytes = BODY, **keys: object) -> tuple[bytes, list[Record]]:
    records: list[Record] = []
    guard = filter_of(type="http", **keys) if keys else GUARD
    return drive(run([guard], body, passing(records), Sessions()), script), records


def test_the_body_goes_below_the_filters_url_with_no_credential() -> None:
    script = Script(reply({"messages": [1]}))
    made, records = run_one(script)

    assert script.questions == [
        Callout(
            GUARD.upstream.cluster,
            "POST",
            "/clean/v1/chat/completions?v=1",
            (
                ("content-type", b"application/json"),
                ("accept", b"application/json"),
                ("x-request-id", b"r1"),
                ("traceparent", b"00-a-b-01"),
            ),
            BODY,
            "filter guard",
            2.0,
        )
    ]
    assert orjson.loads(made) == {"messages": [1]}
    assert records == [Record("guard", "http", "changed", 0.0)]


def test_a_filters_own_and_allowed_headers_go_out() -> None:
    script = Script(reply({}))
    run_one(script, forward_headers=["Accept-Language"], headers={"X-Key": "own"})

    assert dict(script.questions[0].headers) | {"x-key": b"own", "accept-language": b"fr"} == dict(
        script.questions[0].headers
    )


@pytest.mark.parametrize("answer", [reply(b"", 204), reply(BODY)], ids=["204", "the same body"])
def test_a_filter_without_objections_leaves_the_bytes(answer: object) -> None:
    made, records = run_one(Script(answer))  # type: ignore[arg-type]

    assert made == BODY
    assert records[0].outcome == "unchanged"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no weapons", "no weapons"),
        ({"detail": "no weapons"}, "no weapons"),
        ({"error": {"message": "no weapons"}}, "no weapons"),
        ({"detail": [{"msg": "no weapons"}]}, "no weapons"),
        (b"", "refused by filter 'guard'"),
        (b"<html>x</html>", "refused by filter 'guard'"),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 422, 451])
def test_4xx_is_shown_with_its_status_and_words(body: object, words: str, status: int) -> None:
    with pytest.raises(Relayed) as caught:
        run_one(Script(reply(body, status)))

    assert (caught.value.status, caught.value.message) == (status, words)


FAILURES = [
    (reply(b"trace: /secret/path", 500), BadProviderAnswer, "answered with status 500"),
    (reply(b"", 302), BadProviderAnswer, "answered with status 302"),
    (reply(b"garbage"), BadProviderAnswer, "no JSON object"),
    (reply(b""), BadProviderAnswer, "no JSON object"),
    (CalloutFailed("unreachable"), BadProviderAnswer, "could not be reached"),
    (CalloutFailed("reset"), BadProviderAnswer, "hung up"),
    (CalloutFailed("timeout"), TimedOut, "did not answer in time"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), FAILURES)
def test_a_failing_filter_rejects_and_shows_nothing_of_itself(answer: object, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        run_one(Script(answer))  # type: ignore[arg-type]

    assert "filter 'guard'" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "h:10500" not in str(caught.value)


@pytest.mark.parametrize(("answer", "kind", "words"), FAILURES)
def test_a_failing_filter_may_be_skipped(answer: object, kind: type, words: str) -> None:
    made, records = run_one(Script(answer), on_error="skip")  # type: ignore[arg-type]

    assert made == BODY
    assert records[0].outcome == "skipped"
    assert words.split()[-1] in records[0].reason


def test_a_refusal_is_never_skipped() -> None:
    with pytest.raises(Relayed):
        run_one(Script(reply(b"no", 400)), on_error="skip")


def test_each_filter_gets_what_the_one_before_made() -> None:
    one, two = filter_of(id="one", type="http"), filter_of(id="two", type="http")
    script = Script(reply({"n": 1}), reply({"n": 2}))
    made = drive(run([one, two], BODY, passing(), Sessions()), script)

    assert script.questions[1].body == b'{"n":1}'
    assert made == b'{"n":2}'


def test_a_refusal_ends_the_chain() -> None:
    records: list[Record] = []
    script = Script(reply(b"no", 403))
    with pytest.raises(Relayed):
        drive(
            run([filter_of(type="http"), filter_of(id="two", type="http")], BODY, passing(records), Sessions()), script
        )

    assert [(one.filter, one.outcome) for one in records] == [("guard", "refused")]


def test_seconds_are_those_of_the_callers_clock() -> None:
    ticks = iter([10.0, 10.5, 11.0, 12.25])
    records: list[Record] = []
    drive(run([GUARD], BODY, passing(records, clock=lambda: next(ticks)), Sessions()), Script(reply({})))

    assert records[0].seconds == 2.25
