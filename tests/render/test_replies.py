import json

import pytest

from plano_extproc.render import replies


def test_every_case_has_a_body_in_each_dialect() -> None:
    mappers = replies.mappers(1000, everywhere=True)

    assert len(mappers) == 3 * len(replies.cases(1000))
    for anthropic, gemini, openai in zip(mappers[::3], mappers[1::3], mappers[2::3], strict=True):
        assert json.loads(anthropic.body)["type"] == "error"
        assert set(json.loads(gemini.body)["error"]) == {"code", "message", "status"}
        assert set(json.loads(openai.body)["error"]) == {"message", "type", "param", "code"}


def test_what_envoy_fills_in_is_json_of_each_dialect() -> None:
    mappers = replies.mappers(1000, everywhere=True, has_agents=True)
    filled = [mapper.filled for mapper in mappers if mapper.filled]

    assert len(mappers) == 4 * len(replies.cases(1000, has_agents=True))
    assert len(filled) == 4 * 4
    for told in filled:
        assert told["error"]["message"].count("agent '%DYNAMIC_METADATA(plano:agent)%'") == 1


def test_agents_are_named_before_model_providers() -> None:
    told = [case.error.message for case in replies.cases(1000, has_agents=True)]
    named = [message.startswith("agent") for message in told if message.endswith(("cannot be reached", "in time"))]

    assert named[:4] == [True, True, False, False]


def test_the_last_case_takes_all_the_rest() -> None:
    assert replies.mappers(1000, everywhere=True)[-1].condition == "true"


def test_another_envoys_own_requests_have_no_mapper() -> None:
    assert all("filter_state" in mapper.condition for mapper in replies.mappers(1000, everywhere=False))


def test_the_limit_of_bodies_is_said() -> None:
    assert "12345 bytes" in replies.mappers(12345, everywhere=True)[0].body


@pytest.mark.parametrize("word", ["ext_proc", "grpc", "envoy", "upstream", "sidecar", "cluster"])
def test_messages_name_nothing_internal(word: str) -> None:
    assert all(word not in mapper.body.lower() for mapper in replies.mappers(1000, everywhere=True))


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert "GET and HEAD" in replies.wrong_method("/healthz", ("GET", "HEAD"))
    assert replies.allow(("GET", "HEAD"))[0]["header"] == {"key": "allow", "value": "GET, HEAD"}
