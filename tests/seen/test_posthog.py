"""What a PostHog project is told of a call, field by field, through a real gateway."""

import pytest

from tests.seen.stand import Seen
from tests.support.reply import Usage

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]


def test_a_call_is_an_event_with_posthogs_names(seen: Seen) -> None:
    seen.chat.say("Hello", usage=Usage(input=10, output=9, cached=3, reasoning=4))
    seen.ask("posthog", "anna@example.com says hello", model="fast", temperature=0.5, headers={"x-user": "anna"})
    (event,) = seen.events("posthog")
    about = event["properties"]

    assert (event["event"], event["distinct_id"]) == ("$ai_generation", "anna")
    assert event["timestamp"].endswith("+00:00")
    told = {
        "$ai_model": "gpt-4o",
        "$ai_provider": "openai",
        "$ai_input_tokens": 13,
        "$ai_output_tokens": 9,
        "$ai_cache_read_input_tokens": 3,
        "$ai_reasoning_tokens": 4,
        "$ai_http_status": 200,
        "$ai_is_error": False,
        "$ai_stream": False,
        "$ai_temperature": 0.5,
        "$ai_span_name": "POST /v1/chat/completions fast -> gpt-4o",
        "$ai_input": [{"role": "user", "content": "[EMAIL] says hello"}],
        # All else goes on under its own name.
        "request_id": "posthog",
        "model.requested": "fast",
        "plano.listener": "llm",
        "environment": "test",
        "signals.quality": "neutral",
        "http.path": "/v1/chat/completions",
    }
    assert {key: about.get(key) for key in told} == told
    assert about["$ai_total_cost_usd"] == pytest.approx(about["$ai_input_cost_usd"] + about["$ai_output_cost_usd"])
    assert 0 < about["$ai_latency"] < 30
    assert (len(about["$ai_trace_id"]), len(about["$ai_span_id"]), len(about["$ai_parent_id"])) == (32, 16, 16)
    assert "$process_person_profile" not in about


def test_a_stream_says_that_it_is_one_and_a_stranger_has_no_profile(seen: Seen) -> None:
    seen.ask("posthog-stream", model="gpt-4o", stream=True)
    (event,) = seen.events("posthog-stream")
    about = event["properties"]

    assert about["$ai_stream"] is True
    assert 0 < about["$ai_time_to_first_token"] <= about["$ai_latency"]
    assert about["$process_person_profile"] is False
    assert event["distinct_id"] == about["$ai_trace_id"]


def test_a_call_that_failed_says_so(seen: Seen) -> None:
    seen.chat.fail(429)
    seen.ask("posthog-failed", model="gpt-4o")
    (event,) = seen.events("posthog-failed")

    assert (event["properties"]["$ai_is_error"], event["properties"]["$ai_http_status"]) == (True, 429)
    assert event["properties"]["$ai_error"] == "429"


def test_what_is_no_call_of_a_model_is_no_event(seen: Seen) -> None:
    seen.ask("posthog-agents", "What is the weather in Rome?", "travel", model="t")
    seen.ask("posthog-after", model="gpt-4o")

    assert seen.events("posthog-after")
    batches = [one.json()["batch"] for one in seen.posthog]
    assert all("$ai_model" in event["properties"] for batch in batches for event in batch)
    assert all(one.path == "/batch/" and one.json()["api_key"] == "phc_1" for one in seen.posthog)
