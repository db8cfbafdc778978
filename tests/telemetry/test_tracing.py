import random

import pytest

from plano_extproc.config.telemetry import COLLECTOR, Tracing, effective
from plano_extproc.telemetry.spans import LLM, ROUTING, Context, Span, preview, with_conventions
from plano_extproc.telemetry.tracing import Tracer, custom_attributes

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def tracer(put: list[Span], **fields: object) -> Tracer:
    tracing = Tracing.model_validate({"opentracing_grpc_endpoint": "http://localhost:4317", **fields})
    return Tracer(tracing, put.append, random.Random(1).getrandbits)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        PARENT + "-x",
        PARENT.upper(),
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        "ff" + PARENT[2:],
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        PARENT.replace("0af", "0_f"),
    ],
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert Context.parse(text) is None


def test_a_traceparent_is_written_as_it_was_read() -> None:
    assert str(Context.parse(PARENT)) == PARENT
    assert Context.parse("cc" + PARENT[2:] + "-later") == Context.parse(PARENT)


def test_spans_make_one_tree_below_the_callers() -> None:
    ended: list[Span] = []
    span = tracer(ended, random_sampling=1).begin(LLM, PARENT, 10)
    span.update({"component": "llm"})
    child = span.child(ROUTING, 11)
    child.end(12)
    span.fail("refused")
    span.end(20)
    span.end(30)

    assert [each.name for each in ended] == ["routing", "llm"]
    inner, outer = ended
    assert inner.parent == outer.context
    assert outer.parent == Context.parse(PARENT)
    assert {each.context.trace_id for each in ended} == {0x0AF7651916CD43DD8448EB211C80319C}
    assert (outer.end_ns, outer.status, outer.attributes) == (20, "error", {"component": "llm"})
    assert span.traceparent == str(outer.context)


def test_a_caller_who_does_not_record_is_followed() -> None:
    span = tracer([], random_sampling=100).begin(LLM, PARENT[:-1] + "0", 1)

    assert not span.is_recording
    assert span.traceparent.endswith("-00")


def test_off_means_nothing_is_recorded_whatever_the_caller_says() -> None:
    assert not tracer([], random_sampling=0).begin(LLM, PARENT, 1).is_recording


def test_the_share_that_is_recorded_is_as_configured() -> None:
    sampled = tracer([], random_sampling=10)
    recorded = sum(sampled.begin(LLM, None, 1).is_recording for _ in range(20_000))

    assert 1800 < recorded < 2200


def test_headers_become_attributes_by_their_prefixes() -> None:
    custom = Tracing.model_validate(
        {"span_attributes": {"header_prefixes": ["x-acme-"], "static": {"team": "a", "env": "test"}}}
    ).span_attributes
    headers = {"x-acme-team": b" b ", "x-acme-user-id": b"7", "x-acme-": b"none", "x-other": b"no"}

    assert custom_attributes(custom, headers) == {"team": "b", "env": "test", "user.id": "7"}


def test_conventions_stand_beside_the_peers_names() -> None:
    found = with_conventions({"llm.model": "gpt-4o", "llm.usage.prompt_tokens": 3})

    assert found["gen_ai.response.model"] == "gpt-4o"
    assert found["gen_ai.usage.input_tokens"] == found["llm.usage.prompt_tokens"] == 3


def test_a_preview_has_fifty_characters() -> None:
    assert preview("ü" * 51) == "ü" * 50 + "..."
    assert preview("short") == "short"


def _tracing(share: float, url: str) -> Tracing:
    return Tracing.model_validate({"random_sampling": share, "opentracing_grpc_endpoint": url})


def test_where_spans_go_depends_on_file_and_environment() -> None:
    nothing, named = (
        Tracing(),
        _tracing(5, "http://c:1"),
    )

    assert effective(nothing, {}, is_configured=False) == nothing
    assert effective(nothing, {}, is_configured=True).opentracing_grpc_endpoint == "http://localhost:4317"
    told = {"OTEL_TRACING_GRPC_ENDPOINT": "http://d:2"}
    assert effective(nothing, told, is_configured=True).opentracing_grpc_endpoint == "http://d:2"
    assert effective(named, told, is_configured=True) == named
    started = {COLLECTOR: "http://127.0.0.1:4317"}
    assert effective(nothing, started, is_configured=False).random_sampling == 100
    assert effective(named, started, is_configured=True).random_sampling == 5
